// The memory that a program gives a session.
#ifndef LFM2_PROGRAMS_SESSION_ARENA_MEMORY_H_
#define LFM2_PROGRAMS_SESSION_ARENA_MEMORY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "lfm2/base/span.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// One block, aligned for images that are read, and freed with this. Its pages become resident when they are first
// written, huge ones where the system has them: both products and reads of a drive are faster with those.
class ArenaMemory {
 public:
  ArenaMemory() = default;
  ArenaMemory(const ArenaMemory&) = delete;
  ArenaMemory& operator=(const ArenaMemory&) = delete;
  ~ArenaMemory() {
    if (memory_ != nullptr) ::munmap(memory_, bytes_);
  }

  // Called once.
  Error Allocate(uint64_t bytes) {
    void* const memory = bytes > SIZE_MAX ? MAP_FAILED
                                          : ::mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      return Error::Of("cannot allocate the arena: no ", bytes, " bytes of memory (use a smaller --context)");
    memory_ = static_cast<std::byte*>(memory);
    bytes_ = static_cast<size_t>(bytes);
    ::madvise(memory, bytes_, MADV_HUGEPAGE);
    return Error();
  }
  Span<std::byte> span() const { return {memory_, bytes_}; }

 private:
  std::byte* memory_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_ARENA_MEMORY_H_
