// The one block of memory that the library writes to.
#ifndef LFM2_BASE_ARENA_H_
#define LFM2_BASE_ARENA_H_

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"

namespace lfm2 {

// Carves regions off the caller's memory from front to back; no region is ever freed. Does not own the memory, which
// must outlive everything carved from it. Sizes have 64 bits so that a small machine can plan for a large one.
class Arena {
 public:
  constexpr Arena() = default;
  // memory: aligned to kAlignment.
  explicit Arena(Span<std::byte> memory) : base_(memory.data()), capacity_(memory.size()) {}
  // An arena without memory, in which Carve only counts: for plans.
  static constexpr Arena Counting() {
    Arena a;
    a.capacity_ = UINT64_MAX;
    return a;
  }

  // Returns `count` uninitialised values of T, aligned to kAlignment; nullptr from a counting arena, or if they do not
  // fit. Callers check the total against the Plan first.
  template <class T>
  constexpr T* Carve(uint64_t count) {
    uint64_t bytes = 0, end = 0;
    if (!CheckedMul(count, sizeof(T), &bytes) || bytes > UINT64_MAX - kAlignment ||
        !CheckedAdd(used_, RoundUp<uint64_t>(bytes, kAlignment), &end) || end > capacity_) {
      overflowed_ = true;
      return nullptr;
    }
    std::byte* const at = base_ == nullptr ? nullptr : base_ + used_;
    used_ = end;
    return at == nullptr ? nullptr : reinterpret_cast<T*>(at);
  }

  // Bytes carved so far, each region rounded up to kAlignment.
  constexpr uint64_t used() const { return used_; }
  // Goes back to an earlier used(), so that phases which never overlap in time share their memory.
  constexpr void Rewind(uint64_t used) {
    LFM2_ASSERT(used <= used_);
    used_ = used;
  }
  // True once a Carve did not fit.
  constexpr bool overflowed() const { return overflowed_; }

 private:
  std::byte* base_ = nullptr;
  uint64_t capacity_ = 0;
  uint64_t used_ = 0;
  bool overflowed_ = false;
};

}  // namespace lfm2

#endif  // LFM2_BASE_ARENA_H_
