// The board's model in static memory: used in place in flash (LFM2_IMAGE_ADDRESS), or read from a block device as
// tokens need it.
#ifndef LFM2_EXAMPLES_BARE_METAL_MODEL_H_
#define LFM2_EXAMPLES_BARE_METAL_MODEL_H_

#include "lfm2.h"
#if !defined(LFM2_IMAGE_ADDRESS)
#include "virtio_block.h"
#endif

alignas(lfm2::kRecordAlignment) inline std::byte g_arena[LFM2_ARENA_BYTES];
inline lfm2::Image g_image;
inline lfm2::Session g_session;
inline lfm2::Conversation g_chat;

#if defined(LFM2_IMAGE_ADDRESS)

inline lfm2::MemoryStorage g_storage;

inline lfm2::Status OpenStorage() {
  const std::byte* const flash = reinterpret_cast<const std::byte*>(uintptr_t{LFM2_IMAGE_ADDRESS});
  const uint64_t bytes = lfm2::LoadAs<lfm2::ImageHeader>(flash).file_bytes;
  g_storage = lfm2::MemoryStorage({flash, static_cast<size_t>(lfm2::Min<uint64_t>(bytes, LFM2_IMAGE_ROOM))});
  return lfm2::Status();
}

#else

inline lfm2::BlockStorage g_storage;

inline lfm2::Status OpenStorage() {
  if (!OpenVirtioBlock()) return lfm2::Status(lfm2::StatusCode::kIo, "virtio-blk", "is not there");
  lfm2::BlockDevice device;
  device.read = ReadVirtioBlocks;
  device.bytes = VirtioBlockBytes();
  return g_storage.Open(device);
}

#endif

inline lfm2::Status OpenModel(const lfm2::Executor* executor = nullptr, uint32_t context_length = 256) {
  lfm2::SessionOptions options;
  options.context_length = context_length;
  options.prefill_chunk = 8;
  options.max_word_bytes = 64;
  LFM2_RETURN_IF_ERROR(OpenStorage());
  return lfm2::OpenModel(g_storage, options, g_arena, &g_image, &g_session, executor);
}

// Greedy decoding.
inline lfm2::ConversationOptions Greedy() {
  lfm2::ConversationOptions options;
  options.sampler.temperature = 0.0f;
  options.sampler.repetition_penalty = 1.0f;
  return options;
}
inline lfm2::Status BeginChat() { return g_chat.Open(&g_session, Greedy()); }

#endif  // LFM2_EXAMPLES_BARE_METAL_MODEL_H_
