// How weights are stored: element types and the interleaved blocks that kernels read (docs/format.md, "Matrices").
#ifndef LFM2_FORMAT_TENSOR_TYPE_H_
#define LFM2_FORMAT_TENSOR_TYPE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

// Numbers are part of the image format. 6..31 are given out in docs/format.md to types that later versions add.
enum class TensorType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kBF16 = 2,
  kQ4_0 = 3,
  kQ8_0 = 4,
  kQ6_K = 5,
};

// Every matrix is stored in blocks of kBlockRows rows, so that SIMD lanes are rows; the last block is padded with
// zeros.
inline constexpr uint32_t kBlockRows = 16;
// Columns that share one activation scale, and the granularity of every row length.
inline constexpr uint32_t kGroupColumns = 32;

// Geometry of one block: kBlockRows rows x `columns` columns in `bytes` bytes.
struct TensorTypeTraits {
  const char* name;
  uint32_t columns;
  uint32_t bytes;
};

// 16 x 32 weights: 256 bytes of nibbles, then a half-float scale per row. weight = (nibble - 8) * scale.
// Byte q * 64 + row * 4 + i holds column 4 * q + i in its low and column 16 + 4 * q + i in its high nibble, q = 0..3.
struct BlockQ4_0 {
  uint8_t nibbles[256];
  uint16_t scale[kBlockRows];
};
static_assert(sizeof(BlockQ4_0) == 288, "4.5 bits a weight");

// 16 x 32 weights: byte q * 64 + row * 4 + i holds column 4 * q + i, q = 0..7; weight = value * scale.
struct BlockQ8_0 {
  int8_t values[512];
  uint16_t scale[kBlockRows];
};
static_assert(sizeof(BlockQ8_0) == 544, "8.5 bits a weight");

// 16 x 32 weights of a Q6_K block. `low` is laid out as BlockQ4_0::nibbles and holds bits 0..3; `high` holds bits 4..5:
// byte (q / 2) * 64 + row * 4 + i has those of column 4 * q + i at bit 4 * (q % 2), of column 16 + 4 * q + i at bit
// 4 * (q % 2) + 2. scale[h][row] belongs to columns 16 * h .. 16 * h + 15. weight = (bits - 32) * scale * delta.
struct GroupQ6_K {
  uint8_t low[256];
  uint8_t high[128];
  int8_t scale[2][kBlockRows];
};
// 16 x 256 weights: eight groups of 32 columns and a half-float factor per row.
struct BlockQ6_K {
  GroupQ6_K groups[8];
  uint16_t delta[kBlockRows];
};
static_assert(sizeof(BlockQ6_K) == 16 * 210, "6.5625 bits a weight");

// 16 x 32 unquantised weights, values[column][row].
struct BlockF16 {
  uint16_t values[kGroupColumns][kBlockRows];
};
struct BlockF32 {
  float values[kGroupColumns][kBlockRows];
};
static_assert(sizeof(BlockF16) == 1024 && sizeof(BlockF32) == 2048, "no padding");

constexpr bool IsKnownTensorType(uint32_t type) { return type <= static_cast<uint32_t>(TensorType::kQ6_K); }

constexpr TensorTypeTraits TraitsOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return {"F32", 32, sizeof(BlockF32)};
    case TensorType::kF16: return {"F16", 32, sizeof(BlockF16)};
    case TensorType::kBF16: return {"BF16", 32, sizeof(BlockF16)};
    case TensorType::kQ4_0: return {"Q4_0", 32, sizeof(BlockQ4_0)};
    case TensorType::kQ8_0: return {"Q8_0", 32, sizeof(BlockQ8_0)};
    case TensorType::kQ6_K: return {"Q6_K", 256, sizeof(BlockQ6_K)};
  }
  return {"unknown", 0, 0};
}

// Quantised weights are multiplied by int8 activations, the others by floats.
constexpr bool IsQuantized(TensorType type) {
  return type == TensorType::kQ4_0 || type == TensorType::kQ8_0 || type == TensorType::kQ6_K;
}

// Bytes of a matrix [rows, cols] of this type. cols must be a multiple of the type's block columns.
constexpr uint64_t MatrixBytes(TensorType type, uint32_t rows, uint32_t cols) {
  const TensorTypeTraits traits = TraitsOf(type);
  return uint64_t{DivideUp(rows, kBlockRows)} * (cols / traits.columns) * traits.bytes;
}

// A matrix in an image: weights[rows, cols], row blocks outermost, blocks of one row block side by side.
// Does not own; valid as long as the storage that holds it.
struct Matrix {
  const uint8_t* data = nullptr;
  uint32_t rows = 0;
  uint32_t cols = 0;
  TensorType type = TensorType::kF32;

  uint32_t row_blocks() const { return DivideUp(rows, kBlockRows); }
  size_t row_block_bytes() const {
    const TensorTypeTraits traits = TraitsOf(type);
    return size_t{cols / traits.columns} * traits.bytes;
  }
};

}  // namespace lfm2

#endif  // LFM2_FORMAT_TENSOR_TYPE_H_
