// How weights are stored: element types and the interleaved blocks that kernels read (docs/format.md, "Matrices").
#ifndef LFM2_FORMAT_TENSOR_TYPE_H_
#define LFM2_FORMAT_TENSOR_TYPE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

// Numbers are part of the image format. kA<bits>G<columns>: MLX's affine types, one scale and bias a group.
enum class TensorType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kBF16 = 2,
  kQ4_0 = 3,
  kQ8_0 = 4,
  kQ6_K = 5,
  kQ4_K = 6,
  kQ5_K = 7,
  kMxfp4 = 8,
  kA4G32 = 9,
  kA4G64 = 10,
  kA6G32 = 11,
  kA6G64 = 12,
  kA8G32 = 13,
  kA8G64 = 14,
  kQ4_1 = 15,
  kQ5_0 = 16,
  kQ5_1 = 17,
  kIQ4_NL = 18,
};
inline constexpr uint32_t kTensorTypes = 19;

// The types that kernels are compiled for, bit n for number n. Firmware that runs one model defines this to save the
// code of the others; an image with a type that is left out is refused when it is opened.
#ifndef LFM2_TENSOR_TYPES
#define LFM2_TENSOR_TYPES 0x7ffff
#endif
constexpr bool IsCompiled(TensorType type) { return (LFM2_TENSOR_TYPES >> static_cast<uint32_t>(type) & 1) != 0; }

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

// The blocks below begin each group of 32 columns with its integers: nibbles as BlockQ4_0 has them; upper bits as
// GroupQ6_K::high, or `fifth`, whose bit k of byte row * 4 + i belongs to column 4 * k + i; or bytes as BlockQ8_0 has
// them. Scales and offsets are half-floats, in MLX's types (kA*) bfloat16.

// weight = nibble * scale + min.
struct BlockQ4_1 {
  uint8_t nibbles[256];
  uint16_t scale[kBlockRows];
  uint16_t min[kBlockRows];
};
// weight = (bits - 16) * scale.
struct BlockQ5_0 {
  uint8_t nibbles[256];
  uint8_t fifth[64];
  uint16_t scale[kBlockRows];
};
// weight = bits * scale + min.
struct BlockQ5_1 {
  uint8_t nibbles[256];
  uint8_t fifth[64];
  uint16_t scale[kBlockRows];
  uint16_t min[kBlockRows];
};
static_assert(sizeof(BlockQ4_1) == 320 && sizeof(BlockQ5_0) == 352 && sizeof(BlockQ5_1) == 384, "no padding");

// 16 x 256 weights of Q4_K. A group has a scale and a min of 6 bits for each row: bits 0..3 of the scale are bits 0..3
// of scale_min, those of the min its bits 4..7; bits 4..5 are in `high`, of group g at bit 4 * (g % 2) of high[g / 2],
// the min's two bits higher. weight = nibble * (scale * delta) - min * min_delta.
struct GroupQ4_K {
  uint8_t nibbles[256];
  uint8_t scale_min[kBlockRows];
};
struct BlockQ4_K {
  GroupQ4_K groups[8];
  uint8_t high[4][kBlockRows];
  uint16_t delta[kBlockRows];
  uint16_t min_delta[kBlockRows];
};
// The same with five bits.
struct GroupQ5_K {
  uint8_t nibbles[256];
  uint8_t fifth[64];
  uint8_t scale_min[kBlockRows];
};
struct BlockQ5_K {
  GroupQ5_K groups[8];
  uint8_t high[4][kBlockRows];
  uint16_t delta[kBlockRows];
  uint16_t min_delta[kBlockRows];
};
static_assert(sizeof(BlockQ4_K) == 16 * 144 && sizeof(BlockQ5_K) == 16 * 176, "4.5 and 5.5 bits a weight");

