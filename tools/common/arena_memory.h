// The memory that a tool gives a session.
#ifndef LFM2_TOOLS_COMMON_ARENA_MEMORY_H_
#define LFM2_TOOLS_COMMON_ARENA_MEMORY_H_

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "tools/common/error.h"

namespace lfm2::tools {

// One aligned block, freed with this. Its pages become resident when they are first written.
class ArenaMemory {
 public:
  Error Allocate(uint64_t bytes) {
    bytes_ = static_cast<size_t>(bytes);
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, RoundUp(bytes_, kAlignment))));
    return memory_ == nullptr ? Error::Of("there are no ", bytes, " bytes of memory for the arena") : Error();
  }
  Span<std::byte> span() const { return {memory_.get(), bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  size_t bytes_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_ARENA_MEMORY_H_
