// The pending reads of one file, by io_uring or by threads.
#ifndef LFM2_POSIX_FILE_QUEUE_H_
#define LFM2_POSIX_FILE_QUEUE_H_

#include <errno.h>
#include <fcntl.h>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/error_text.h"
#include "lfm2/posix/file_read.h"
#include "lfm2/posix/io_uring.h"
#include "lfm2/posix/reader_threads.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2::posix {

// How a DirectFile reads.
struct DirectFileOptions {
  // How reads are issued.
  enum class Backend : uint8_t {
    kAutomatic,  // io_uring if the kernel allows it, else threads
    kIoUring,
    kThreads,
  };
  Backend backend = Backend::kAutomatic;  // how reads are issued
  // Reads that the system has at a time, 1 to FileQueue::kMaxReads (with threads at most ReaderThreads::kMaxThreads);
  // the others wait in the order of their requests.
  uint32_t queue_depth = 8;
  // The bytes of one read, a multiple of 4096.
  uint32_t piece_bytes = 512u << 10;
  // How long Wait waits for a read to complete.
  uint32_t timeout_ms = 10000;
};

// The queue of a DirectFile. Allocates nothing.
class FileQueue final : public ReadQueue {
 public:
  static constexpr uint32_t kMaxReads = ReaderThreads::kCapacity;

  FileQueue() = default;
  FileQueue(const FileQueue&) = delete;
  FileQueue& operator=(const FileQueue&) = delete;
  ~FileQueue() { Close(); }

