// What kernels know of each quantised type: where a group of 32 columns has its integers, what they stand for, and the
// scale and offset of each row. Scalar; scales-inl.h has the same for vectors of rows.
#ifndef LFM2_KERNELS_FORMATS_H_
#define LFM2_KERNELS_FORMATS_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

// Every quantised type, as M(name): TensorType::k##name, Block##name and Format##name belong together.
#define LFM2_FOR_EACH_QUANTIZED(M) \
  M(Q4_0)                          \
  M(Q8_0)                          \
  M(Q6_K)                          \
  M(Q4_K)                          \
  M(Q5_K)                          \
  M(Mxfp4)                         \
  M(A4G32)                         \
  M(A4G64)                         \
  M(A6G32)                         \
  M(A6G64)                         \
  M(A8G32)                         \
  M(A8G64)                         \
  M(Q4_1)                          \
  M(Q5_0)                          \
  M(Q5_1)                          \
  M(IQ4_NL)

// How a group stores its integers.
enum class Integers {
  kNibbles,  // 0..15
  kFive,     // 0..31: nibbles, then fifth bits
  kSix,      // 0..63: nibbles, then upper bits
  kBytes,    // -128..127
  kMxfp4,    // nibbles that stand for kMxfp4Values
  kIQ4_NL,   // nibbles that stand for kIQ4_NLValues
};

// Integer of a row (0..15) and a column (0..31) of the group whose integers begin at `p`.
template <Integers kind>
inline int IntegerOf(const uint8_t* p, uint32_t row, uint32_t col) {
  if constexpr (kind == Integers::kBytes) {
    return static_cast<int8_t>(p[col / 4 * 64 + row * 4 + col % 4]);
  } else {
    const uint32_t quad = col / 4, i = row * 4 + col % 4;
    const uint32_t byte = p[quad % 4 * 64 + i];
    const uint32_t nibble = quad < 4 ? byte & 15u : byte >> 4;
    if constexpr (kind == Integers::kMxfp4) return kMxfp4Values[nibble];
    if constexpr (kind == Integers::kIQ4_NL) return kIQ4_NLValues[nibble];
    uint32_t high = 0;
    if constexpr (kind == Integers::kFive) high = uint32_t{p[256 + i]} >> quad & 1u;
    if constexpr (kind == Integers::kSix)
      high = uint32_t{p[256 + quad % 4 / 2 * 64 + i]} >> (4 * (quad % 2) + 2 * (quad / 4)) & 3u;
    return static_cast<int>(nibble | high << 4);
  }
}

