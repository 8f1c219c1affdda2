#include "tools/pack/verify.h"

#include <algorithm>
#include <vector>

#include "lfm2/base/crc32c.h"

namespace lfm2::tools {

namespace {

constexpr size_t kWindowBytes = 1u << 20;

// The CRC of a range of the source.
class RangeCrc {
 public:
  RangeCrc(const ByteSource& source, const PackProgress& progress) : source_(source), progress_(progress) {}

  Error Compute(uint64_t offset, uint64_t bytes, uint32_t* crc) {
    *crc = 0;
    while (bytes > 0) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes, window_.size()));
      LFM2_RETURN_IF_FAILED(source_.Read(offset, window_.data(), n));
      *crc = Crc32c(*crc, window_.data(), n);
      offset += n;
      bytes -= n;
      if (progress_ && !progress_(offset, source_.size())) return Error::Of("interrupted");
    }
    return Error();
  }

 private:
  const ByteSource& source_;
  const PackProgress& progress_;
  std::vector<uint8_t> window_ = std::vector<uint8_t>(kWindowBytes);
};

}  // namespace

Error VerifyCrcs(const Image& image, const ByteSource& source, const PackProgress& progress) {
  ImageHeader header;
  LFM2_RETURN_IF_FAILED(source.Read(0, &header, sizeof(header)));
  RangeCrc range(source, progress);
  uint32_t crc = 0;
  LFM2_RETURN_IF_FAILED(range.Compute(header.pinned_offset, header.pinned_bytes, &crc));
  if (crc != header.pinned_crc) {
    return Error::Of("the pinned part is corrupt: its CRC-32C is ", crc, ", expected ", header.pinned_crc);
  }
  const uint32_t experts = image.config().experts;
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    const RecordEntry r = image.record_layer(m);
    for (uint32_t e = 0; e < experts; ++e) {
      uint32_t want = 0;
      LFM2_RETURN_IF_FAILED(
          source.Read(header.record_crc_offset + (uint64_t{m} * experts + e) * sizeof(want), &want, sizeof(want)));
      LFM2_RETURN_IF_FAILED(range.Compute(r.offset + e * r.stride, r.bytes, &crc));
      if (crc != want) {
        return Error::Of("expert ", e, " of layer ", image.config().dense_layers + m, " is corrupt: its CRC-32C is ",
                         crc, ", expected ", want);
      }
    }
  }
  return Error();
}

}  // namespace lfm2::tools