  // fd: of a file of `size` bytes, open until Close; is_direct: with O_DIRECT. Errors: DirectFile::Open's.
  Status Open(int fd, uint64_t size, bool is_direct, const DirectFileOptions& options) {
    if (options.queue_depth == 0 || options.queue_depth > kMaxReads) {
      return Status(StatusCode::kInvalidArgument, "options.queue_depth", "is 0 or too large", options.queue_depth,
                    kMaxReads);
    }
    if (options.piece_bytes == 0 || options.piece_bytes % FileRead::kBlockBytes != 0) {
      return Status(StatusCode::kInvalidArgument, "options.piece_bytes", "is not a multiple of 4096",
                    options.piece_bytes);
    }
    fd_ = fd;
    size_ = size;
    is_direct_ = is_direct;
    options_ = options;
#if defined(POSIX_FADV_RANDOM)
    // Read-ahead into the page cache would only compete with these reads.
    if (!is_direct_) ::posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM);
#endif
    using Backend = DirectFileOptions::Backend;
#if LFM2_HAVE_IO_URING
    // With io_uring, buffered reads may block Submit.
    const bool wanted =
        options_.backend == Backend::kIoUring || (options_.backend == Backend::kAutomatic && is_direct_);
    if (wanted && ring_.Open(kMaxReads)) {
      most_submitted_ = options_.queue_depth;
      return Status();
    }
#endif
    if (options_.backend == Backend::kIoUring) {
      return Status(StatusCode::kUnsupported, "options.backend",
                    "is not available: the kernel has no io_uring or denies it (use kAutomatic)");
    }
    most_submitted_ = kMaxReads;  // each thread takes the next one when it is free
    const int error = threads_.Open(Min(options_.queue_depth, ReaderThreads::kMaxThreads));
    return error == 0 ? Status() : IoError("reader thread", ThreadErrorText(error), error);
  }

  // Waits for the reads that the system has, however long; those still in the queue are never started. Closing twice
  // does nothing.
  void Close() {
#if LFM2_HAVE_IO_URING
    submitted_ -= failures_;
    while (ring_.is_open() && submitted_ > 0) {
      uint32_t name;
      int64_t result;
      if (ring_.Poll(&name, &result)) {
        --submitted_;
      } else {
        ring_.Wait(-1);
      }
    }
    ring_.Close();
#endif
    threads_.Close();
    size_ = 0;
    started_ = requested_ = submitted_ = reads_in_use_ = failures_ = 0;
    for (Read& read : reads_) read.in_use = false;
  }

  bool is_direct() const { return is_direct_; }
  bool uses_io_uring() const {
#if LFM2_HAVE_IO_URING
    return ring_.is_open();
#else
    return false;
#endif
  }

  uint32_t alignment() const override { return FileRead::kBlockBytes; }
  uint32_t capacity() const override { return kMaxReads; }
  uint32_t piece_bytes() const override { return options_.piece_bytes; }

  // A request may extend beyond the end of the file to the end of its last block, and reads zeros there.
  Status Submit(const ReadRequest& request) override {
    const uint64_t end = RoundUp<uint64_t>(size_, FileRead::kBlockBytes);
    const uint64_t mask = FileRead::kBlockBytes - 1;
    if (((request.offset | request.bytes | reinterpret_cast<uintptr_t>(request.to)) & mask) != 0 ||
        request.bytes == 0) {
      return Status(StatusCode::kInvalidArgument, "read", "is not of whole blocks of 4096 bytes", request.bytes);
    }
    if (request.offset >= end || request.bytes > end - request.offset) {
      return Status(StatusCode::kInvalidArgument, "read", "is not within the file", request.offset, size_);
    }
    if (reads_in_use_ == kMaxReads) {
      return Status(StatusCode::kFailedPrecondition, "read", "comes while the queue is full (collect one first)",
                    kMaxReads);
    }
    uint32_t free = 0;
    while (reads_[free].in_use) ++free;
    reads_[free] = {FileRead(request, size_), true, false};
    ++reads_in_use_;
    waiting_[requested_++ % kMaxReads] = static_cast<uint8_t>(free);
    StartReads();
    return Status();
  }

  bool Poll(ReadCompletion* done) override {
    uint32_t name = 0;
    int64_t result = 0;
    while (TakeResult(&name, &result)) {
      --submitted_;
      const bool ended = End(name, result, done);
      StartReads();
      if (ended) return true;
    }
    return false;
  }

  Status Wait(ReadCompletion* done) override {
    if (reads_in_use_ == 0) return Status(StatusCode::kFailedPrecondition, "read", "is not pending");
    const uint64_t begin = NowNs();
    for (;;) {
      if (Poll(done)) return Status();
      const uint64_t waited_ms = (NowNs() - begin) / 1000000u;
      if (waited_ms >= options_.timeout_ms) {
        return Status(StatusCode::kTimeout, "file", "was not read in time (is the drive busy or gone?); milliseconds",
                      options_.timeout_ms);
      }
      WaitForResult(static_cast<int>(Min<uint64_t>(options_.timeout_ms - waited_ms, 1u << 30)));
    }
  }

  uint64_t NowNs() const override { return MonotonicNs(); }

 private:
  struct Read {
    FileRead file_read;
    bool in_use = false;
    bool direct = false;  // as it was started
  };
  struct Failure {
    uint32_t name;
    int error;
  };

  void StartReads() {
    while (started_ != requested_ && submitted_ < most_submitted_) Start(waiting_[started_++ % kMaxReads]);
  }

  // Starts the read, or the rest of it. TakeResult returns errors.
  void Start(uint32_t name) {
    reads_[name].direct = is_direct_;
    const FileRange rest = reads_[name].file_read.Rest(fd_);
    ++submitted_;
#if LFM2_HAVE_IO_URING
    if (ring_.is_open()) {
      const int error = ring_.Submit(rest, name);
      if (error != 0) failed_[failures_++] = {name, error};
      return;
    }
#endif
    threads_.Submit(rest, name);
  }

  bool TakeResult(uint32_t* name, int64_t* result) {
    if (failures_ > 0) {
      --failures_;
      *name = failed_[failures_].name;
      *result = -int64_t{failed_[failures_].error};
      return true;
    }
#if LFM2_HAVE_IO_URING
    if (ring_.is_open()) return ring_.Poll(name, result);
#endif
    return threads_.Poll(name, result);
  }

  // Returns true if the read has completed, with its result in *done, and false if it continues.
  bool End(uint32_t name, int64_t result, ReadCompletion* done) {
    Read& read = reads_[name];
    const bool refused = result == -EINVAL && read.direct;
    if (refused) StopDirectReads();
    if (refused || !read.file_read.Take(result, done)) {
      Start(name);
      return false;
    }
#if defined(POSIX_FADV_DONTNEED)
    if (!read.direct) {
      const ReadRequest& request = read.file_read.request();
      ::posix_fadvise(fd_, static_cast<off_t>(request.offset), static_cast<off_t>(request.bytes), POSIX_FADV_DONTNEED);
    }
#endif
    read.in_use = false;
    --reads_in_use_;
    return true;
  }

  // Some file systems accept O_DIRECT when a file is opened, and then fail to read.
  void StopDirectReads() {
#if defined(O_DIRECT)
    const int flags = ::fcntl(fd_, F_GETFL);
    if (flags != -1) ::fcntl(fd_, F_SETFL, flags & ~O_DIRECT);
#endif
    is_direct_ = false;
  }

  void WaitForResult(int milliseconds) {
#if LFM2_HAVE_IO_URING
    if (ring_.is_open()) return ring_.Wait(milliseconds);
#endif
    threads_.Wait(milliseconds);
  }

  int fd_ = -1;
  uint64_t size_ = 0;
  bool is_direct_ = false;
  DirectFileOptions options_;
  uint32_t most_submitted_ = 0;
  uint32_t submitted_ = 0;     // started, and result not taken
  uint32_t reads_in_use_ = 0;  // submitted, and not collected
  Read reads_[kMaxReads];
  // Names of reads in the order of their requests; those from started_ on are waiting. The counters only grow.
  uint32_t requested_ = 0;
  uint32_t started_ = 0;
  uint8_t waiting_[kMaxReads] = {};
  uint32_t failures_ = 0;
  Failure failed_[kMaxReads];
#if LFM2_HAVE_IO_URING
  IoUring ring_;
#endif
  ReaderThreads threads_;
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_FILE_QUEUE_H_
