// The interleaved blocks of matrices that kernels read (docs/format.md, "Matrices").
#ifndef LFM2_FORMAT_TENSOR_BLOCKS_H_
#define LFM2_FORMAT_TENSOR_BLOCKS_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// Every matrix is stored in blocks of kBlockRows rows, so that SIMD lanes are rows; the last block is padded with
// zeros.
inline constexpr uint32_t kBlockRows = 16;
// Columns that share one activation scale, and the granularity of every row length.
inline constexpr uint32_t kGroupColumns = 32;

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

// MLX's affine types have 1, 2 or 4 groups of 32 columns that share a scale and a bias: the groups' integers, then
// kBlockRows scales, then kBlockRows biases. weight = bits * scale + bias. Eight bits are stored less 128, as int8.
inline constexpr uint32_t kAffineScaleBytes = 2 * sizeof(uint16_t) * kBlockRows;

// The types below four bits begin each group of 32 columns with `pairs`, two bits of every integer: byte (q / 2) * 64 +
// row * 4 + i has those of column 4 * q + i at bit 4 * (q % 2), of column 16 + 4 * q + i two bits higher, q = 0..3, as
// GroupQ6_K::high has its upper bits. Types of three bits continue with `third`: byte row * 4 + i has the third bits of
// columns 4 * k + i, k = 0..7, at bit kThirdBit[k].
inline constexpr uint32_t kThirdBit[8] = {2, 6, 0, 4, 3, 7, 1, 5};

// 16 x 256 weights of Q2_K. Each half of a group has a scale and a min of four bits: those of columns 16 * h .. 16 * h
// + 15 of group g are at bit 16 * h + 8 * (g % 2), and the min four bits higher, of word scale_min[g / 2][row]. weight
// = bits * (scale * delta) - min * min_delta.
struct BlockQ2_K {
  uint8_t pairs[8][128];
  uint32_t scale_min[4][kBlockRows];
  uint16_t delta[kBlockRows];
  uint16_t min_delta[kBlockRows];
};
struct Integers3 {
  uint8_t pairs[128];
  uint8_t third[64];
};
// 16 x 256 weights of Q3_K. Each half of a group has a scale of six bits: bits 0..3 of columns 16 * h .. 16 * h + 15 of
// group g are at bit 16 * h + 4 * (g % 4) of word low[g / 4][row], bits 4..5 at bit 16 * h + 2 * g of high[row]. weight
// = (bits - 4) * ((scale - 32) * delta).
struct BlockQ3_K {
  Integers3 groups[8];
  uint32_t low[2][kBlockRows];
  uint32_t high[kBlockRows];
  uint16_t delta[kBlockRows];
};
static_assert(sizeof(BlockQ2_K) == 16 * 84 && sizeof(BlockQ3_K) == 16 * 110, "2.625 and 3.4375 bits a weight");

// 16 x 256 weights of IQ4_XS: nibbles that stand for kIQ4_NLValues, and a scale of 6 bits a group: bits 0..3 at bit
// 4 * (g % 2) of low[g / 2], bits 4..5 at bit 2 * (g % 4) of high[g / 4]. weight = value * ((scale - 32) * delta).
struct BlockIQ4_XS {
  uint8_t nibbles[8][256];
  uint8_t low[4][kBlockRows];
  uint8_t high[2][kBlockRows];
  uint16_t delta[kBlockRows];
};
static_assert(sizeof(BlockIQ4_XS) == 16 * 136, "4.25 bits a weight");

// ggml's codebook types, their entries looked up: each weight is one of a few values, times a step. A group's scale of
// four bits, or that of half a group, makes the step: (2 * scale + 1) * delta times the type's unit.
// One scale a group, at bit 4 * (g % 2) of scale[g / 2]. IQ3_XXS: nibbles that stand for kIQ3_XXSValues, unit 1 / 4.
// IQ3_S: weight = (2 * nibble - 15) * step, unit 1.
struct BlockIQ3 {
  uint8_t nibbles[8][256];
  uint8_t scale[4][kBlockRows];
  uint16_t delta[kBlockRows];
};
// IQ2_XXS: three bits that stand for kIQ2Values, unit 1 / 8.
struct BlockIQ2_XXS {
  Integers3 groups[8];
  uint8_t scale[4][kBlockRows];
  uint16_t delta[kBlockRows];
};
// Scales of the first half of a group in bits 0..3, of the second in bits 4..7. IQ2_XS and IQ2_S: as IQ2_XXS. IQ1_M:
// three bits that stand for kIQ1Values, unit 1 / 8.
struct GroupIQ2_S {
  Integers3 bits;
  uint8_t scale[kBlockRows];
};
struct BlockIQ2_S {
  GroupIQ2_S groups[8];
  uint16_t delta[kBlockRows];
};
// Two bits a weight. Of a group, bits 0..2 of the four at bit 4 * (g % 2) of scale[g / 2] are the scale s and bit 3 is
// the sign. step = (2 * s + 1) * delta; weight = bits * step - 7/8 * step where the sign is 0, - 9/8 * step otherwise.
struct BlockIQ1_S {
  uint8_t pairs[8][128];
  uint8_t scale[4][kBlockRows];
  uint16_t delta[kBlockRows];
};
static_assert(sizeof(BlockIQ3) == 16 * 134 && sizeof(BlockIQ2_XXS) == 16 * 102 && sizeof(BlockIQ2_S) == 16 * 106 &&
                  sizeof(BlockIQ1_S) == 16 * 70,
              "4.1875, 3.1875, 3.3125 and 2.1875 bits a weight");
