// How do I use the library from C?
//
// Include `lfm2_c.h`. It has the same objects as structs of bytes that you allocate, and zero bytes are a closed
// object. One file of the program is C++ and defines `LFM2_C_IMPLEMENTATION` before the include; in CMake
// `lfm2_add_library` makes it. Files and threads are available where `LFM2_POSIX` is defined.

#include <stdio.h>

#include "lfm2_c.h"

static unsigned char arena[4 << 20] LFM2_ALIGNED(4096);
static lfm2_storage storage;
static lfm2_image image;
static lfm2_session session;
static lfm2_conversation chat;

static bool Show(void* user, const char* text, size_t bytes) {
  (void)user;
  return fwrite(text, 1, bytes, stdout) == bytes;  // false ends the answer
}

static lfm2_status Run(const char* path) {
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, "Could you remind me in 21 minutes please.");
  const lfm2_answer_options answer = lfm2_answer_options_default(64);
  lfm2_session_options options = lfm2_session_options_default();
  lfm2_conversation_options greedy = lfm2_conversation_options_default();
  options.context_length = 512;
  greedy.sampler.temperature = 0;
  lfm2_status status = lfm2_storage_open_mapped_file(&storage, path);
  if (status.code == LFM2_OK) {
    status = lfm2_open_model(&storage, &options, arena, sizeof(arena), &image, &session, NULL);
  }
  if (status.code == LFM2_OK) status = lfm2_conversation_open(&chat, &session, &greedy);
  if (status.code == LFM2_OK) status = lfm2_conversation_ask(&chat, &question, &answer, Show, NULL);
  return status;
}

int main(int argc, char** argv) {
  const lfm2_status status = Run(argc > 1 ? argv[1] : "build/release/models/home.lfm2");
  char message[256];
  lfm2_status_format(&status, message, sizeof(message));
  if (status.code != LFM2_OK) fprintf(stderr, "%s\n", message);
  printf("\n");
  return status.code == LFM2_OK ? 0 : 1;
}

// Prints:
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
