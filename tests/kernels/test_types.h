// The quantised types once more, as docs/format.md describes them.
#ifndef LFM2_TESTS_KERNELS_TEST_TYPES_H_
#define LFM2_TESTS_KERNELS_TEST_TYPES_H_

#include "lfm2/format/tensor_type.h"

namespace lfm2::test {

// Where a block has what, as docs/format.md says: `bits` of an integer, the bytes from one group of 32 columns to the
// next, and the places of scales (a number of 16 bits, or an exponent of 8) and mins; 0 for none. six_bits: of Q4_K and
// Q5_K, the place in a group of the byte that scale and min share, and of their upper bits in the block.
struct Places {
  uint32_t bits, group_bytes, scale, min;
  uint32_t six_bits = 0, six_bits_high = 0;
  bool bfloat = false;
};
inline Places PlacesOf(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0:
    case TensorType::kIQ4_NL: return {4, 288, 256, 0};
    case TensorType::kQ8_0: return {8, 544, 512, 0};
    case TensorType::kQ6_K: return {6, 416, 3328, 0};
    case TensorType::kQ4_K: return {4, 272, 2240, 2272, 256, 2176};
    case TensorType::kQ5_K: return {5, 336, 2752, 2784, 320, 2688};
    case TensorType::kMxfp4: return {4, 272, 256, 0};
    case TensorType::kA4G32: return {4, 320, 256, 288, 0, 0, true};
    case TensorType::kA4G64: return {4, 256, 512, 544, 0, 0, true};
    case TensorType::kA6G32: return {6, 448, 384, 416, 0, 0, true};
    case TensorType::kA6G64: return {6, 384, 768, 800, 0, 0, true};
    case TensorType::kA8G32: return {8, 576, 512, 544, 0, 0, true};
    case TensorType::kA8G64: return {8, 512, 1024, 1056, 0, 0, true};
    case TensorType::kQ4_1: return {4, 320, 256, 288};
    case TensorType::kQ5_0: return {5, 352, 320, 0};
    case TensorType::kQ5_1: return {5, 384, 320, 352};
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16: break;
  }
  return {0, 0, 0, 0};
}

// What a weight's stored bits stand for, before scale and min.
inline int WholeOf(TensorType type, uint32_t bits) {
  constexpr int kFourBitFloats[] = {0, 1, 2, 3, 4, 6, 8, 12};
  constexpr int kNonLinear[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const int value = static_cast<int>(bits);
  switch (type) {
    case TensorType::kQ4_0: return value - 8;
    case TensorType::kQ5_0: return value - 16;
    case TensorType::kQ6_K: return value - 32;
    case TensorType::kQ8_0: return static_cast<int8_t>(bits);
    case TensorType::kA8G32:
    case TensorType::kA8G64: return static_cast<int8_t>(bits) + 128;
    case TensorType::kMxfp4: return bits < 8 ? kFourBitFloats[bits] : -kFourBitFloats[bits - 8];
    case TensorType::kIQ4_NL: return kNonLinear[bits];
    case TensorType::kQ4_K:
    case TensorType::kQ5_K:
    case TensorType::kA4G32:
    case TensorType::kA4G64:
    case TensorType::kA6G32:
    case TensorType::kA6G64:
    case TensorType::kQ4_1:
    case TensorType::kQ5_1:
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16: break;
  }
  return value;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_TEST_TYPES_H_
