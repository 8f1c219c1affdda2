// ggml's rows come out of an image's blocks as they went in.
#include "tools/pack/unpack.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "tools/pack/repack.h"

namespace lfm2::test {

TEST_CASE("rows of any bits, of every type that ggml has, survive the way into an image and back") {
  std::mt19937 random(5);
  uint32_t types = 0;
  for (uint32_t number = 0; number < kTensorTypes; ++number) {
    const TensorType type = static_cast<TensorType>(number);
    uint32_t ggml = 0;
    if (!tools::GgmlFromTensorType(type, &ggml)) continue;
    ++types;
    for (const uint32_t cols : {256u, 512u}) {
      for (const uint32_t rows : {1u, 7u, 16u}) {
        CAPTURE(NameOf(type));
        CAPTURE(rows);
        // Not only what quantisers write: every bit has to have a place.
        std::vector<uint8_t> before(rows * tools::GgmlRowBytes(type, cols)), after(before.size(), 0xa5);
        for (uint8_t& byte : before) byte = static_cast<uint8_t>(random());
        std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(type, kBlockRows, cols)), 0x5a);
        tools::RepackRowBlock(type, before.data(), rows, cols, blocks.data());
        tools::UnpackRowBlock(type, blocks.data(), rows, cols, after.data());
        CHECK(before == after);
      }
    }
  }
  CHECK(types == 13);
}

}  // namespace lfm2::test