// The values of IQ3_XXS; those of the IQ2 types; those of IQ1_M, which are 8 times -1, 0 or 1, plus or minus 1.
inline constexpr int8_t kIQ3_XXSValues[16] = {-62, -52, -44, -36, -28, -20, -12, -4, 4, 12, 20, 28, 36, 44, 52, 62};
inline constexpr int8_t kIQ2Values[8] = {-43, -25, -8, 8, 25, 43, 0, 0};
inline constexpr int8_t kIQ1Values[8] = {-9, -7, -1, 1, 7, 9, 0, 0};

// TQ1_0, TQ2_0, Q1_0 and Q2_0: groups of 32 columns that share a scale, 8, 8, 4 and 2 of them: their pairs, then
// kBlockRows half-floats. weight = (bits - 1) * scale.
inline constexpr uint32_t kTernaryScaleBytes = sizeof(uint16_t) * kBlockRows;

// The project's own types for experts: the integers of all groups of 32 columns, then a half-float scale for each row.
// weight = value of the integer * scale. The values are those whose squared error is least for weights that are
// normally distributed and multiplied by the best of scales of either sign (docs/quantisation.md).
// 16 x 64 weights: nibbles that stand for kT4Values.
struct BlockT4G64 {
  uint8_t nibbles[2][256];
  uint16_t scale[kBlockRows];
};
// 16 x 64 weights: three bits that stand for kT3Values.
struct BlockT3G64 {
  Integers3 groups[2];
  uint16_t scale[kBlockRows];
};
// 16 x 32 weights: two bits that stand for kT2Values.
struct BlockT2G32 {
  uint8_t pairs[128];
  uint16_t scale[kBlockRows];
};
inline constexpr uint32_t kTableScaleBytes = sizeof(uint16_t) * kBlockRows;
static_assert(sizeof(BlockT4G64) == 544 && sizeof(BlockT3G64) == 416 && sizeof(BlockT2G32) == 160,
              "4.25, 3.25 and 2.5 bits a weight");
// So small that the sum of four products in a kernel fits 16 bits, and of eight for the values of fewer bits.
inline constexpr int8_t kT4Values[16] = {-32, -25, -20, -16, -12, -9, -6, -3, 0, 3, 6, 9, 13, 17, 22, 28};
inline constexpr int8_t kT3Values[8] = {-12, -7, -4, -1, 2, 5, 9, 15};
inline constexpr int8_t kT2Values[4] = {-10, -2, 5, 14};

// 16 x 32 weights: nibbles that stand for kMxfp4Values; scale[h][row] belongs to columns 16 * h .. 16 * h + 15: a float
// without sign of 4 exponent bits (bias 7) and 3 fraction bits, subnormal for an exponent of 0; bit 7 is 0. weight =
// value / 2 * scale.
struct BlockNvfp4 {
  uint8_t nibbles[256];
  uint8_t scale[2][kBlockRows];
};
static_assert(sizeof(BlockNvfp4) == 288, "4.5 bits a weight");

// 16 x 32 8-bit floats, values[column][row]: sign, 4 exponent bits (bias 7), 3 fraction bits (OCP's E4M3: no
// infinities, 0x7f and 0xff are NaN). weight = value * 2^(exponent - 127).
struct BlockMxfp8 {
  uint8_t values[kGroupColumns][kBlockRows];
  uint8_t exponent[kBlockRows];
};
static_assert(sizeof(BlockMxfp8) == 528, "8.25 bits a weight");

// 16 x 32 unquantised weights, values[column][row].
struct BlockF16 {
  uint16_t values[kGroupColumns][kBlockRows];
};
struct BlockF32 {
  float values[kGroupColumns][kBlockRows];
};
static_assert(sizeof(BlockF16) == 1024 && sizeof(BlockF32) == 2048, "no padding");

}  // namespace lfm2

#endif  // LFM2_FORMAT_TENSOR_BLOCKS_H_
