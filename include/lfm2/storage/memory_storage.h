// A model image that is addressable in place: an array in flash, or a file that was read into memory.
#ifndef LFM2_STORAGE_MEMORY_STORAGE_H_
#define LFM2_STORAGE_MEMORY_STORAGE_H_

#include "lfm2/base/span.h"
#include "lfm2/storage/storage.h"

namespace lfm2 {

// Views bytes that have addresses; owns nothing.
class MemoryStorage final : public Storage {
 public:
  MemoryStorage() = default;
  // bytes: not owned, aligned to kAlignment (Image::Open checks), outlives this.
  explicit MemoryStorage(Span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t size() const override { return bytes_.size(); }
  const std::byte* Map(uint64_t offset, uint64_t bytes) const override {
    if (offset > bytes_.size() || bytes > bytes_.size() - offset) return nullptr;
    return bytes_.data() + static_cast<size_t>(offset);
  }

 private:
  Span<const std::byte> bytes_;
};

}  // namespace lfm2

#endif  // LFM2_STORAGE_MEMORY_STORAGE_H_
