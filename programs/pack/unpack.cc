#include "programs/pack/unpack.h"

#include <cstring>

#include "lfm2/base/numeric.h"
#include "programs/pack/ggml_blocks.h"
#include "programs/pack/interleave.h"
#include "programs/pack/low_bit_block.h"
#include "programs/pack/repack.h"

namespace lfm2::tools {

namespace {

// Calls one(block of the image, row, ggml's block) for each row of each block.
template <class Block, class One>
void ForEachRow(const uint8_t* blocks, uint32_t count, uint32_t rows, size_t block_bytes, uint8_t* out,
                const One& one) {
  for (uint32_t b = 0; b < count; ++b) {
    const Block& block = reinterpret_cast<const Block*>(blocks)[b];
    for (uint32_t row = 0; row < rows; ++row) one(block, row, out + (size_t{row} * count + b) * block_bytes);
  }
}

// Integers whose order within a row is ggml's: four columns, or four pairs of them, at a time.
template <uint32_t quads>
void CopyQuads(const void* integers, uint32_t row, uint8_t* to) {
  for (uint32_t q = 0; q < quads; ++q)
    std::memcpy(to + q * 4, static_cast<const uint8_t*>(integers) + q * 64 + row * 4, 4);
}

template <class Block, bool has_fifth>
void UnpackRowK(const Block& block, uint32_t row, uint8_t* to) {
  constexpr size_t block_bytes = has_fifth ? kQ5_KBytes : kQ4_KBytes;
  uint8_t* const fifth = to + 16;
  uint8_t* const nibbles = to + block_bytes - 128;
  std::memset(to, 0, block_bytes);
  std::memcpy(to, &block.delta[row], 2);
  std::memcpy(to + 2, &block.min_delta[row], 2);
  for (uint32_t g = 0; g < 8; ++g) {
    const uint32_t low = block.groups[g].scale_min[row], high = uint32_t{block.high[g / 2][row]} >> 4 * (g % 2);
    PutSixBits((low & 15) | (high & 3) << 4, low >> 4 | (high >> 2 & 3) << 4, g, to + 4);
    const GroupIntegers v =
        GetIntegers < has_fifth ? Integers::kFive : Integers::kNibbles > (block.groups[g].nibbles, row);
    for (uint32_t c = 0; c < 32; ++c) {
      const uint32_t value = v.column[c];
      uint8_t& pair = nibbles[32 * (g / 2) + c];
      pair = static_cast<uint8_t>(pair | (value & 15) << 4 * (g % 2));
      if (has_fifth) fifth[c] = static_cast<uint8_t>(fifth[c] | value >> 4 << g);
    }
  }
}

// repack.cc describes the layout of a Q6_K block.
void UnpackRowQ6_K(const BlockQ6_K& block, uint32_t row, uint8_t* to) {
  std::memset(to, 0, kQ6_KBytes);
  for (uint32_t g = 0; g < 8; ++g) {
    const uint32_t n = g / 4, part = g % 4;
    const GroupIntegers v = GetIntegers<Integers::kSix>(block.groups[g].low, row);
    uint8_t* const low = to + 64 * n + 32 * (part % 2);
    uint8_t* const high = to + 128 + 32 * n;
    for (uint32_t c = 0; c < 32; ++c) {
      const uint32_t value = v.column[c];
      low[c] = static_cast<uint8_t>(low[c] | (value & 15) << 4 * (part / 2));
      high[c] = static_cast<uint8_t>(high[c] | value >> 4 << 2 * part);
    }
    for (uint32_t h = 0; h < 2; ++h) std::memcpy(to + 192 + 2 * g + h, &block.groups[g].scale[h][row], 1);
  }
  std::memcpy(to + 208, &block.delta[row], 2);
}

// T: an unsigned integer of the size of a value. blocks[block][column][row].
template <class T>
void Transpose(const uint8_t* blocks, uint32_t rows, uint32_t cols, uint8_t* out) {
  for (uint32_t row = 0; row < rows; ++row) {
    const uint8_t* const from = blocks + row * sizeof(T);
    uint8_t* const to = out + size_t{row} * cols * sizeof(T);
    for (uint32_t c = 0; c < cols; ++c)
      std::memcpy(to + c * sizeof(T), from + size_t{c} * kBlockRows * sizeof(T), sizeof(T));
  }
}

bool UnpackLowBits(TensorType type, const uint8_t* blocks, uint32_t rows, uint32_t cols, uint8_t* out) {
  const GgmlTypeInfo& ggml = *GgmlInfoOf(type);
  const uint32_t count = cols / ggml.block_values;
  const size_t run_bytes = static_cast<size_t>(MatrixBytes(type, kBlockRows, ggml.block_values));
  std::memset(out, 0, rows * GgmlRowBytes(type, cols));
  for (uint32_t b = 0; b < count; ++b) {
    for (uint32_t row = 0; row < rows; ++row) {
      LowBitRow numbers;
      GetLowBits(type, blocks + b * run_bytes, row, &numbers);
      if (!WriteLowBits(type, numbers, out + (size_t{row} * count + b) * ggml.block_bytes)) return false;
    }
  }
  return true;
}

void UnpackOthers(TensorType type, const uint8_t* blocks, uint32_t rows, uint32_t cols, uint8_t* out) {
  const uint32_t groups = cols / kGroupColumns;
  switch (type) {
    case TensorType::kF32: return Transpose<uint32_t>(blocks, rows, cols, out);
    case TensorType::kF16:
    case TensorType::kBF16: return Transpose<uint16_t>(blocks, rows, cols, out);
    case TensorType::kQ4_0:
    case TensorType::kIQ4_NL:
      return ForEachRow<BlockQ4_0>(blocks, groups, rows, kQ4_0Bytes, out,
                                   [](const BlockQ4_0& block, uint32_t row, uint8_t* to) {
                                     std::memcpy(to, &block.scale[row], 2);
                                     CopyQuads<4>(block.nibbles, row, to + 2);
                                   });
    case TensorType::kQ8_0:
      return ForEachRow<BlockQ8_0>(blocks, groups, rows, kQ8_0Bytes, out,
                                   [](const BlockQ8_0& block, uint32_t row, uint8_t* to) {
                                     std::memcpy(to, &block.scale[row], 2);
                                     CopyQuads<8>(block.values, row, to + 2);
                                   });
    case TensorType::kQ4_1:
      return ForEachRow<BlockQ4_1>(blocks, groups, rows, kQ4_1Bytes, out,
                                   [](const BlockQ4_1& block, uint32_t row, uint8_t* to) {
                                     std::memcpy(to, &block.scale[row], 2);
                                     std::memcpy(to + 2, &block.min[row], 2);
                                     CopyQuads<4>(block.nibbles, row, to + 4);
                                   });
    case TensorType::kQ5_0:
      return ForEachRow<BlockQ5_0>(blocks, groups, rows, kQ5_0Bytes, out,
                                   [](const BlockQ5_0& block, uint32_t row, uint8_t* to) {
                                     const uint32_t fifth = GetFifthBits(block.fifth, row);
                                     std::memcpy(to, &block.scale[row], 2);
                                     std::memcpy(to + 2, &fifth, 4);
                                     CopyQuads<4>(block.nibbles, row, to + 6);
                                   });
    case TensorType::kQ5_1:
      return ForEachRow<BlockQ5_1>(blocks, groups, rows, kQ5_1Bytes, out,
                                   [](const BlockQ5_1& block, uint32_t row, uint8_t* to) {
                                     const uint32_t fifth = GetFifthBits(block.fifth, row);
                                     std::memcpy(to, &block.scale[row], 2);
                                     std::memcpy(to + 2, &block.min[row], 2);
                                     std::memcpy(to + 4, &fifth, 4);
                                     CopyQuads<4>(block.nibbles, row, to + 8);
                                   });
    case TensorType::kMxfp4:
      return ForEachRow<BlockMxfp4>(blocks, groups, rows, kMxfp4Bytes, out,
                                    [](const BlockMxfp4& block, uint32_t row, uint8_t* to) {
                                      to[0] = block.exponent[row];
                                      CopyQuads<4>(block.nibbles, row, to + 1);
                                    });
    case TensorType::kQ4_K:
      return ForEachRow<BlockQ4_K>(blocks, cols / 256, rows, kQ4_KBytes, out, UnpackRowK<BlockQ4_K, false>);
    case TensorType::kQ5_K:
      return ForEachRow<BlockQ5_K>(blocks, cols / 256, rows, kQ5_KBytes, out, UnpackRowK<BlockQ5_K, true>);
    case TensorType::kQ6_K: return ForEachRow<BlockQ6_K>(blocks, cols / 256, rows, kQ6_KBytes, out, UnpackRowQ6_K);
    default: return;  // ggml has no such rows
  }
}

}  // namespace

bool UnpackRowBlock(TensorType type, const uint8_t* blocks, uint32_t rows, uint32_t cols, uint8_t* out) {
  if (IsLowBit(type)) return UnpackLowBits(type, blocks, rows, cols, out);
  UnpackOthers(type, blocks, rows, cols, out);
  return true;
}

}  // namespace lfm2::tools
