// A model image in a file that is read, not mapped: experts go from the drive directly to the arena, past the page
// cache.
#ifndef LFM2_POSIX_DIRECT_FILE_H_
#define LFM2_POSIX_DIRECT_FILE_H_

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfm2/base/status.h"
#include "lfm2/posix/error_text.h"
#include "lfm2/posix/file_queue.h"
#include "lfm2/storage/read_queue.h"
#include "lfm2/storage/storage.h"

namespace lfm2::posix {

// Outlives every Image and Session opened on it; the memory that they read to stays valid until Close. One session at a
// time. Opening and reading allocate nothing. If a file is cut short while it is open, reads beyond its new end fail.
// On 32-bit systems, files of 2 GB and more require _FILE_OFFSET_BITS=64 for the whole program.
class DirectFile final : public Storage {
 public:
  DirectFile() = default;
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;
  ~DirectFile() { Close(); }

  // path: a regular file that is not empty. Errors: kFailedPrecondition if open already; kIo with errno as value();
  // kInvalidArgument if the file is empty or not a regular one, or options are out of bounds; kUnsupported if options
  // require io_uring and the system does not have or allow it.
  Status Open(const char* path, const DirectFileOptions& options = DirectFileOptions()) {
    if (is_open()) {
      return Status(StatusCode::kFailedPrecondition, "DirectFile::Open", "needs a closed file (call Close first)");
    }
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    bool is_direct = false;
#if defined(O_DIRECT)
    fd_ = ::open(path, kFlags | O_DIRECT);
    is_direct = fd_ >= 0 || errno != EINVAL;  // from a file system without O_DIRECT
#endif
    if (!is_direct) fd_ = ::open(path, kFlags);
    if (fd_ < 0) return IoError("file", OpenErrorText(errno), errno);
    const Status status = OpenQueue(is_direct, options);
    if (!status.ok()) Close();
    return status;
  }

  // Waits for the reads that the system has, however long; those still in the queue are never started. Closing twice
  // does nothing.
  void Close() {
    queue_.Close();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    size_ = 0;
  }

  bool is_open() const { return fd_ >= 0; }
  // False if the file system does not support O_DIRECT. Reads then go through the page cache, which is told to drop
  // them.
  bool is_direct() const { return queue_.is_direct(); }
  bool uses_io_uring() const { return queue_.uses_io_uring(); }

  uint64_t size() const override { return size_; }
  const std::byte* Map(uint64_t, uint64_t) const override { return nullptr; }
  ReadQueue* queue() const override { return is_open() ? &queue_ : nullptr; }

 private:
  Status OpenQueue(bool is_direct, const DirectFileOptions& options) {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return IoError("file", OpenErrorText(errno), errno);
    if (!S_ISREG(info.st_mode)) return Status(StatusCode::kInvalidArgument, "file", "is not a regular file");
    if (info.st_size <= 0) return Status(StatusCode::kInvalidArgument, "file", "is empty");
    size_ = static_cast<uint64_t>(info.st_size);
    return queue_.Open(fd_, size_, is_direct, options);
  }

  int fd_ = -1;
  uint64_t size_ = 0;
  mutable FileQueue queue_;  // reading changes nothing of the file
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_DIRECT_FILE_H_
