// Writes an image from front to back and computes the CRC of the current part.
#ifndef LFM2_PROGRAMS_PACK_IMAGE_STREAM_H_
#define LFM2_PROGRAMS_PACK_IMAGE_STREAM_H_

#include <algorithm>
#include <utility>

#include "lfm2/base/crc32c.h"
#include "programs/console/progress.h"
#include "programs/files/byte_sink.h"

namespace lfm2::tools {

class ImageStream {
 public:
  // Begins at an offset; all three outlive the stream.
  ImageStream(uint64_t begin, uint64_t total, const StepProgress& progress, ByteSink* sink)
      : position_(begin), total_(total), progress_(progress), sink_(sink) {}

  Error Append(const void* data, size_t bytes) {
    LFM2_RETURN_IF_FAILED(sink_->Write(position_, data, bytes));
    crc_ = Crc32c(crc_, data, bytes);
    position_ += bytes;
    if (progress_ && !progress_(position_, total_)) return Error::Of("interrupted");
    return Error();
  }
  // Writes zeros up to an offset, which is not before the position.
  Error PadTo(uint64_t offset) {
    static constexpr char kZeros[4096] = {};
    while (position_ < offset) {
      LFM2_RETURN_IF_FAILED(
          Append(kZeros, static_cast<size_t>(std::min<uint64_t>(offset - position_, sizeof(kZeros)))));
    }
    return Error();
  }
  // The CRC of everything since the last call.
  uint32_t TakeCrc() { return std::exchange(crc_, 0u); }

 private:
  uint64_t position_;
  uint64_t total_;
  uint32_t crc_ = 0;
  const StepProgress& progress_;
  ByteSink* sink_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_IMAGE_STREAM_H_
