// A model on a block device, without file mapping or heap: experts are read into a static arena as tokens need them.
// The "SD card" is a file here; on a board, ReadBlocks is the driver's own function.
#include <cstdio>

#include "lfm2.h"

namespace {

int ReadBlocks(void* context, uint64_t first_block, uint32_t blocks, std::byte* to) {
  std::FILE* const card = static_cast<std::FILE*>(context);
  if (std::fseek(card, static_cast<long>(first_block * 512), SEEK_SET) != 0) return 1;
  const size_t bytes = size_t{blocks} * 512;
  return std::fread(to, 1, bytes, card) == bytes ? 0 : 2;
}

alignas(lfm2::kRecordAlignment) std::byte g_arena[2560 * 1024];
lfm2::BlockStorage g_storage;
lfm2::Image g_image;
lfm2::Session g_session;
lfm2::Conversation g_chat;

lfm2::Status Run(std::FILE* card, const char* question) {
  lfm2::BlockDevice device;
  device.context = card;
  device.read = ReadBlocks;
  std::fseek(card, 0, SEEK_END);
  device.bytes = static_cast<uint64_t>(std::ftell(card));
  LFM2_RETURN_IF_ERROR(g_storage.Open(device));

  lfm2::SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 8;
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(g_storage, options, g_arena, &g_image, &g_session));
  const lfm2::Plan plan = lfm2::MakePlan(g_image.config(), g_session.options(), lfm2::StreamShapeOf(g_image));
  std::printf("%llu bytes of image, %zu of arena: slots for %u of %u experts\n",
              static_cast<unsigned long long>(g_image.file_bytes()), sizeof(g_arena), plan.slots.total,
              g_image.config().moe_layers() * g_image.config().experts);

  LFM2_RETURN_IF_ERROR(g_chat.Open(&g_session, {}));
  LFM2_RETURN_IF_ERROR(
      g_chat.Ask(question, 64, [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }));
  const lfm2::StreamStatistics read = g_session.statistics();
  std::printf("\n%llu experts were in memory, %llu were read: %llu bytes\n", static_cast<unsigned long long>(read.hits),
              static_cast<unsigned long long>(read.misses), static_cast<unsigned long long>(read.bytes));
  return lfm2::Status();
}

}  // namespace

int main(int argc, char** argv) {
  std::FILE* const card = argc > 1 ? std::fopen(argv[1], "rb") : nullptr;
  if (card == nullptr) {
    std::fputs("usage: flash_stream MODEL.lfm2 [QUESTION]\n", stderr);
    return 2;
  }
  const lfm2::Status status = Run(card, argc > 2 ? argv[2] : "Could you remind me in 21 minutes please.");
  char message[256] = "";
  if (!status.ok()) status.Format(message, sizeof(message));
  std::fputs(message, stderr);
  std::fclose(card);
  return status.ok() ? 0 : 1;
}
