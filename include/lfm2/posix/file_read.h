// A pending read of a file, for both io_uring and threads.
#ifndef LFM2_POSIX_FILE_READ_H_
#define LFM2_POSIX_FILE_READ_H_

#include <errno.h>

#include <cstring>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/posix/error_text.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2::posix {

// What the system is asked to read: at least 1 byte. It may read a part.
struct FileRange {
  int file = -1;
  uint64_t offset = 0;
  size_t bytes = 0;
  std::byte* to = nullptr;
};

// A read may return early and be continued. Only whole blocks can be requested, so the last one may extend beyond the
// end of the file: zeros are read there.
class FileRead {
 public:
  static constexpr uint32_t kBlockBytes = 4096;

  FileRead() = default;
  // request: whole blocks, starting before file_bytes.
  FileRead(const ReadRequest& request, uint64_t file_bytes)
      : request_(request), expected_(Min(request.bytes, file_bytes - request.offset)) {}

  const ReadRequest& request() const { return request_; }
  // The part that has not been read.
  FileRange Rest(int file) const {
    return {file, request_.offset + got_, static_cast<size_t>(Min(request_.bytes - got_, kLongestRead)),
            request_.to + static_cast<size_t>(got_)};
  }

  // result: what the system returned for Rest, bytes or a negative error number. Returns true if the read has
  // completed, with its result in *done, and false if a rest is to be read.
  bool Take(int64_t result, ReadCompletion* done) {
    done->tag = request_.tag;
    done->status = Status();
    if (result < 0) {
      const int error = static_cast<int>(-result);
      if ((error == EINTR || error == EAGAIN) && ++interruptions_ < kMostInterruptions) return false;
      done->status = Error(ReadErrorText(error), static_cast<uint64_t>(error));
      return true;
    }
    const uint64_t bytes = static_cast<uint64_t>(result);
    if (bytes >= expected_ - got_) {
      std::memset(request_.to + static_cast<size_t>(expected_), 0, static_cast<size_t>(request_.bytes - expected_));
      return true;
    }
    // A read cannot continue within a block. At the end of a file that was cut short it returns less than a block.
    const uint64_t whole = bytes / kBlockBytes * kBlockBytes;
    got_ += whole;
    if (whole > 0) return false;
    done->status = Error("ends too early (was the file cut short?); bytes missing", expected_ - got_ - bytes);
    return true;
  }

 private:
  static constexpr uint32_t kMostInterruptions = 100;
  // The system reads less than 2 GiB at a time.
  static constexpr uint64_t kLongestRead = uint64_t{1} << 30;

  Status Error(const char* what, uint64_t value) const {
    return Status(StatusCode::kIo, "file", what, value, request_.offset + got_);
  }

  ReadRequest request_;
  uint64_t expected_ = 0;  // bytes of the request that the file has
  uint64_t got_ = 0;       // in whole blocks
  uint32_t interruptions_ = 0;
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_FILE_READ_H_
