#include "programs/pack/repack.h"

#include <algorithm>
#include <cstring>

#include "lfm2/base/numeric.h"
#include "programs/pack/ggml_blocks.h"
#include "programs/pack/gguf_reader.h"
#include "programs/pack/interleave.h"
#include "programs/pack/low_bit_block.h"

namespace lfm2::tools {

namespace {

struct TypePair {
  uint32_t ggml;
  TensorType image;
};
constexpr TypePair kTypePairs[] = {
    {0, TensorType::kF32},     {1, TensorType::kF16},      {2, TensorType::kQ4_0},    {3, TensorType::kQ4_1},
    {6, TensorType::kQ5_0},    {7, TensorType::kQ5_1},     {8, TensorType::kQ8_0},    {12, TensorType::kQ4_K},
    {13, TensorType::kQ5_K},   {14, TensorType::kQ6_K},    {20, TensorType::kIQ4_NL}, {30, TensorType::kBF16},
    {39, TensorType::kMxfp4},  {10, TensorType::kQ2_K},    {11, TensorType::kQ3_K},   {16, TensorType::kIQ2_XXS},
    {17, TensorType::kIQ2_XS}, {18, TensorType::kIQ3_XXS}, {19, TensorType::kIQ1_S},  {21, TensorType::kIQ3_S},
    {22, TensorType::kIQ2_S},  {23, TensorType::kIQ4_XS},  {29, TensorType::kIQ1_M},  {34, TensorType::kTQ1_0},
    {35, TensorType::kTQ2_0},  {40, TensorType::kNvfp4},   {41, TensorType::kQ1_0},   {42, TensorType::kQ2_0},
};

// Blocks of a half-float scale and bytes that are already in the order of the image: four columns (or four pairs of
// columns) at a time are copied to the place of their row.
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

// Types of 32 columns whose nibbles ggml orders as an image does, in the last 16 bytes of its block. put(bytes of
// one row, row, block) handles the bytes before them.
template <class Block, class Put>
void RepackNibbles(const uint8_t* source, size_t row_bytes, size_t block_bytes, uint32_t rows, uint32_t blocks,
                   const Put& put, uint8_t* out) {
  for (uint32_t b = 0; b < blocks; ++b) {
    Block* const block = reinterpret_cast<Block*>(out) + b;
    for (uint32_t row = 0; row < rows; ++row) {
      const uint8_t* const from = source + row * row_bytes + b * block_bytes;
      for (uint32_t q = 0; q < 4; ++q) {
        std::memcpy(block->nibbles + q * 64 + row * 4, from + block_bytes - 16 + q * 4, 4);
      }
      put(from, row, block);
    }
  }
}

// Q4_K and Q5_K: delta, min delta, six-bit scales [12], for Q5_K fifth bits [32], nibbles [128]. Column 32 g + c has
// its nibble in byte 32 (g / 2) + c, upper half for an odd g, and its fifth bit at bit g of byte c.
template <class Block, bool has_fifth>
void RepackK(const uint8_t* source, size_t row_bytes, uint32_t rows, uint32_t blocks, uint8_t* out) {
  constexpr size_t block_bytes = has_fifth ? kQ5_KBytes : kQ4_KBytes;
  for (uint32_t b = 0; b < blocks; ++b) {
    Block block{};
    for (uint32_t row = 0; row < rows; ++row) {
      const uint8_t* const from = source + row * row_bytes + b * block_bytes;
      const uint8_t* const fifth = from + 16;
      const uint8_t* const nibbles = from + block_bytes - 128;
      std::memcpy(&block.delta[row], from, 2);
      std::memcpy(&block.min_delta[row], from + 2, 2);
      for (uint32_t g = 0; g < 8; ++g) {
        uint32_t scale = 0, min = 0;
        GetSixBits(from + 4, g, &scale, &min);
        block.groups[g].scale_min[row] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
        uint8_t& high = block.high[g / 2][row];
        high = static_cast<uint8_t>(high | (scale >> 4 | min >> 4 << 2) << 4 * (g % 2));
        GroupIntegers v;
        for (uint32_t c = 0; c < 32; ++c) {
          const uint32_t nibble = uint32_t{nibbles[32 * (g / 2) + c]} >> 4 * (g % 2) & 15;
          v.column[c] = static_cast<uint8_t>(has_fifth ? nibble | (uint32_t{fifth[c]} >> g & 1) << 4 : nibble);
        }
        PutIntegers<has_fifth ? Integers::kFive : Integers::kNibbles>(v, row, block.groups[g].nibbles);
      }
    }
    std::memcpy(out + b * sizeof(block), &block, sizeof(block));
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

// Columns that a block of ggml's and an image's have in common.
void RepackLowBits(TensorType type, const uint8_t* source, size_t row_bytes, uint32_t rows, uint32_t cols,
                   uint8_t* out) {
  const GgmlTypeInfo& ggml = *GgmlInfoOf(type);
  const size_t run_bytes = static_cast<size_t>(MatrixBytes(type, kBlockRows, ggml.block_values));
  std::memset(out, 0, static_cast<size_t>(MatrixBytes(type, kBlockRows, cols)));
  for (uint32_t b = 0; b < cols / ggml.block_values; ++b) {
    for (uint32_t row = 0; row < rows; ++row) {
      LowBitRow numbers;
      ReadLowBits(type, source + row * row_bytes + b * ggml.block_bytes, &numbers);
      PutLowBits(type, numbers, row, out + b * run_bytes);
    }
  }
}

// T: an unsigned integer of the size of a value. out[block][column][row].
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
  for (const TypePair& pair : kTypePairs) {
    if (pair.ggml != ggml_type) continue;
    *out = pair.image;
    return true;
  }
  return false;
}

bool GgmlFromTensorType(TensorType type, uint32_t* out) {
  for (const TypePair& pair : kTypePairs) {
    if (pair.image != type) continue;
    *out = pair.ggml;
    return true;
  }
  return false;
}

const GgmlTypeInfo* GgmlInfoOf(TensorType type) {
  uint32_t number = 0;
  return GgmlFromTensorType(type, &number) ? FindGgmlType(number) : nullptr;
}

size_t GgmlRowBytes(TensorType type, uint32_t cols) {
  const GgmlTypeInfo* const info = GgmlInfoOf(type);
  return info == nullptr ? 0 : size_t{cols / info->block_values} * info->block_bytes;
}

uint32_t WindowRows(size_t block_bytes) {
  constexpr size_t kWindowBytes = 1u << 19;
  return std::max<uint32_t>(1, static_cast<uint32_t>(kWindowBytes / block_bytes)) * kBlockRows;
}

void RepackRowBlock(TensorType type, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  const size_t row_bytes = GgmlRowBytes(type, cols);
  const uint32_t groups = cols / kGroupColumns;
  if (IsLowBit(type)) return RepackLowBits(type, source, row_bytes, rows, cols, blocks);
  if (rows < kBlockRows) std::memset(blocks, 0, static_cast<size_t>(MatrixBytes(type, kBlockRows, cols)));
  switch (type) {
    case TensorType::kF32: return Transpose<uint32_t>(source, row_bytes, rows, cols, blocks);
    case TensorType::kF16:
    case TensorType::kBF16: return Transpose<uint16_t>(source, row_bytes, rows, cols, blocks);
    case TensorType::kQ4_0:
    case TensorType::kIQ4_NL: return RepackScaled<BlockQ4_0, 4>(source, row_bytes, kQ4_0Bytes, rows, groups, blocks);
    case TensorType::kQ8_0: return RepackScaled<BlockQ8_0, 8>(source, row_bytes, kQ8_0Bytes, rows, groups, blocks);
    case TensorType::kQ6_K: return RepackQ6_K(source, row_bytes, rows, cols / 256, blocks);
    case TensorType::kQ4_K: return RepackK<BlockQ4_K, false>(source, row_bytes, rows, cols / 256, blocks);
    case TensorType::kQ5_K: return RepackK<BlockQ5_K, true>(source, row_bytes, rows, cols / 256, blocks);
    case TensorType::kQ4_1: {
      const auto put = [](const uint8_t* from, uint32_t row, BlockQ4_1* block) {
        std::memcpy(&block->scale[row], from, 2);
        std::memcpy(&block->min[row], from + 2, 2);
      };
      return RepackNibbles<BlockQ4_1>(source, row_bytes, kQ4_1Bytes, rows, groups, put, blocks);
    }
    case TensorType::kQ5_0: {
      const auto put = [](const uint8_t* from, uint32_t row, BlockQ5_0* block) {
        std::memcpy(&block->scale[row], from, 2);
        PutFifthBits(LoadAs<uint32_t>(from + 2), row, block->fifth);
      };
      return RepackNibbles<BlockQ5_0>(source, row_bytes, kQ5_0Bytes, rows, groups, put, blocks);
    }
    case TensorType::kQ5_1: {
      const auto put = [](const uint8_t* from, uint32_t row, BlockQ5_1* block) {
        std::memcpy(&block->scale[row], from, 2);
        std::memcpy(&block->min[row], from + 2, 2);
        PutFifthBits(LoadAs<uint32_t>(from + 4), row, block->fifth);
      };
      return RepackNibbles<BlockQ5_1>(source, row_bytes, kQ5_1Bytes, rows, groups, put, blocks);
    }
    case TensorType::kMxfp4: {
      const auto put = [](const uint8_t* from, uint32_t row, BlockMxfp4* block) { block->exponent[row] = from[0]; };
      return RepackNibbles<BlockMxfp4>(source, row_bytes, kMxfp4Bytes, rows, groups, put, blocks);
    }
    default: return;  // ggml has no such rows
  }
}

void RepackRows(TensorType type, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  const size_t row_bytes = GgmlRowBytes(type, cols);
  const size_t block_bytes = static_cast<size_t>(MatrixBytes(type, kBlockRows, cols));
  for (uint32_t r = 0; r < rows; r += kBlockRows, blocks += block_bytes) {
    RepackRowBlock(type, source + r * row_bytes, Min(kBlockRows, rows - r), cols, blocks);
  }
}

}  // namespace lfm2::tools
