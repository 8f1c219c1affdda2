// What the C tests share: checks that are counted, and the small model opened from a file in memory.
#ifndef LFM2_TESTS_C_CHECK_H_
#define LFM2_TESTS_C_CHECK_H_

#include <stdio.h>
#include <string.h>

#include "lfm2_c.h"

// In check.c.
extern int g_checks;
extern int g_failures;
void CheckThat(bool condition, const char* text, const char* file, int line);
void CheckStatus(lfm2_status status, uint32_t code, const char* where, const char* text, const char* file, int line);

#define CHECK(condition) CheckThat((condition), #condition, __FILE__, __LINE__)
#define CHECK_OK(call) CheckStatus((call), LFM2_OK, NULL, #call, __FILE__, __LINE__)
// The call fails with the code, and names `where`.
#define CHECK_FAILS(call, code, where) CheckStatus((call), (code), (where), #call, __FILE__, __LINE__)

// The model's file, in memory that is aligned to 4096 bytes.
typedef struct TestImage {
  const unsigned char* bytes;
  size_t size;
  const char* path;
} TestImage;
extern TestImage g_image;

// A model that is open in static memory of its own; all of them are closed between two tests.
typedef struct TestModel {
  lfm2_storage storage;
  lfm2_image image;
  lfm2_session session;
  lfm2_conversation chat;
} TestModel;
#define ARENA_BYTES (4u << 20)
extern unsigned char g_arena[2][ARENA_BYTES] LFM2_ALIGNED(4096);

// Context of 256, greedy: arena 0 or 1.
lfm2_session_options SmallOptions(void);
lfm2_conversation_options GreedyOptions(void);
void OpenTestModel(TestModel* model, int arena);
void CloseTestModel(TestModel* model);

// A sink that keeps what it gets, as a string; says stop when it has `stop_at` bytes (0: never).
typedef struct TestText {
  char data[1024];
  size_t size;
  size_t stop_at;
  int calls_after_stop;
} TestText;
bool KeepText(void* user, const char* text, size_t bytes);

#define QUESTION "Could you remind me in 21 minutes please."
#define ANSWER "<|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>"

void TestOpening(void);
void TestSession(void);
void TestStreaming(void);
void TestTokens(void);
void TestToolCalls(void);
void TestConstraint(void);
void TestConversation(void);
void TestState(void);
void TestMisuse(void);

#endif  // LFM2_TESTS_C_CHECK_H_
