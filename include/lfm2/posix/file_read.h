// One read of a file on its way, as both ways of reading keep it.
#ifndef LFM2_POSIX_FILE_READ_H_
#define LFM2_POSIX_FILE_READ_H_

#include <errno.h>

#include <cstring>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2::posix {

// A read may end early and be continued. Only whole blocks can be asked for, so the last one of a file may reach behind
// its end: what is there reads as zeros.
class FileRead {
 public:
  FileRead() = default;
  FileRead(const ReadRequest& request, uint64_t file_bytes)
      : request_(request), expected_(Min(request.bytes, file_bytes - request.offset)) {}

  // The whole request.
  uint64_t begin() const { return request_.offset; }
  uint64_t whole() const { return request_.bytes; }
  // What is still to be read of it.
  uint64_t offset() const { return request_.offset + got_; }
  uint64_t bytes() const { return request_.bytes - got_; }
  std::byte* to() const { return request_.to + static_cast<size_t>(got_); }

  // result: what the system said, bytes or a negative error number. True: the read has ended, and *done says how;
  // false: it is to be continued from where it is now.
  bool Take(int64_t result, uint32_t alignment, ReadCompletion* done) {
    done->tag = request_.tag;
    done->status = Status();
    if (result == -EINTR || result == -EAGAIN) {
      if (++interruptions_ < kMostInterruptions) return false;
      done->status = Status(StatusCode::kIo, "file", "is not read: always interrupted; errno", Number(-result));
      return true;
    }
    if (result < 0) {
      done->status = Status(StatusCode::kIo, "file", "can not be read; errno", Number(-result));
      return true;
    }
    got_ = Min(got_ + Number(result), request_.bytes);
    if (got_ >= expected_) {
      std::memset(request_.to + static_cast<size_t>(got_), 0, static_cast<size_t>(request_.bytes - got_));
      return true;
    }
    if (result > 0 && Number(result) % alignment == 0) return false;
    done->status = Status(StatusCode::kIo, "file", "ends too early: bytes that are missing", expected_ - got_);
    return true;
  }

 private:
  static constexpr uint32_t kMostInterruptions = 100;
  static uint64_t Number(int64_t n) { return static_cast<uint64_t>(n); }

  ReadRequest request_;
  uint64_t expected_ = 0;  // bytes of the request that the file has
  uint64_t got_ = 0;
  uint32_t interruptions_ = 0;
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_FILE_READ_H_
