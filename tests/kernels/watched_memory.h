// Memory in which reading or writing past the end is detected: by a sanitizer, to the byte; without one, as where other
// machines' instruction sets are emulated, by a guard page on Linux.
#ifndef LFM2_TESTS_KERNELS_WATCHED_MEMORY_H_
#define LFM2_TESTS_KERNELS_WATCHED_MEMORY_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

#if defined(__has_feature)
#define LFM2_TEST_HAS_FEATURE(feature) __has_feature(feature)
#else
#define LFM2_TEST_HAS_FEATURE(feature) 0
#endif
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !LFM2_TEST_HAS_FEATURE(address_sanitizer)
#define LFM2_TEST_GUARD_PAGES 1
#include <sys/mman.h>
#include <unistd.h>
#else
#define LFM2_TEST_GUARD_PAGES 0
#endif

namespace lfm2::test {

// Zeros, aligned to kAlignment. With a guard page, up to kAlignment - 1 bytes after them are not guarded.
class WatchedMemory {
 public:
#if LFM2_TEST_GUARD_PAGES
  explicit WatchedMemory(size_t bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t before = RoundUp(bytes, page);
    void* const mapping = mmap(nullptr, before + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    mapping_ = {mapping, Unmap{before + page}};
    std::byte* const end = static_cast<std::byte*>(mapping) + before;
    if (mprotect(end, page, PROT_NONE) != 0) throw std::bad_alloc();
    data_ = end - RoundUp(bytes, size_t{kAlignment});
  }
#else
  explicit WatchedMemory(size_t bytes) : mapping_(::operator new(bytes, kAlign)), data_(mapping_.get()) {
    std::memset(data_, 0, bytes);
  }
#endif
  void* data() { return data_; }
  const void* data() const { return data_; }

 private:
#if LFM2_TEST_GUARD_PAGES
  struct Unmap {
    size_t bytes;
    void operator()(void* p) const { munmap(p, bytes); }
  };
#else
  static constexpr std::align_val_t kAlign{kAlignment};
  struct Unmap {
    void operator()(void* p) const { ::operator delete(p, kAlign); }
  };
#endif
  std::unique_ptr<void, Unmap> mapping_;
  void* data_ = nullptr;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_WATCHED_MEMORY_H_
