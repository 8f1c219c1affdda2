// An image in memory, aligned as storage must be.
#ifndef LFM2_TESTS_PACK_IMAGE_COPY_H_
#define LFM2_TESTS_PACK_IMAGE_COPY_H_

#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/storage/memory_storage.h"

namespace lfm2::test {

// Its memory ends where the bytes end, so that a sanitizer sees every read beyond them.
class ImageCopy {
 public:
  explicit ImageCopy(std::string_view bytes)
      : memory_(static_cast<std::byte*>(::operator new (bytes.size(), std::align_val_t{kAlignment}))),
        storage_({memory_.get(), bytes.size()}) {
    if (!bytes.empty()) std::memcpy(memory_.get(), bytes.data(), bytes.size());
  }
  const MemoryStorage& storage() const { return storage_; }
  std::byte* data() { return memory_.get(); }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  MemoryStorage storage_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_PACK_IMAGE_COPY_H_
