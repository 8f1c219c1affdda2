// A model image in a file that is mapped read-only: pages are loaded on access and belong to the page cache.
#ifndef LFM2_POSIX_MAPPED_FILE_H_
#define LFM2_POSIX_MAPPED_FILE_H_

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfm2/base/status.h"
#include "lfm2/posix/error_text.h"
#include "lfm2/storage/storage.h"

namespace lfm2::posix {

// Owns the mapping; outlives every Image and Session opened on it. If the file is cut short while it is mapped,
// accesses beyond its end raise SIGBUS: replace images by renaming.
class MappedFile final : public Storage {
 public:
  MappedFile() = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { Close(); }

  // path: a regular file that is not empty. Errors: kFailedPrecondition if open already; kIo with errno as value();
  // kInvalidArgument if the file is empty or not a regular one; kUnsupported if it exceeds the address space.
  Status Open(const char* path) {
    if (is_open()) {
      return Status(StatusCode::kFailedPrecondition, "MappedFile::Open", "needs a closed file (call Close first)");
    }
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return IoError("file", OpenErrorText(errno), errno);
    const Status status = MapDescriptor(fd);
    ::close(fd);  // the mapping keeps the file
    return status;
  }

  // Invalidates every pointer from Map. Closing twice does nothing.
  void Close() {
    if (is_open()) ::munmap(address_, static_cast<size_t>(size_));
    address_ = nullptr;
    size_ = 0;
  }

  bool is_open() const { return address_ != nullptr; }
  uint64_t size() const override { return size_; }
  const std::byte* Map(uint64_t offset, uint64_t bytes) const override {
    if (!is_open() || offset > size_ || bytes > size_ - offset) return nullptr;
    return static_cast<const std::byte*>(address_) + static_cast<size_t>(offset);
  }

 private:
  Status MapDescriptor(int fd) {
    struct stat info;
    if (::fstat(fd, &info) != 0) return IoError("file", OpenErrorText(errno), errno);
    if (!S_ISREG(info.st_mode)) return Status(StatusCode::kInvalidArgument, "file", "is not a regular file");
    if (info.st_size <= 0) return Status(StatusCode::kInvalidArgument, "file", "is empty");
    const uint64_t bytes = static_cast<uint64_t>(info.st_size);
    if (bytes > SIZE_MAX / 2) {
      return Status(StatusCode::kUnsupported, "file", "exceeds the address space (use a DirectFile)", bytes,
                    SIZE_MAX / 2);
    }
    void* const address = ::mmap(nullptr, static_cast<size_t>(bytes), PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) return IoError("file", MapErrorText(errno), errno);
    address_ = address;
    size_ = bytes;
    return Status();
  }

  void* address_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_MAPPED_FILE_H_
