// The reads of one file that are under way, by io_uring or by threads.
#ifndef LFM2_POSIX_FILE_QUEUE_H_
#define LFM2_POSIX_FILE_QUEUE_H_

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/posix/file_read.h"
#include "lfm2/posix/io_uring.h"
#include "lfm2/posix/reader_threads.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2::posix {

struct DirectFileOptions {
  enum class Backend : uint8_t {
    kAutomatic,  // io_uring where the kernel lets it, else threads
    kIoUring,
    kThreads,
  };
  Backend backend = Backend::kAutomatic;
  // Reads under way at a time, 1 to FileQueue::kMaxReads, and the bytes of one, a multiple of 4096. Two records of an
  // expert in pieces of 512 KiB keep a drive busy.
  uint32_t queue_depth = 32;
  uint32_t piece_bytes = 512u << 10;
  // How long Wait waits for a read.
  uint32_t timeout_ms = 10000;
};

// What a DirectFile reads by. Allocates nothing.
class FileQueue final : public ReadQueue {
 public:
  static constexpr uint32_t kMaxReads = ReaderThreads::kCapacity;
  static constexpr uint32_t kAlignmentBytes = 4096;

  FileQueue() = default;
  FileQueue(const FileQueue&) = delete;
  FileQueue& operator=(const FileQueue&) = delete;
  ~FileQueue() { Close(); }

  // fd: of a file of `size` bytes, open until Close; is_direct: with O_DIRECT. Errors: DirectFile::Open's.
  Status Open(int fd, uint64_t size, bool is_direct, const DirectFileOptions& options) {
    fd_ = fd;
    size_ = size;
    is_direct_ = is_direct;
    options_ = options;
    using Backend = DirectFileOptions::Backend;
#if LFM2_HAVE_IO_URING
    // Buffered reads of io_uring may block in its Submit.
    const bool wanted =
        options_.backend == Backend::kIoUring || (options_.backend == Backend::kAutomatic && is_direct_);
    if (wanted && ring_.Open(kMaxReads)) return Status();
#endif
    if (options_.backend == Backend::kIoUring) {
      return Status(StatusCode::kUnsupported, "options.backend", "is not to be had: the system has no io_uring for us");
    }
    const int error = threads_.Open();
    if (error == 0) return Status();
    return Status(StatusCode::kIo, "reader thread", "can not be created; errno", static_cast<uint64_t>(error));
  }

  // Waits for the reads that are under way. Closing twice does nothing.
  void Close() {
#if LFM2_HAVE_IO_URING
    while (ring_.is_open() && under_way_ > 0) {
      uint64_t name;
      int64_t result;
      if (ring_.Poll(&name, &result)) {
        --under_way_;
      } else {
        ring_.Wait(-1);
      }
    }
    ring_.Close();
#endif
    threads_.Close();
    under_way_ = 0;
    for (bool& used : in_use_) used = false;
  }

  bool uses_io_uring() const {
#if LFM2_HAVE_IO_URING
    return ring_.is_open();
#else
    return false;
#endif
  }

  uint32_t alignment() const override { return kAlignmentBytes; }
  uint32_t capacity() const override { return options_.queue_depth; }
  uint32_t piece_bytes() const override { return options_.piece_bytes; }

  // A request may reach behind the end of the file as far as its last block does; there it reads zeros.
  Status Submit(const ReadRequest& request) override {
    const uint64_t end = RoundUp<uint64_t>(size_, kAlignmentBytes);
    const bool aligned = request.offset % kAlignmentBytes == 0 && request.bytes % kAlignmentBytes == 0 &&
                         reinterpret_cast<uintptr_t>(request.to) % kAlignmentBytes == 0;
    if (!aligned || request.bytes == 0) {
      return Status(StatusCode::kInvalidArgument, "read", "is not of whole blocks of 4096 bytes", request.bytes);
    }
    if (request.offset >= end || request.bytes > end - request.offset) {
      return Status(StatusCode::kInvalidArgument, "read", "is not within the file", request.offset, size_);
    }
    if (under_way_ == options_.queue_depth) {
      return Status(StatusCode::kFailedPrecondition, "read", "finds the queue full", under_way_);
    }
    uint32_t free = 0;
    while (in_use_[free]) ++free;
    reads_[free] = FileRead(request, size_);
    const int error = Start(free);
    if (error != 0) {
      return Status(StatusCode::kIo, "file", "can not be read; errno", static_cast<uint64_t>(error));
    }
    in_use_[free] = true;
    ++under_way_;
    return Status();
  }

  bool Poll(ReadCompletion* done) override {
    uint64_t name = 0;
    int64_t result = 0;
    while (TakeResult(&name, &result)) {
      const uint32_t number = static_cast<uint32_t>(name);
      FileRead& read = reads_[number];
      if (!read.Take(result, kAlignmentBytes, done)) {
        const int error = Start(number);
        if (error == 0) continue;
        done->status = Status(StatusCode::kIo, "file", "can not be read; errno", static_cast<uint64_t>(error));
      }
#if defined(POSIX_FADV_DONTNEED)
      if (!is_direct_) {
        ::posix_fadvise(fd_, static_cast<off_t>(read.begin()), static_cast<off_t>(read.whole()), POSIX_FADV_DONTNEED);
      }
#endif
      in_use_[number] = false;
      --under_way_;
      return true;
    }
    return false;
  }

  Status Wait(ReadCompletion* done) override {
    if (under_way_ == 0) return Status(StatusCode::kFailedPrecondition, "read", "is not under way");
    const uint64_t begin = NowNs();
    for (;;) {
      if (Poll(done)) return Status();
      const uint64_t waited_ms = (NowNs() - begin) / 1000000u;
      if (waited_ms >= options_.timeout_ms) {
        return Status(StatusCode::kTimeout, "file", "has not been read in time; milliseconds", options_.timeout_ms);
      }
      WaitForResult(static_cast<int>(Min<uint64_t>(options_.timeout_ms - waited_ms, 1u << 30)));
    }
  }

  uint64_t NowNs() const override {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
  }

 private:
  int Start(uint32_t number) {
    const FileRead& read = reads_[number];
#if LFM2_HAVE_IO_URING
    if (ring_.is_open()) return ring_.Submit(fd_, read.offset(), read.bytes(), read.to(), number);
#endif
    return threads_.Submit(fd_, read.offset(), read.bytes(), read.to(), number);
  }
  bool TakeResult(uint64_t* name, int64_t* result) {
#if LFM2_HAVE_IO_URING
    if (ring_.is_open()) return ring_.Poll(name, result);
#endif
    return threads_.Poll(name, result);
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
  uint32_t under_way_ = 0;
  DirectFileOptions options_;
  FileRead reads_[kMaxReads];
  bool in_use_[kMaxReads] = {};
#if LFM2_HAVE_IO_URING
  IoUring ring_;
#endif
  ReaderThreads threads_;
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_FILE_QUEUE_H_