// A format says
//   kIntegers, kGroups  how integers are stored, and the groups of a block
//   kZero               the integer that stands for no weight: weight = (integer - kZero) * scale + min
//   kHasMin             whether there is a min
//   Data(block, g)      integers of group g
//   Scale(block, g, row) and Min(block, g, row)
// FormatQ6_K has a scale for each half of a group, and Scale takes the half as a fourth argument.
struct FormatQ4_0 {
  using Block = BlockQ4_0;
  static constexpr Integers kIntegers = Integers::kNibbles;
  static constexpr uint32_t kGroups = 1;
  static constexpr int kZero = 8;
  static constexpr bool kHasMin = false;
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.scale[row]); }
};
struct FormatIQ4_NL : FormatQ4_0 {
  static constexpr Integers kIntegers = Integers::kIQ4_NL;
  static constexpr int kZero = 0;
};
struct FormatQ4_1 {
  using Block = BlockQ4_1;
  static constexpr Integers kIntegers = Integers::kNibbles;
  static constexpr uint32_t kGroups = 1;
  static constexpr int kZero = 0;
  static constexpr bool kHasMin = true;
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.scale[row]); }
  static float Min(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.min[row]); }
};
struct FormatQ5_0 {
  using Block = BlockQ5_0;
  static constexpr Integers kIntegers = Integers::kFive;
  static constexpr uint32_t kGroups = 1;
  static constexpr int kZero = 16;
  static constexpr bool kHasMin = false;
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.scale[row]); }
};
struct FormatQ5_1 {
  using Block = BlockQ5_1;
  static constexpr Integers kIntegers = Integers::kFive;
  static constexpr uint32_t kGroups = 1;
  static constexpr int kZero = 0;
  static constexpr bool kHasMin = true;
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.scale[row]); }
  static float Min(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.min[row]); }
};
struct FormatQ8_0 {
  using Block = BlockQ8_0;
  static constexpr Integers kIntegers = Integers::kBytes;
  static constexpr uint32_t kGroups = 1;
  static constexpr int kZero = 0;
  static constexpr bool kHasMin = false;
  static const uint8_t* Data(const Block& b, uint32_t) { return reinterpret_cast<const uint8_t*>(b.values); }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.scale[row]); }
};
struct FormatQ6_K {
  using Block = BlockQ6_K;
  static constexpr Integers kIntegers = Integers::kSix;
  static constexpr uint32_t kGroups = 8;
  static constexpr int kZero = 32;
  static constexpr bool kHasMin = false;
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.groups[g].low; }
  static float Scale(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    return static_cast<float>(b.groups[g].scale[half][row]) * F32FromF16(b.delta[row]);
  }
};
// Q4_K and Q5_K.
template <class AnyBlock, Integers kind>
struct FormatK {
  using Block = AnyBlock;
  static constexpr Integers kIntegers = kind;
  static constexpr uint32_t kGroups = 8;
  static constexpr int kZero = 0;
  static constexpr bool kHasMin = true;
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.groups[g].nibbles; }
  static float Scale(const Block& b, uint32_t g, uint32_t row) {
    const uint32_t six = (b.groups[g].scale_min[row] & 15u) | (High(b, g, row) & 3u) << 4;
    return static_cast<float>(six) * F32FromF16(b.delta[row]);
  }
  static float Min(const Block& b, uint32_t g, uint32_t row) {
    const uint32_t six = uint32_t{b.groups[g].scale_min[row]} >> 4 | (High(b, g, row) & 12u) << 2;
    return -(static_cast<float>(six) * F32FromF16(b.min_delta[row]));
  }

 private:
  static uint32_t High(const Block& b, uint32_t g, uint32_t row) { return uint32_t{b.high[g / 2][row]} >> 4 * (g % 2); }
};
using FormatQ4_K = FormatK<BlockQ4_K, Integers::kNibbles>;
using FormatQ5_K = FormatK<BlockQ5_K, Integers::kFive>;
struct FormatMxfp4 {
  using Block = BlockMxfp4;
  static constexpr Integers kIntegers = Integers::kMxfp4;
  static constexpr uint32_t kGroups = 1;
  static constexpr int kZero = 0;
  static constexpr bool kHasMin = false;
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  // Half of 2^(exponent - 127), for the values are twice as large. Floats have no exponent of their own for 2^-127. 255
  // stands for NaN, and becomes an infinity.
  static float Scale(const Block& b, uint32_t, uint32_t row) {
    return BitCast<float>(Max(uint32_t{b.exponent[row]} << 23, uint32_t{1} << 22)) * 0.5f;
  }
};
template <class Stored, uint32_t groups, Integers kind>
struct FormatAffine {
  using Block = BlockAffine<Stored, groups>;
  static constexpr Integers kIntegers = kind;
  static constexpr uint32_t kGroups = groups;
  static constexpr int kZero = kind == Integers::kBytes ? -128 : 0;
  static constexpr bool kHasMin = true;
  static const uint8_t* Data(const Block& b, uint32_t g) { return reinterpret_cast<const uint8_t*>(&b.groups[g]); }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromBF16(b.scale[row]); }
  static float Min(const Block& b, uint32_t, uint32_t row) { return F32FromBF16(b.bias[row]); }
};
using FormatA4G32 = FormatAffine<Integers4, 1, Integers::kNibbles>;
using FormatA4G64 = FormatAffine<Integers4, 2, Integers::kNibbles>;
using FormatA6G32 = FormatAffine<Integers6, 1, Integers::kSix>;
using FormatA6G64 = FormatAffine<Integers6, 2, Integers::kSix>;
using FormatA8G32 = FormatAffine<Integers8, 1, Integers::kBytes>;
using FormatA8G64 = FormatAffine<Integers8, 2, Integers::kBytes>;

// What the integer kernels subtract from every integer: the middle of its range. Rounded activations are multiplied by
// no more than needs be, and what is left by their exact sum, which costs less accuracy than the integers themselves.
constexpr int CenterOf(Integers kind) {
  switch (kind) {
    case Integers::kNibbles: return 8;
    case Integers::kFive: return 16;
    case Integers::kSix: return 32;
    case Integers::kBytes:
    case Integers::kMxfp4:
    case Integers::kIQ4_NL: return 0;
  }
  return 0;
}
// What is left for each group: kLift * scale + min, times the sum of its activations.
template <class Format>
inline constexpr int kLift = CenterOf(Format::kIntegers) - Format::kZero;
template <class Format>
inline constexpr bool kHasOffset = Format::kHasMin || kLift<Format> != 0;

}  // namespace lfm2

#endif  // LFM2_KERNELS_FORMATS_H_
