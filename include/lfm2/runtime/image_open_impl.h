// Definitions of Image's functions that read an image from a drive. Kept separate, so that a program with its model in
// addressable memory contains neither these nor the code of a session that reads experts.
#ifndef LFM2_RUNTIME_IMAGE_OPEN_IMPL_H_
#define LFM2_RUNTIME_IMAGE_OPEN_IMPL_H_

#include "lfm2/format/image.h"
#include "lfm2/layers/streamed_experts.h"
#include "lfm2/storage/read_all.h"

namespace lfm2 {

LFM2_FUNCTION Status Image::Open(const Storage& storage, Span<std::byte> arena, Span<std::byte>* rest) {
  if (rest == nullptr) return Status(StatusCode::kInvalidArgument, "rest", "is null");
  ReadQueue* const queue = storage.queue();
  if (queue == nullptr) {
    LFM2_RETURN_IF_ERROR(Open(storage));
    *rest = arena;
    return Status();
  }
  if (is_open()) return AlreadyOpen();
  const Status status = OpenRead(storage, *queue, arena);
  if (!status.ok()) {
    Close();
    return status;
  }
  const size_t front = static_cast<size_t>(front_bytes());
  *rest = arena.subspan(front, arena.size() - front);
  return Status();
}

LFM2_FUNCTION Status Image::OpenRead(const Storage& storage, ReadQueue& queue, Span<std::byte> arena) {
  if (reinterpret_cast<uintptr_t>(arena.data()) % kRecordAlignment != 0) {
    return Status(StatusCode::kInvalidArgument, "arena", "is not aligned to 4096 bytes");
  }
  // Each byte is read once, so that the CRC is computed over the same header that was checked.
  const uint64_t first = RoundUp<uint64_t>(sizeof(ImageHeader), queue.alignment());
  LFM2_RETURN_IF_ERROR(ReadFront(queue, 0, first, arena));
  LFM2_RETURN_IF_ERROR(OpenHeader(arena.data(), storage.size()));
  if (header_.metadata_bytes > first) {
    LFM2_RETURN_IF_ERROR(ReadFront(queue, first, header_.metadata_bytes - first, arena));
  }
  memory_ = arena.data();
  LFM2_RETURN_IF_ERROR(CheckMetadata());
  LFM2_RETURN_IF_ERROR(ReadFront(queue, header_.pinned_offset, header_.pinned_bytes, arena));
  LFM2_RETURN_IF_ERROR(VerifyPinned());
  LFM2_RETURN_IF_ERROR(OpenVocab());
  streamed_ = &kStreamedExperts;
  storage_ = &storage;
  return Status();
}

// Reads the bytes [offset, offset + bytes) to the same place in the arena, in whole blocks of the device. The device
// may end with the last block that has bytes of the image.
LFM2_FUNCTION Status Image::ReadFront(ReadQueue& queue, uint64_t offset, uint64_t bytes, Span<std::byte> arena) const {
  const uint64_t end = RoundUp<uint64_t>(offset + bytes, kRecordAlignment);
  if (end > arena.size()) {
    return Status(StatusCode::kArenaTooSmall, "arena", "does not hold the image's front part", arena.size(), end);
  }
  return ReadAll(queue, offset, RoundUp<uint64_t>(bytes, queue.alignment()),
                 arena.data() + static_cast<size_t>(offset));
}

LFM2_FUNCTION Status Image::ReadTokenTrie(Span<std::byte> memory, TokenTrie* out) const {
  if (!is_streamed()) return OpenTokenTrie(out);
  LFM2_RETURN_IF_ERROR(CheckHasTrie("Image::ReadTokenTrie"));
  const uint64_t bytes = header_.token_trie_bytes, needed = RoundUp<uint64_t>(bytes, kRecordAlignment);
  if (reinterpret_cast<uintptr_t>(memory.data()) % kRecordAlignment != 0) {
    return Status(StatusCode::kInvalidArgument, "memory", "is not aligned to 4096 bytes");
  }
  if (needed > memory.size()) {
    return Status(StatusCode::kArenaTooSmall, "memory", "does not hold the token trie", memory.size(), needed);
  }
  ReadQueue& queue = *storage_->queue();
  LFM2_RETURN_IF_ERROR(ReadAll(queue, token_trie_offset(), RoundUp<uint64_t>(bytes, queue.alignment()), memory.data()));
  LFM2_RETURN_IF_ERROR(CheckTokenTrieCrc(memory.data()));
  return TokenTrie::Open({memory.data(), static_cast<size_t>(bytes)}, vocab_.size(), out);
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_IMAGE_OPEN_IMPL_H_