// weight = kMxfp4Values[nibble] / 2 * 2^(exponent - 127): 4-bit floats with a shared exponent (OCP Microscaling).
struct BlockMxfp4 {
  uint8_t nibbles[256];
  uint8_t exponent[kBlockRows];
};
static_assert(sizeof(BlockMxfp4) == 272, "4.25 bits a weight");
inline constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Stored as BlockQ4_0; weight = kIQ4_NLValues[nibble] * scale. The values are ggml's.
inline constexpr int8_t kIQ4_NLValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// MLX's affine types: weight = bits * scale + bias. Eight bits are stored less 128, as int8.
template <class Integers, uint32_t kGroups>
struct BlockAffine {
  Integers groups[kGroups];
  uint16_t scale[kBlockRows];
  uint16_t bias[kBlockRows];
};
struct Integers4 {
  uint8_t nibbles[256];
};
struct Integers6 {
  uint8_t low[256];
  uint8_t high[128];
};
struct Integers8 {
  int8_t values[512];
};
using BlockA4G32 = BlockAffine<Integers4, 1>;
using BlockA4G64 = BlockAffine<Integers4, 2>;
using BlockA6G32 = BlockAffine<Integers6, 1>;
using BlockA6G64 = BlockAffine<Integers6, 2>;
using BlockA8G32 = BlockAffine<Integers8, 1>;
using BlockA8G64 = BlockAffine<Integers8, 2>;
static_assert(sizeof(BlockA4G32) == 320 && sizeof(BlockA4G64) == 576 && sizeof(BlockA6G32) == 448 &&
                  sizeof(BlockA6G64) == 832 && sizeof(BlockA8G32) == 576 && sizeof(BlockA8G64) == 1088,
              "no padding");

// 16 x 32 unquantised weights, values[column][row].
struct BlockF16 {
  uint16_t values[kGroupColumns][kBlockRows];
};
struct BlockF32 {
  float values[kGroupColumns][kBlockRows];
};
static_assert(sizeof(BlockF16) == 1024 && sizeof(BlockF32) == 2048, "no padding");

constexpr bool IsKnownTensorType(uint32_t type) { return type < kTensorTypes; }

constexpr TensorTypeTraits TraitsOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return {"F32", 32, sizeof(BlockF32)};
    case TensorType::kF16: return {"F16", 32, sizeof(BlockF16)};
    case TensorType::kBF16: return {"BF16", 32, sizeof(BlockF16)};
    case TensorType::kQ4_0: return {"Q4_0", 32, sizeof(BlockQ4_0)};
    case TensorType::kQ8_0: return {"Q8_0", 32, sizeof(BlockQ8_0)};
    case TensorType::kQ6_K: return {"Q6_K", 256, sizeof(BlockQ6_K)};
    case TensorType::kQ4_K: return {"Q4_K", 256, sizeof(BlockQ4_K)};
    case TensorType::kQ5_K: return {"Q5_K", 256, sizeof(BlockQ5_K)};
    case TensorType::kMxfp4: return {"MXFP4", 32, sizeof(BlockMxfp4)};
    case TensorType::kA4G32: return {"A4G32", 32, sizeof(BlockA4G32)};
    case TensorType::kA4G64: return {"A4G64", 64, sizeof(BlockA4G64)};
    case TensorType::kA6G32: return {"A6G32", 32, sizeof(BlockA6G32)};
    case TensorType::kA6G64: return {"A6G64", 64, sizeof(BlockA6G64)};
    case TensorType::kA8G32: return {"A8G32", 32, sizeof(BlockA8G32)};
    case TensorType::kA8G64: return {"A8G64", 64, sizeof(BlockA8G64)};
    case TensorType::kQ4_1: return {"Q4_1", 32, sizeof(BlockQ4_1)};
    case TensorType::kQ5_0: return {"Q5_0", 32, sizeof(BlockQ5_0)};
    case TensorType::kQ5_1: return {"Q5_1", 32, sizeof(BlockQ5_1)};
    case TensorType::kIQ4_NL: return {"IQ4_NL", 32, sizeof(BlockQ4_0)};
  }
  return {"unknown", 0, 0};
}

// Quantised weights are multiplied by int8 activations, the others by floats.
constexpr bool IsQuantized(TensorType type) {
  return type != TensorType::kF32 && type != TensorType::kF16 && type != TensorType::kBF16;
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
