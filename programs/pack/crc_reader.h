// Reads parts of an image from front to back and computes their CRCs.
#ifndef LFM2_PROGRAMS_PACK_CRC_READER_H_
#define LFM2_PROGRAMS_PACK_CRC_READER_H_

#include <algorithm>
#include <vector>

#include "lfm2/base/crc32c.h"
#include "programs/console/progress.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

class CrcReader {
 public:
  // Both outlive the reader. progress: of the position in the source.
  CrcReader(const ByteSource& source, const StepProgress& progress) : source_(source), progress_(progress) {}

  // Starts a part with its own CRC.
  void Begin(uint64_t offset) {
    position_ = offset;
    crc_ = 0;
  }
  Error Read(void* out, size_t bytes) {
    LFM2_RETURN_IF_FAILED(source_.Read(position_, out, bytes));
    crc_ = Crc32c(crc_, out, bytes);
    position_ += bytes;
    if (progress_ && !progress_(position_, source_.size())) return Error::Of("interrupted");
    return Error();
  }
  // Reads up to an offset, which is not before the position.
  Error SkipTo(uint64_t offset) {
    window_.resize(kWindowBytes);
    while (position_ < offset) {
      LFM2_RETURN_IF_FAILED(
          Read(window_.data(), static_cast<size_t>(std::min<uint64_t>(offset - position_, kWindowBytes))));
    }
    return Error();
  }
  uint32_t crc() const { return crc_; }

 private:
  static constexpr size_t kWindowBytes = 1u << 20;

  const ByteSource& source_;
  const StepProgress& progress_;
  uint64_t position_ = 0;
  uint32_t crc_ = 0;
  std::vector<uint8_t> window_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_CRC_READER_H_
