// Runs all C tests: c99_test MODEL.lfm2
#include "check.h"

#include <stdlib.h>

int g_checks;
int g_failures;
TestImage g_image;
unsigned char g_arena[2][ARENA_BYTES] LFM2_ALIGNED(4096);

static unsigned char g_file[8u << 20] LFM2_ALIGNED(4096);

void CheckThat(bool condition, const char* text, const char* file, int line) {
  ++g_checks;
  if (condition) return;
  ++g_failures;
  fprintf(stderr, "%s:%d: %s\n", file, line, text);
}

void CheckStatus(lfm2_status status, uint32_t code, const char* where, const char* text, const char* file, int line) {
  char sentence[256];
  ++g_checks;
  if (status.code == code && (where == NULL || strcmp(status.where, where) == 0)) return;
  ++g_failures;
  lfm2_status_format(&status, sentence, sizeof(sentence));
  fprintf(stderr, "%s:%d: %s: %s; expected %s at %s\n", file, line, text, sentence, lfm2_status_name(code),
          where == NULL ? "any place" : where);
}

lfm2_session_options SmallOptions(void) {
  lfm2_session_options options = lfm2_session_options_default();
  options.context_length = 256;
  options.prefill_chunk = 8;
  options.max_word_bytes = 64;
  return options;
}

lfm2_conversation_options GreedyOptions(void) {
  lfm2_conversation_options options = lfm2_conversation_options_default();
  options.sampler.temperature = 0;
  options.sampler.repetition_penalty = 1;
  return options;
}

void OpenTestModel(TestModel* model, int arena) {
  const lfm2_session_options options = SmallOptions();
  const lfm2_conversation_options greedy = GreedyOptions();
  CHECK_OK(lfm2_storage_open_memory(&model->storage, g_image.bytes, g_image.size));
  CHECK_OK(lfm2_open_model_in_place(&model->storage, &options, g_arena[arena], ARENA_BYTES, &model->image,
                                    &model->session, NULL));
  CHECK_OK(lfm2_conversation_open(&model->chat, &model->session, &greedy));
}

void CloseTestModel(TestModel* model) {
  lfm2_conversation_close(&model->chat);
  lfm2_session_close(&model->session);
  lfm2_image_close(&model->image);
  lfm2_storage_close(&model->storage);
}

bool KeepText(void* user, const char* text, size_t bytes) {
  TestText* const to = user;
  if (to->stop_at > 0 && to->size >= to->stop_at) ++to->calls_after_stop;
  if (bytes > sizeof(to->data) - 1 - to->size) bytes = sizeof(to->data) - 1 - to->size;
  memcpy(to->data + to->size, text, bytes);
  to->size += bytes;
  return to->stop_at == 0 || to->size < to->stop_at;
}

int main(int argc, char** argv) {
  FILE* file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) {
    fputs("usage: c99_test MODEL.lfm2\n", stderr);
    return 2;
  }
  g_image.bytes = g_file;
  g_image.size = fread(g_file, 1, sizeof(g_file), file);
  g_image.path = argv[1];
  fclose(file);
  TestOpening();
  TestSession();
  TestStreaming();
  TestTokens();
  TestToolCalls();
  TestConstraint();
  TestConversation();
  TestState();
  TestMisuse();
  printf("%d checks, %d failed\n", g_checks, g_failures);
  return g_failures == 0 ? 0 : 1;
}
