#include "tools/pack/repack.h"

#include <cstring>

#include "lfm2/base/numeric.h"
#include "tools/pack/gguf_reader.h"

namespace lfm2::tools {

namespace {

struct TypePair {
  uint32_t ggml;
  TensorType image;
};
constexpr TypePair kTypes[] = {
    {0, TensorType::kF32},  {1, TensorType::kF16},   {2, TensorType::kQ4_0},
    {8, TensorType::kQ8_0}, {14, TensorType::kQ6_K}, {30, TensorType::kBF16},
};

constexpr size_t kQ4_0Bytes = 18, kQ8_0Bytes = 34, kQ6_KBytes = 210;

// Both hold a half-float scale first and then bytes, whose order within a row is ours already: four columns (or four
// pairs of columns) at a time go to their row's place.
template <class Block, uint32_t kQuads>
void RepackScaled(const uint8_t* source, size_t row_bytes, size_t block_bytes, uint32_t rows, uint32_t blocks,
                  uint8_t* out) {
  for (uint32_t b = 0; b < blocks; ++b) {
    uint8_t* const block = out + b * sizeof(Block);
    for (uint32_t row = 0; row < rows; ++row) {
      const uint8_t* const from = source + row * row_bytes + b * block_bytes;
      std::memcpy(block + offsetof(Block, scale) + row * sizeof(uint16_t), from, sizeof(uint16_t));
      for (uint32_t q = 0; q < kQuads; ++q) std::memcpy(block + q * 64 + row * 4, from + sizeof(uint16_t) + q * 4, 4);
    }
  }
}

// One row's 32 columns of group g (0..7) of a 210-byte Q6_K block: low nibbles [128], upper bit pairs [64], scales
// [16], delta. Columns 128 n + 32 p + l have their low bits in nibble p / 2 of byte 64 n + 32 (p % 2) + l, their upper
// bits in bit pair p of byte 32 n + l. Handled four columns to a 32-bit word.
void RepackGroupQ6_K(const uint8_t* from, uint32_t g, uint32_t row, GroupQ6_K* out) {
  const uint32_t n = g / 4, part = g % 4;
  const uint8_t* const low = from + 64 * n + 32 * (part % 2);
  const uint8_t* const high = from + 128 + 32 * n;
  const uint32_t low_shift = 4 * (part / 2), high_shift = 2 * part;
  uint32_t upper[4];
  for (uint32_t q = 0; q < 4; ++q) {
    const uint32_t low0 = (LoadAs<uint32_t>(low + 4 * q) >> low_shift) & 0x0f0f0f0fu;
    const uint32_t low1 = (LoadAs<uint32_t>(low + 16 + 4 * q) >> low_shift) & 0x0f0f0f0fu;
    const uint32_t nibbles = low0 | low1 << 4;
    std::memcpy(out->low + q * 64 + row * 4, &nibbles, sizeof(nibbles));
    const uint32_t high0 = (LoadAs<uint32_t>(high + 4 * q) >> high_shift) & 0x03030303u;
    const uint32_t high1 = (LoadAs<uint32_t>(high + 16 + 4 * q) >> high_shift) & 0x03030303u;
    upper[q] = high0 | high1 << 2;
  }
  for (uint32_t k = 0; k < 2; ++k) {
    const uint32_t pairs = upper[2 * k] | upper[2 * k + 1] << 4;
    std::memcpy(out->high + k * 64 + row * 4, &pairs, sizeof(pairs));
  }
  for (uint32_t h = 0; h < 2; ++h) std::memcpy(&out->scale[h][row], from + 192 + 2 * g + h, 1);
}

void RepackQ6_K(const uint8_t* source, size_t row_bytes, uint32_t rows, uint32_t blocks, uint8_t* out) {
  for (uint32_t b = 0; b < blocks; ++b) {
    BlockQ6_K block{};
    for (uint32_t row = 0; row < rows; ++row) {
      const uint8_t* const from = source + row * row_bytes + b * kQ6_KBytes;
      for (uint32_t g = 0; g < 8; ++g) RepackGroupQ6_K(from, g, row, &block.groups[g]);
      std::memcpy(&block.delta[row], from + 208, sizeof(uint16_t));
    }
    std::memcpy(out + b * sizeof(block), &block, sizeof(block));
  }
}

// T: an unsigned integer as wide as the values. out[block][column][row].
template <class T>
void Transpose(const uint8_t* source, size_t row_bytes, uint32_t rows, uint32_t cols, uint8_t* out) {
  for (uint32_t row = 0; row < rows; ++row) {
    const uint8_t* const from = source + row * row_bytes;
    uint8_t* const to = out + row * sizeof(T);
    for (uint32_t c = 0; c < cols; ++c)
      std::memcpy(to + size_t{c} * kBlockRows * sizeof(T), from + c * sizeof(T), sizeof(T));
  }
}

}  // namespace

bool TensorTypeFromGgml(uint32_t ggml_type, TensorType* out) {
  for (const TypePair& pair : kTypes) {
    if (pair.ggml != ggml_type) continue;
    *out = pair.image;
    return true;
  }
  return false;
}

size_t GgmlRowBytes(TensorType type, uint32_t cols) {
  switch (type) {
    case TensorType::kF32: return size_t{cols} * 4;
    case TensorType::kF16:
    case TensorType::kBF16: return size_t{cols} * 2;
    case TensorType::kQ4_0: return size_t{cols / 32} * kQ4_0Bytes;
    case TensorType::kQ8_0: return size_t{cols / 32} * kQ8_0Bytes;
    case TensorType::kQ6_K: return size_t{cols / 256} * kQ6_KBytes;
  }
  return 0;
}

void RepackRowBlock(TensorType type, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  const size_t row_bytes = GgmlRowBytes(type, cols);
  if (rows < kBlockRows) std::memset(blocks, 0, static_cast<size_t>(MatrixBytes(type, kBlockRows, cols)));
  switch (type) {
    case TensorType::kF32: return Transpose<uint32_t>(source, row_bytes, rows, cols, blocks);
    case TensorType::kF16:
    case TensorType::kBF16: return Transpose<uint16_t>(source, row_bytes, rows, cols, blocks);
    case TensorType::kQ4_0: return RepackScaled<BlockQ4_0, 4>(source, row_bytes, kQ4_0Bytes, rows, cols / 32, blocks);
    case TensorType::kQ8_0: return RepackScaled<BlockQ8_0, 8>(source, row_bytes, kQ8_0Bytes, rows, cols / 32, blocks);
    case TensorType::kQ6_K: return RepackQ6_K(source, row_bytes, rows, cols / 256, blocks);
  }
}

}  // namespace lfm2::tools
