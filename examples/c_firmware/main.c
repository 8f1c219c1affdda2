// An assistant on a serial line, in C99, without a heap: each line is a command, and the model answers with the call of
// a tool. Ctrl-D, or an empty line, ends it. With READ_BLOCKS a driver's function reads the model as tokens need it;
// without it, the model is used in place in flash.
#include "lfm2_c.h"
#include "platform.h"

// Objects in static memory: all zeros is a closed object.
static lfm2_storage g_storage;
static lfm2_image g_image;
static lfm2_session g_session;
static lfm2_conversation g_chat;
static unsigned char g_arena[LFM2_ARENA_BYTES] LFM2_ALIGNED(4096);

static bool Print(void* user, const char* text, size_t bytes) {
  (void)user;
  for (; bytes > 0; --bytes) PutByte(*text++);
  return true;  // continue
}

static lfm2_status OpenModel(void) {
  lfm2_session_options options = lfm2_session_options_default();
  lfm2_status status;
  options.context_length = 256;
  options.prefill_chunk = 8;
  options.max_word_bytes = 64;
#if defined(READ_BLOCKS)
  {
    lfm2_block_device device = lfm2_block_device_default();
    device.read = ReadBlocks;
    device.bytes = FlashBytes();
    status = lfm2_storage_open_blocks(&g_storage, &device);
    if (status.code != LFM2_OK) return status;
    return lfm2_open_model(&g_storage, &options, g_arena, sizeof(g_arena), &g_image, &g_session, NULL);
  }
#else
  status = lfm2_storage_open_memory(&g_storage, FlashAddress(), FlashBytes());
  if (status.code != LFM2_OK) return status;
  return lfm2_open_model_in_place(&g_storage, &options, g_arena, sizeof(g_arena), &g_image, &g_session, NULL);
#endif
}

// A new chat that always chooses the likeliest token.
static lfm2_status Answer(lfm2_text command) {
  lfm2_conversation_options greedy = lfm2_conversation_options_default();
  const lfm2_answer_options options = lfm2_answer_options_default(LFM2_ANSWER_TOKENS);
  lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, NULL);
  lfm2_status status;
  greedy.sampler.temperature = 0;
  greedy.sampler.repetition_penalty = 1;
  message.content = command;
  status = lfm2_conversation_open(&g_chat, &g_session, &greedy);
  if (status.code == LFM2_OK) status = lfm2_conversation_begin_ask(&g_chat, &message, &options);
  while (status.code == LFM2_OK && lfm2_conversation_is_busy(&g_chat)) {
    // Between two steps the firmware can do other work.
    status = lfm2_conversation_step(&g_chat, Print, NULL);
  }
  return status;
}

static lfm2_text ReadLine(char* line, size_t capacity) {
  lfm2_text text = {NULL, 0};
  text.data = line;
  for (;;) {
    const char byte = GetByte();
    if (byte == '\n' || byte == '\r' || byte == 4) return text;
    if (text.size < capacity) line[text.size++] = byte;
  }
}

int Main(void) {
  static char line[256], message[256];
  lfm2_status status = OpenModel();
  while (status.code == LFM2_OK) {
    const lfm2_text command = ReadLine(line, sizeof(line));
    if (command.size == 0) return 0;
    status = Answer(command);
    PutByte('\n');
  }
  Print(NULL, message, lfm2_status_format(&status, message, sizeof(message)));
  PutByte('\n');
  return 1;
}
