// How do I run a model from an SD card without an operating system?
//
// Pass a function that reads blocks, usually the driver's own, to a `BlockStorage`; everything else is as in recipe 24.
// A file is the card here. A driver that reads by DMA gains from an implementation of `ReadQueue`: the session then
// computes while it reads.

#include <cstdio>

#include "lfm2.h"

alignas(lfm2::kRecordAlignment) static std::byte arena[4 << 20];
static lfm2::BlockStorage storage;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static int ReadBlocks(void* context, uint64_t first_block, uint32_t blocks, std::byte* to) {
  std::FILE* const card = static_cast<std::FILE*>(context);
  if (std::fseek(card, static_cast<long>(first_block * 512), SEEK_SET) != 0) return 1;
  const size_t bytes = size_t{blocks} * 512;
  return std::fread(to, 1, bytes, card) == bytes ? 0 : 2;  // numbers of your own: a Status repeats them
}

static lfm2::Status Run(const char* path) {
  std::FILE* const card = std::fopen(path, "rb");
  if (card == nullptr) return lfm2::Status(lfm2::StatusCode::kIo, "card", "cannot be opened");
  std::fseek(card, 0, SEEK_END);
  lfm2::BlockDevice device;
  device.context = card;
  device.read = ReadBlocks;
  device.bytes = static_cast<uint64_t>(std::ftell(card));  // on a card: the size of the image or its partition
  lfm2::SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 8;
  LFM2_RETURN_IF_ERROR(storage.Open(device));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(storage, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, Show));
  std::printf("\n");
  std::fclose(card);
  return lfm2::Status();
}

int main(int argc, char** argv) {
  const lfm2::Status status = Run(argc > 1 ? argv[1] : "build/release/models/home.lfm2");
  char message[256];
  status.Format(message, sizeof(message));
  if (!status.ok()) std::fprintf(stderr, "%s\n", message);
  return status.ok() ? 0 : 1;
}

// Prints:
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
