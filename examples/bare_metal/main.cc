// An assistant on a serial line, without an operating system, a heap or a C library: each line is a command, and the
// model answers with the call of a tool. The image is used where it lies in flash (LFM2_IMAGE_ADDRESS), or read from a
// block device as tokens need it. Ctrl-D, or an empty line, ends it.
#include "board.h"
#include "lfm2.h"
#if !defined(LFM2_IMAGE_ADDRESS)
#include "virtio_block.h"
#endif

namespace {

alignas(lfm2::kRecordAlignment) std::byte g_arena[LFM2_ARENA_BYTES];
lfm2::Image g_image;
lfm2::Session g_session;
lfm2::Conversation g_chat;

void Print(std::string_view text) {
  for (const char byte : text) {
    if (byte == '\n') PutByte('\r');
    PutByte(byte);
  }
}
void Print(uint64_t number) {
  char digits[20];
  size_t begin = sizeof(digits);
  do {
    digits[--begin] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  Print({digits + begin, sizeof(digits) - begin});
}

// False at the end of all lines.
bool ReadLine(char* line, size_t capacity, std::string_view* text) {
  size_t size = 0;
  for (;;) {
    const char byte = GetByte();
    if (byte == '\n' || byte == '\r' || byte == 4) break;
    if (size < capacity) line[size++] = byte;
  }
  *text = {line, size};
  return size > 0;
}

#if defined(LFM2_IMAGE_ADDRESS)

lfm2::MemoryStorage g_storage;

lfm2::Status OpenImage(lfm2::Span<std::byte>* rest) {
  const std::byte* const flash = reinterpret_cast<const std::byte*>(uintptr_t{LFM2_IMAGE_ADDRESS});
  const uint64_t bytes = lfm2::LoadAs<lfm2::ImageHeader>(flash).file_bytes;
  g_storage = lfm2::MemoryStorage({flash, static_cast<size_t>(lfm2::Min<uint64_t>(bytes, LFM2_IMAGE_ROOM))});
  *rest = g_arena;
  return g_image.Open(g_storage);
}

#else

lfm2::BlockStorage g_storage;

lfm2::Status OpenImage(lfm2::Span<std::byte>* rest) {
  if (!OpenVirtioBlock()) return lfm2::Status(lfm2::StatusCode::kIo, "virtio-blk", "is not there");
  lfm2::BlockDevice device;
  device.read = ReadVirtioBlocks;
  device.bytes = VirtioBlockBytes();
  LFM2_RETURN_IF_ERROR(g_storage.Open(device));
  return g_image.Open(g_storage, g_arena, rest);
}

#endif

lfm2::SessionOptions Options() {
  lfm2::SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 8;
  options.max_word_bytes = 64;
  options.arena_bytes = sizeof(g_arena);
  return options;
}

lfm2::Status Open() {
  lfm2::Span<std::byte> rest;
  LFM2_RETURN_IF_ERROR(OpenImage(&rest));
  return g_session.Open(g_image, Options(), rest);
}

// Behind the answer a line for whoever counts: the clock at the longest step, and for a token of the prompt and of the
// answer.
lfm2::Status Answer(std::string_view command) {
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  greedy.sampler.repetition_penalty = 1.0f;
  LFM2_RETURN_IF_ERROR(g_chat.Open(&g_session, greedy));
  LFM2_RETURN_IF_ERROR(g_chat.BeginAsk("user", command, 64));
  uint64_t longest = 0, prefill = 0, decode = 0;
  uint32_t prompt_tokens = 0;
  while (g_chat.is_busy()) {
    const bool prompted = prompt_tokens > 0;
    const uint64_t begin = Ticks();
    LFM2_RETURN_IF_ERROR(g_chat.Step([](std::string_view text) { Print(text); }));
    const uint64_t ticks = Ticks() - begin;
    longest = lfm2::Max(longest, ticks);
    (prompted ? decode : prefill) += ticks;
    if (!prompted && g_session.steps_left() == 0) prompt_tokens = g_session.position();
  }
  Print("\n# ticks: longest step ");
  Print(longest);
  Print(", a token of the prompt ");
  Print(prefill / lfm2::Max<uint32_t>(prompt_tokens, 1));
  Print(", of the answer ");
  Print(decode / lfm2::Max<uint32_t>(g_chat.answer_tokens(), 1));
  Print("\n");
  return lfm2::Status();
}

}  // namespace

int Main() {
  lfm2::Status status = Open();
  if (status.ok()) {
    Print("# ");
    Print(g_image.name());
    Print(", kernels ");
    Print(g_session.kernels_name());
    Print("\n");
  }
  char line[256];
  std::string_view command;
  while (status.ok() && ReadLine(line, sizeof(line), &command)) status = Answer(command);
  if (status.ok()) return 0;
  static char message[256];
  Print({message, status.Format(message, sizeof(message))});
  Print("\n");
  return 1;
}
