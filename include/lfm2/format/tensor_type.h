// How weights are stored: element types, and the geometry of the blocks that kernels read (docs/format.md, "Matrices").
#ifndef LFM2_FORMAT_TENSOR_TYPE_H_
#define LFM2_FORMAT_TENSOR_TYPE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_blocks.h"

namespace lfm2 {

// Numbers are part of the image format. kA<bits>G<columns>: MLX's affine types, one scale and bias per group, in
// bfloat16 or, with an H, half-floats. kT<bits>G<columns>: integers that stand for the values of a table, one
// half-float scale per group.
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
  kQ2_K = 9,
  kQ3_K = 10,
  kIQ4_XS = 11,
  kIQ3_XXS = 12,
  kIQ3_S = 13,
  kIQ2_XXS = 14,
  kQ4_1 = 15,
  kQ5_0 = 16,
  kQ5_1 = 17,
  kIQ4_NL = 18,
  kIQ2_XS = 19,
  kIQ2_S = 20,
  kIQ1_S = 21,
  kIQ1_M = 22,
  kTQ1_0 = 23,
  kTQ2_0 = 24,
  kQ1_0 = 25,
  kQ2_0 = 26,
  kNvfp4 = 27,
  kMxfp8 = 28,
  kT4G64 = 29,
  kT3G64 = 30,
  kT2G32 = 31,
#define LFM2_AFFINE_TYPES(bits, number)                                                                         \
  kA##bits##G32 = number, kA##bits##G32H = number + 1, kA##bits##G64 = number + 2, kA##bits##G64H = number + 3, \
  kA##bits##G128 = number + 4, kA##bits##G128H = number + 5
  LFM2_AFFINE_TYPES(2, 32),
  LFM2_AFFINE_TYPES(3, 38),
  LFM2_AFFINE_TYPES(4, 44),
  LFM2_AFFINE_TYPES(5, 50),
  LFM2_AFFINE_TYPES(6, 56),
  LFM2_AFFINE_TYPES(8, 62),
#undef LFM2_AFFINE_TYPES
};
inline constexpr uint32_t kFirstAffineType = 32, kAffineTypesOfBits = 6;
inline constexpr uint32_t kTensorTypes = 68;  // all numbers below are assigned
constexpr bool IsKnownTensorType(uint32_t type) { return type < kTensorTypes; }

// MLX's affine types: bits, groups of 32 columns that share a scale, and whether the scales are half-floats.
struct AffineShape {
  uint32_t bits;
  uint32_t groups;
  bool half;
};
constexpr bool IsAffine(TensorType type) { return static_cast<uint32_t>(type) >= kFirstAffineType; }
constexpr AffineShape AffineShapeOf(TensorType type) {
  const uint32_t n = static_cast<uint32_t>(type) - kFirstAffineType, bits = n / kAffineTypesOfBits + 2;
  return {bits == 7 ? 8 : bits, 1u << n % kAffineTypesOfBits / 2, n % 2 != 0};
}

// The inverse. bits: 2, 3, 4, 5, 6 or 8; groups: 1, 2 or 4.
constexpr TensorType AffineTypeOf(AffineShape shape) {
  const uint32_t of_bits = (shape.bits == 8 ? 5 : shape.bits - 2) * kAffineTypesOfBits;
  return static_cast<TensorType>(kFirstAffineType + of_bits + shape.groups / 2 * 2 + (shape.half ? 1 : 0));
}

// The project's own: T4G64, T3G64 and T2G32.
constexpr bool IsTable(TensorType type) {
  return type == TensorType::kT4G64 || type == TensorType::kT3G64 || type == TensorType::kT2G32;
}

