#include "programs/pack/verify.h"

#include "lfm2/text/token_trie_builder.h"
#include "programs/pack/crc_reader.h"

namespace lfm2::tools {

namespace {

Error VerifyTokenTrie(const Image& image) {
  if (image.token_trie_bytes() == 0) return Error();
  TokenTrie trie;
  Status status = image.VerifyTokenTrie();
  if (status.ok()) status = image.OpenTokenTrie(&trie);
  if (status.ok()) status = CheckTokenTrie(image.vocab(), trie);
  return Error::From(status);
}

}  // namespace

Error CheckPinnedCrc(const ImageHeader& header, uint32_t crc) {
  if (crc == header.pinned_crc) return Error();
  return Error::Of("the pinned part is corrupt: its CRC-32C is ", crc, ", expected ", header.pinned_crc);
}

Error CheckRecordCrc(const Image& image, uint32_t moe_layer, uint32_t expert, uint32_t crc) {
  const uint32_t want = image.record_crc(moe_layer, expert);
  if (crc == want) return Error();
  return Error::Of("expert ", expert, " of layer ", image.config().dense_layers + moe_layer,
                   " is corrupt: its CRC-32C is ", crc, ", expected ", want);
}

Error VerifyPinned(const ByteSource& source, const StepProgress& progress) {
  ImageHeader header;
  LFM2_RETURN_IF_FAILED(source.Read(0, &header, sizeof(header)));
  CrcReader reader(source, progress);
  reader.Begin(header.pinned_offset);
  LFM2_RETURN_IF_FAILED(reader.SkipTo(header.pinned_offset + header.pinned_bytes));
  return CheckPinnedCrc(header, reader.crc());
}

Error VerifyCrcs(const Image& image, const ByteSource& source, const StepProgress& progress) {
  LFM2_RETURN_IF_FAILED(VerifyPinned(source, progress));
  CrcReader reader(source, progress);
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    const RecordEntry r = image.record_layer(m);
    for (uint32_t e = 0; e < image.config().experts; ++e) {
      reader.Begin(r.offset + e * r.stride);
      LFM2_RETURN_IF_FAILED(reader.SkipTo(r.offset + e * r.stride + r.bytes));
      LFM2_RETURN_IF_FAILED(CheckRecordCrc(image, m, e, reader.crc()));
    }
  }
  return VerifyTokenTrie(image);
}

}  // namespace lfm2::tools
