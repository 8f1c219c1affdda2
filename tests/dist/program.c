/* A program in C99: the model of the command line answers a command. */
#include <stdio.h>

#include "lfm2_c.h"

static lfm2_storage storage;
static lfm2_image image;
static lfm2_session session;
static lfm2_conversation chat;
static unsigned char arena[16 << 20] LFM2_ALIGNED(4096);

static bool Print(void* user, const char* text, size_t bytes) {
  (void)user;
  return fwrite(text, 1, bytes, stdout) == bytes;
}

static lfm2_status Answer(const char* path) {
  lfm2_session_options options = lfm2_session_options_default();
  lfm2_conversation_options greedy = lfm2_conversation_options_default();
  const lfm2_answer_options answer = lfm2_answer_options_default(64);
  const lfm2_chat_message message =
      lfm2_chat_message_of(LFM2_ROLE_USER, "Could you heat the hallway to 17 degrees, please");
  lfm2_status status = lfm2_storage_open_mapped_file(&storage, path);
  options.context_length = 512;
  greedy.sampler.temperature = 0;
  if (status.code == LFM2_OK) {
    status = lfm2_open_model_in_place(&storage, &options, arena, sizeof(arena), &image, &session, NULL);
  }
  if (status.code == LFM2_OK) status = lfm2_conversation_open(&chat, &session, &greedy);
  if (status.code == LFM2_OK) status = lfm2_conversation_begin_ask(&chat, &message, &answer);
  while (status.code == LFM2_OK && lfm2_conversation_is_busy(&chat)) {
    status = lfm2_conversation_step(&chat, Print, NULL);
  }
  return status;
}

int main(int argc, char** argv) {
  char message[256] = "";
  const lfm2_status status = Answer(argc == 2 ? argv[1] : "");
  if (status.code != LFM2_OK) lfm2_status_format(&status, message, sizeof(message));
  puts(message);
  return status.code == LFM2_OK ? 0 : 1;
}