// Types that share a kernel are a family, named by its first type: affine ones of the same bits, IQ2_XS and IQ2_S, and
// TQ1_0, TQ2_0, Q1_0 and Q2_0.
constexpr TensorType FamilyOf(TensorType type) {
  const uint32_t n = static_cast<uint32_t>(type);
  if (IsAffine(type)) return static_cast<TensorType>(n - (n - kFirstAffineType) % kAffineTypesOfBits);
  if (type == TensorType::kIQ2_S) return TensorType::kIQ2_XS;
  if (type == TensorType::kTQ2_0 || type == TensorType::kQ1_0 || type == TensorType::kQ2_0) return TensorType::kTQ1_0;
  return type;
}

// The families that kernels are compiled for: bit n for the family of number n, of affine types bit 32 for two bits, 33
// for three, 34 for four, 35 for five, 36 for six and 37 for eight. Firmware that runs one model defines this to leave
// out the code of the others; Image::Open refuses an image with a type that is left out.
#ifndef LFM2_TENSOR_TYPES
#define LFM2_TENSOR_TYPES 0x3fffffffff
#endif
constexpr uint32_t FamilyBit(TensorType type) {
  const uint32_t family = static_cast<uint32_t>(FamilyOf(type));
  return family < kFirstAffineType ? family : kFirstAffineType + (family - kFirstAffineType) / kAffineTypesOfBits;
}
constexpr bool IsCompiled(TensorType type) { return (uint64_t{LFM2_TENSOR_TYPES} >> FamilyBit(type) & 1) != 0; }

// Geometry of one block: kBlockRows rows x `columns` columns in `bytes` bytes.
struct TensorTypeTraits {
  uint32_t columns;
  uint32_t bytes;
};
constexpr TensorTypeTraits TraitsOf(TensorType type) {
  if (IsAffine(type)) {
    const AffineShape shape = AffineShapeOf(type);
    return {shape.groups * kGroupColumns,
            shape.groups * shape.bits * (kBlockRows * kGroupColumns / 8) + kAffineScaleBytes};
  }
  switch (type) {
    case TensorType::kF32: return {32, sizeof(BlockF32)};
    case TensorType::kF16:
    case TensorType::kBF16: return {32, sizeof(BlockF16)};
    case TensorType::kQ4_0:
    case TensorType::kIQ4_NL: return {32, sizeof(BlockQ4_0)};
    case TensorType::kQ8_0: return {32, sizeof(BlockQ8_0)};
    case TensorType::kQ6_K: return {256, sizeof(BlockQ6_K)};
    case TensorType::kQ4_K: return {256, sizeof(BlockQ4_K)};
    case TensorType::kQ5_K: return {256, sizeof(BlockQ5_K)};
    case TensorType::kMxfp4: return {32, sizeof(BlockMxfp4)};
    case TensorType::kQ2_K: return {256, sizeof(BlockQ2_K)};
    case TensorType::kQ3_K: return {256, sizeof(BlockQ3_K)};
    case TensorType::kIQ4_XS: return {256, sizeof(BlockIQ4_XS)};
    case TensorType::kIQ3_XXS:
    case TensorType::kIQ3_S: return {256, sizeof(BlockIQ3)};
    case TensorType::kIQ2_XXS: return {256, sizeof(BlockIQ2_XXS)};
    case TensorType::kQ4_1: return {32, sizeof(BlockQ4_1)};
    case TensorType::kQ5_0: return {32, sizeof(BlockQ5_0)};
    case TensorType::kQ5_1: return {32, sizeof(BlockQ5_1)};
    case TensorType::kIQ2_XS:
    case TensorType::kIQ2_S:
    case TensorType::kIQ1_M: return {256, sizeof(BlockIQ2_S)};
    case TensorType::kIQ1_S: return {256, sizeof(BlockIQ1_S)};
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0: return {256, 8 * 128 + kTernaryScaleBytes};
    case TensorType::kQ1_0: return {128, 4 * 128 + kTernaryScaleBytes};
    case TensorType::kQ2_0: return {64, 2 * 128 + kTernaryScaleBytes};
    case TensorType::kNvfp4: return {32, sizeof(BlockNvfp4)};
    case TensorType::kMxfp8: return {32, sizeof(BlockMxfp8)};
    case TensorType::kT4G64: return {64, sizeof(BlockT4G64)};
    case TensorType::kT3G64: return {64, sizeof(BlockT3G64)};
    case TensorType::kT2G32: return {32, sizeof(BlockT2G32)};
    default: break;
  }
  return {0, 0};
}

