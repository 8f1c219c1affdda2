// The quantised types, independently of the library, as docs/format.md describes them.
#ifndef LFM2_TESTS_KERNELS_TEST_TYPES_H_
#define LFM2_TESTS_KERNELS_TEST_TYPES_H_

#include "lfm2/format/tensor_type.h"

namespace lfm2::test {

// The layout of a block, as in docs/format.md: the bits of an integer, the bytes from one group of 32 columns to the
// next, and the offsets of scales (a number of 16 bits, or an exponent of 8) and mins; 0 for none. six_bits, of Q4_K
// and Q5_K: the offset in a group of the byte that scale and min share, and that of their upper bits in the block.
struct Places {
  uint32_t bits, group_bytes, scale, min;
  uint32_t six_bits = 0, six_bits_high = 0;
  bool bfloat = false;
};
inline Places PlacesOf(TensorType type) {
  if (IsAffine(type)) {
    const AffineShape shape = AffineShapeOf(type);
    const uint32_t group_bytes = 64 * shape.bits, end = shape.groups * group_bytes;
    return {shape.bits, group_bytes, end, end + 32, 0, 0, !shape.half};
  }
  switch (type) {
    case TensorType::kQ4_0:
    case TensorType::kIQ4_NL: return {4, 288, 256, 0};
    case TensorType::kQ8_0: return {8, 544, 512, 0};
    case TensorType::kQ6_K: return {6, 416, 3328, 0};
    case TensorType::kQ4_K: return {4, 272, 2240, 2272, 256, 2176};
    case TensorType::kQ5_K: return {5, 336, 2752, 2784, 320, 2688};
    case TensorType::kMxfp4: return {4, 272, 256, 0};
    case TensorType::kQ4_1: return {4, 320, 256, 288};
    case TensorType::kQ5_0: return {5, 352, 320, 0};
    case TensorType::kQ5_1: return {5, 384, 320, 352};
    case TensorType::kQ2_K: return {2, 128, 1280, 1312};
    case TensorType::kQ3_K: return {3, 192, 1728, 0};
    case TensorType::kIQ4_XS: return {4, 256, 2144, 0};
    case TensorType::kIQ3_XXS:
    case TensorType::kIQ3_S: return {4, 256, 2112, 0};
    case TensorType::kIQ2_XXS: return {3, 192, 1600, 0};
    case TensorType::kIQ2_XS:
    case TensorType::kIQ2_S:
    case TensorType::kIQ1_M: return {3, 208, 1664, 0};
    case TensorType::kIQ1_S: return {2, 128, 1088, 0};
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0: return {2, 128, 1024, 0};
    case TensorType::kQ1_0: return {2, 128, 512, 0};
    case TensorType::kQ2_0: return {2, 128, 256, 0};
    case TensorType::kNvfp4: return {4, 288, 0, 0};
    case TensorType::kT4G64: return {4, 256, 512, 0};
    case TensorType::kT3G64: return {3, 192, 384, 0};
    case TensorType::kT2G32: return {2, 128, 128, 0};
    default: break;
  }
  return {0, 0, 0, 0};
}

// What the integer kernels subtract from the integers and multiply by the exact sum of the activations instead: the
// middle of their range, unless that is the integer of a weight of zero.
inline int MiddleOf(TensorType type) {
  switch (type) {
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0:
    case TensorType::kQ1_0:
    case TensorType::kQ2_0: return 1;
    case TensorType::kIQ1_S: return 2;
    case TensorType::kIQ3_S: return 8;
    case TensorType::kQ2_K: return 0;  // sums of rounded activations multiply its mins
    default: break;
  }
  const Places places = PlacesOf(type);
  return places.min == 0 ? 0 : 1 << (places.bits - 1);
}

// Columns that share a small scale, in addition to the block's; 0 for none. Such a scale has values below `values`, and
// a min values below `mins`.
struct SmallScales {
  uint32_t columns, values, mins;
};
inline SmallScales SmallScalesOf(TensorType type) {
  switch (type) {
    case TensorType::kQ6_K: return {16, 256, 0};
    case TensorType::kQ4_K:
    case TensorType::kQ5_K: return {32, 64, 64};
    case TensorType::kQ2_K: return {16, 16, 16};
    case TensorType::kQ3_K: return {16, 64, 0};
    case TensorType::kIQ4_XS: return {32, 64, 0};
    case TensorType::kIQ3_XXS:
    case TensorType::kIQ3_S:
    case TensorType::kIQ2_XXS:
    case TensorType::kIQ1_S: return {32, 16, 0};
    case TensorType::kIQ2_XS:
    case TensorType::kIQ2_S:
    case TensorType::kIQ1_M: return {16, 16, 0};
    case TensorType::kNvfp4: return {16, 127, 0};
    default: return {0, 0, 0};
  }
}

// The value of a weight's stored bits, before scale and min.
inline int WholeOf(TensorType type, uint32_t bits) {
  constexpr int kFourBitFloats[] = {0, 1, 2, 3, 4, 6, 8, 12};
  constexpr int kNonLinear[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  constexpr int kThreeBitGrid[] = {-62, -52, -44, -36, -28, -20, -12, -4, 4, 12, 20, 28, 36, 44, 52, 62};
  constexpr int kTwoBitGrid[] = {-43, -25, -8, 8, 25, 43, 0, 0}, kOneBitGrid[] = {-9, -7, -1, 1, 7, 9, 0, 0};
  constexpr int kFourBitTable[] = {-32, -25, -20, -16, -12, -9, -6, -3, 0, 3, 6, 9, 13, 17, 22, 28};
  constexpr int kThreeBitTable[] = {-12, -7, -4, -1, 2, 5, 9, 15}, kTwoBitTable[] = {-10, -2, 5, 14};
  const int value = static_cast<int>(bits);
  if (IsAffine(type)) return AffineShapeOf(type).bits == 8 ? static_cast<int8_t>(bits) + 128 : value;
  switch (type) {
    case TensorType::kQ4_0: return value - 8;
    case TensorType::kQ5_0: return value - 16;
    case TensorType::kQ6_K: return value - 32;
    case TensorType::kQ8_0: return static_cast<int8_t>(bits);
    case TensorType::kMxfp4:
    case TensorType::kNvfp4: return bits < 8 ? kFourBitFloats[bits] : -kFourBitFloats[bits - 8];
    case TensorType::kIQ4_NL:
    case TensorType::kIQ4_XS: return kNonLinear[bits];
    case TensorType::kT4G64: return kFourBitTable[bits];
    case TensorType::kT3G64: return kThreeBitTable[bits];
    case TensorType::kT2G32: return kTwoBitTable[bits];
    case TensorType::kQ3_K: return value - 4;
    case TensorType::kIQ3_XXS: return kThreeBitGrid[bits];
    case TensorType::kIQ2_XXS:
    case TensorType::kIQ2_XS:
    case TensorType::kIQ2_S: return kTwoBitGrid[bits];
    case TensorType::kIQ1_M: return kOneBitGrid[bits];
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0:
    case TensorType::kQ1_0:
    case TensorType::kQ2_0: return value - 1;
    default: return value;
  }
}

// The position, in a byte of third bits, of the bit of quad 0..7.
inline uint32_t ThirdBit(uint32_t quad) {
  constexpr uint32_t kBits[] = {2, 6, 0, 4, 3, 7, 1, 5};
  return kBits[quad];
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_TEST_TYPES_H_
