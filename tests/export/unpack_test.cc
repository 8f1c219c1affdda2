// Unpacking an image's blocks gives the original rows of ggml's types.
#include "programs/pack/unpack.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "programs/pack/repack.h"

namespace lfm2::test {
namespace {

// Replaces bytes whose values have several encodings by the ones that quantisers write: base-three digits, and unsigned
// scales that are finite.
void OnlyOneSpelling(TensorType type, std::vector<uint8_t>* rows) {
  for (size_t at = 0; at < rows->size(); ++at) {
    uint8_t& byte = (*rows)[at];
    if (type == TensorType::kTQ1_0 && at % 54 < 48) byte = static_cast<uint8_t>((byte % 243 * 256 + 242) / 243);
    if (type == TensorType::kTQ1_0 && at % 54 >= 48 && at % 54 < 52)
      byte = static_cast<uint8_t>((byte % 81 * 3 * 256 + 242) / 243);
    if (type == TensorType::kNvfp4 && at % 36 < 4) byte %= 0x7f;
  }
}

}  // namespace

TEST_CASE("rows of any bits, of every type that ggml has, survive the way into an image and back") {
  std::mt19937 random(5);
  uint32_t types = 0;
  for (uint32_t number = 0; number < kTensorTypes; ++number) {
    const TensorType type = static_cast<TensorType>(number);
    uint32_t ggml = 0;
    if (!tools::GgmlFromTensorType(type, &ggml)) {
      CHECK((IsAffine(type) || IsTable(type) || type == TensorType::kMxfp8));
      continue;
    }
    ++types;
    for (const uint32_t cols : {256u, 512u}) {
      for (const uint32_t rows : {1u, 7u, 16u}) {
        CAPTURE(NameOf(type));
        CAPTURE(rows);
        // Not only blocks from quantisers: every bit must be preserved.
        std::vector<uint8_t> before(rows * tools::GgmlRowBytes(type, cols)), after(before.size(), 0xa5);
        for (uint8_t& byte : before) byte = static_cast<uint8_t>(random());
        OnlyOneSpelling(type, &before);
        std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(type, kBlockRows, cols)), 0x5a);
        tools::RepackRowBlock(type, before.data(), rows, cols, blocks.data());
        CHECK(tools::UnpackRowBlock(type, blocks.data(), rows, cols, after.data()));
        CHECK(before == after);
      }
    }
  }
  CHECK(types == 28);
}

TEST_CASE("values outside the codebook have no GGUF rows, and are not replaced by others") {
  for (const TensorType type : {TensorType::kIQ3_XXS, TensorType::kIQ3_S, TensorType::kIQ2_XXS, TensorType::kIQ2_XS,
                                TensorType::kIQ2_S, TensorType::kIQ1_S, TensorType::kIQ1_M, TensorType::kTQ1_0}) {
    CAPTURE(NameOf(type));
    // Only some patterns are codebook entries; random patterns over 256 columns include others.
    std::mt19937 random(6);
    std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(type, kBlockRows, 256)));
    for (uint8_t& byte : blocks) byte = static_cast<uint8_t>(random());
    std::vector<uint8_t> rows(kBlockRows * tools::GgmlRowBytes(type, 256));
    CHECK_FALSE(tools::UnpackRowBlock(type, blocks.data(), kBlockRows, 256, rows.data()));
  }
}

}  // namespace lfm2::test
