// An image that is read from a simulated drive into an arena, with every read checked.
#ifndef LFM2_TESTS_MODEL_STREAMED_IMAGE_H_
#define LFM2_TESTS_MODEL_STREAMED_IMAGE_H_

#include <cstring>
#include <vector>

#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/format/image.h"
#include "tests/storage/simulated_device.h"
#include "tests/storage/watched_storage.h"

namespace lfm2::test {

// Aligned for reads, full of NaNs to expose uses before the first write, and with guard bytes around it.
class BlockArena {
 public:
  explicit BlockArena(uint64_t bytes)
      : bytes_(static_cast<size_t>(bytes)), memory_(bytes_ + 3 * kRecordAlignment, std::byte{0xff}) {
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.data());
    begin_ = static_cast<size_t>(RoundUp<uintptr_t>(address + 1, kRecordAlignment) - address);
  }
  Span<std::byte> span() { return {memory_.data() + begin_, bytes_}; }
  // Whether nothing was written before or after the arena.
  bool RimIsIntact() const {
    for (size_t i = 0; i < memory_.size(); ++i) {
      if (i == begin_) i += bytes_;
      if (memory_[i] != std::byte{0xff}) return false;
    }
    return true;
  }

 private:
  size_t bytes_;
  std::vector<std::byte> memory_;
  size_t begin_ = 0;
};

inline SimulatedDeviceOptions DriveOptions(uint32_t capacity, uint32_t piece_bytes, uint32_t seed = 1) {
  SimulatedDeviceOptions options;
  options.capacity = capacity;
  options.piece_bytes = piece_bytes;
  options.shuffled = true;
  options.seed = seed;
  return options;
}

// All bytes of an image in memory.
inline Span<const std::byte> BytesOf(const Image& image) {
  return {image.storage().Map(0, image.file_bytes()), static_cast<size_t>(image.file_bytes())};
}

class StreamedImage {
 public:
  // resident: the same image in memory, which outlives this. arena_bytes: of the front part and of rest().
  StreamedImage(const Image& resident, const SimulatedDeviceOptions& options, uint64_t arena_bytes)
      : drive(BytesOf(resident), options), watched(drive), arena(arena_bytes), opened(Reopen()) {}

  Status Reopen() {
    watched.SetArena(arena.span());
    image.Close();
    return image.Open(watched, arena.span(), &rest);
  }
  bool IsClean() const { return arena.RimIsIntact() && watched.mistakes().empty(); }

  SimulatedDevice drive;
  WatchedStorage watched;
  BlockArena arena;
  Image image;
  Span<std::byte> rest;
  Status opened;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_MODEL_STREAMED_IMAGE_H_
