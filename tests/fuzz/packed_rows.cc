// Rows of weights of every GGUF type on their way into an image and out of it, and MLX's on their way in. Input: the
// type, the number of rows, the direction, then bytes of rows or, in the other direction, of an image's blocks.
#include <cstring>

#include "programs/pack/mlx_types.h"
#include "programs/pack/repack.h"
#include "programs/pack/unpack.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace packed_rows {

constexpr uint32_t kCols = 256;

// `size` bytes of the input, over and over again. Memory of just this size.
std::vector<uint8_t> Repeated(std::string_view bytes, size_t size) {
  std::vector<uint8_t> out(size);
  for (size_t i = 0; i < size && !bytes.empty(); ++i) out[i] = static_cast<uint8_t>(bytes[i % bytes.size()]);
  return out;
}

// Types in which a value can be written in more than one way.
bool HasOneSpelling(TensorType type) { return type != TensorType::kTQ1_0 && type != TensorType::kNvfp4; }

void RunGgml(TensorType type, uint32_t rows, bool from_image, std::string_view bytes) {
  const size_t row_bytes = tools::GgmlRowBytes(type, kCols);
  const size_t block_bytes = static_cast<size_t>(MatrixBytes(type, kBlockRows, kCols));
  if (!from_image) {
    const std::vector<uint8_t> before = Repeated(bytes, rows * row_bytes);
    std::vector<uint8_t> blocks(block_bytes), after(before.size()), again(block_bytes);
    tools::RepackRowBlock(type, before.data(), rows, kCols, blocks.data());
    LFM2_HOLDS(tools::UnpackRowBlock(type, blocks.data(), rows, kCols, after.data()));
    LFM2_HOLDS(!HasOneSpelling(type) || before == after);
    tools::RepackRowBlock(type, after.data(), rows, kCols, again.data());
    LFM2_HOLDS(blocks == again);
    return;
  }
  const std::vector<uint8_t> blocks = Repeated(bytes, block_bytes);
  std::vector<uint8_t> out(kBlockRows * row_bytes), again(block_bytes);
  if (!tools::UnpackRowBlock(type, blocks.data(), kBlockRows, kCols, out.data())) return;
  tools::RepackRowBlock(type, out.data(), kBlockRows, kCols, again.data());
  LFM2_HOLDS(!HasOneSpelling(type) || blocks == again);
}

void RunMlx(TensorType type, uint32_t rows, std::string_view bytes) {
  const uint32_t groups = TraitsOf(type).columns / kGroupColumns;
  const uint32_t bits = IsAffine(type) ? AffineShapeOf(type).bits : type == TensorType::kMxfp8 ? 8 : 4;
  const size_t scale_bytes = IsAffine(type) ? kCols / kGroupColumns / groups * 2 : kCols / 16;
  const std::vector<uint8_t> weight = Repeated(bytes, rows * kCols * bits / 8),
                             scales = Repeated(bytes, rows * scale_bytes);
  std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(type, kBlockRows, kCols)), 0xa5);
  static_cast<void>(
      tools::RepackMlxRowBlock(type, weight.data(), scales.data(), scales.data(), rows, kCols, blocks.data()));
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint32_t number = input.Below(kTensorTypes);
  const uint32_t rows = 1 + input.Below(kBlockRows);
  const bool from_image = input.Below(2) != 0;
  if (!IsKnownTensorType(number)) return;
  const TensorType type = static_cast<TensorType>(number);
  if (IsTable(type)) return;  // no file has them
  const bool is_mlx = IsAffine(type) || type == TensorType::kMxfp8;
  if (is_mlx || (type == TensorType::kNvfp4 && from_image)) return RunMlx(type, rows, input.Rest());
  RunGgml(type, rows, from_image, input.Rest());
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (uint32_t number = 0; number < kTensorTypes; ++number) {
    if (!IsKnownTensorType(number) || IsTable(static_cast<TensorType>(number))) continue;
    for (const char direction : {'\0', '\1'}) {
      std::string seed = {static_cast<char>(number), '\3', direction};
      for (uint32_t i = 0; i < 300; ++i) seed += static_cast<char>(i * 167 + number * 31);
      seeds.push_back(seed);
    }
  }
  return seeds;
}

std::vector<std::string> Words() { return {"\xff\xff", std::string(2, '\0'), "\x7f\x7f", "\x80"}; }

}  // namespace packed_rows

const Target kPackedRows = {"packed_rows", 3 + 16 * 1024, &packed_rows::Run, &packed_rows::Seeds, &packed_rows::Words};

}  // namespace lfm2::fuzz