// As written in documents and by tools: "Q4_0", "A4G64".
constexpr const char* NameOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return "F32";
    case TensorType::kF16: return "F16";
    case TensorType::kBF16: return "BF16";
    case TensorType::kQ4_0: return "Q4_0";
    case TensorType::kQ8_0: return "Q8_0";
    case TensorType::kQ6_K: return "Q6_K";
    case TensorType::kQ4_K: return "Q4_K";
    case TensorType::kQ5_K: return "Q5_K";
    case TensorType::kQ2_K: return "Q2_K";
    case TensorType::kQ3_K: return "Q3_K";
    case TensorType::kIQ4_XS: return "IQ4_XS";
    case TensorType::kIQ3_XXS: return "IQ3_XXS";
    case TensorType::kIQ3_S: return "IQ3_S";
    case TensorType::kIQ2_XXS: return "IQ2_XXS";
    case TensorType::kQ4_1: return "Q4_1";
    case TensorType::kQ5_0: return "Q5_0";
    case TensorType::kQ5_1: return "Q5_1";
    case TensorType::kIQ4_NL: return "IQ4_NL";
    case TensorType::kIQ2_XS: return "IQ2_XS";
    case TensorType::kIQ2_S: return "IQ2_S";
    case TensorType::kIQ1_S: return "IQ1_S";
    case TensorType::kIQ1_M: return "IQ1_M";
    case TensorType::kTQ1_0: return "TQ1_0";
    case TensorType::kTQ2_0: return "TQ2_0";
    case TensorType::kQ1_0: return "Q1_0";
    case TensorType::kQ2_0: return "Q2_0";
    case TensorType::kMxfp4: return "MXFP4";
    case TensorType::kNvfp4: return "NVFP4";
    case TensorType::kMxfp8: return "MXFP8";
    case TensorType::kT4G64: return "T4G64";
    case TensorType::kT3G64: return "T3G64";
    case TensorType::kT2G32: return "T2G32";
#define LFM2_AFFINE_NAMES(bits)                             \
  case TensorType::kA##bits##G32: return "A" #bits "G32";   \
  case TensorType::kA##bits##G32H: return "A" #bits "G32H"; \
  case TensorType::kA##bits##G64: return "A" #bits "G64";   \
  case TensorType::kA##bits##G64H: return "A" #bits "G64H"; \
  case TensorType::kA##bits##G128: return "A" #bits "G128"; \
  case TensorType::kA##bits##G128H: return "A" #bits "G128H";
      LFM2_AFFINE_NAMES(2)
      LFM2_AFFINE_NAMES(3)
      LFM2_AFFINE_NAMES(4)
      LFM2_AFFINE_NAMES(5)
      LFM2_AFFINE_NAMES(6)
      LFM2_AFFINE_NAMES(8)
#undef LFM2_AFFINE_NAMES
  }
  return "unknown";
}

// Quantised weights are multiplied by int8 activations, others by floats.
constexpr bool IsQuantized(TensorType type) {
  return type != TensorType::kF32 && type != TensorType::kF16 && type != TensorType::kBF16 &&
         type != TensorType::kMxfp8;
}

// Bytes of a matrix [rows, cols] of this type. cols must be a multiple of the type's block columns.
constexpr uint64_t MatrixBytes(TensorType type, uint32_t rows, uint32_t cols) {
  const TensorTypeTraits traits = TraitsOf(type);
  return uint64_t{DivideUp(rows, kBlockRows)} * (cols / traits.columns) * traits.bytes;
}

// A matrix in an image: weights[rows, cols], row blocks outermost, the blocks of one row block next to each other. Does
// not own the data, and is valid as long as the storage.
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
