// Each quantised type as the kernels see it: where a group of 32 columns stores its integers, the values they stand
// for, and the scale and offset of each row. Scalar code; scales-inl.h does the same for vectors of rows.
#ifndef LFM2_KERNELS_FORMATS_H_
#define LFM2_KERNELS_FORMATS_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

// Every family of quantised types (format/tensor_type.h), as M(type, Format).
#define LFM2_FOR_EACH_QUANTIZED(M) \
  M(Q4_0, FormatQ4_0)              \
  M(Q8_0, FormatQ8_0)              \
  M(Q6_K, FormatQ6_K)              \
  M(Q4_K, FormatQ4_K)              \
  M(Q5_K, FormatQ5_K)              \
  M(Mxfp4, FormatMxfp4)            \
  M(Q2_K, FormatQ2_K)              \
  M(Q3_K, FormatQ3_K)              \
  M(IQ4_XS, FormatIQ4_XS)          \
  M(IQ3_XXS, FormatIQ3_XXS)        \
  M(IQ3_S, FormatIQ3_S)            \
  M(IQ2_XXS, FormatIQ2_XXS)        \
  M(Q4_1, FormatQ4_1)              \
  M(Q5_0, FormatQ5_0)              \
  M(Q5_1, FormatQ5_1)              \
  M(IQ4_NL, FormatIQ4_NL)          \
  M(IQ2_XS, FormatIQ2_XS)          \
  M(IQ1_S, FormatIQ1_S)            \
  M(IQ1_M, FormatIQ1_M)            \
  M(TQ1_0, FormatTernary)          \
  M(Nvfp4, FormatNvfp4)            \
  M(T4G64, FormatT4G64)            \
  M(T3G64, FormatT3G64)            \
  M(T2G32, FormatT2G32)            \
  M(A2G32, FormatA2)               \
  M(A3G32, FormatA3)               \
  M(A4G32, FormatA4)               \
  M(A5G32, FormatA5)               \
  M(A6G32, FormatA6)               \
  M(A8G32, FormatA8)

// How a group stores its integers.
enum class Integers {
  kTwo,      // 0..3: pairs of bits
  kThree,    // 0..7: pairs, then third bits
  kNibbles,  // 0..15
  kFive,     // 0..31: nibbles, then fifth bits
  kSix,      // 0..63: nibbles, then upper bits
  kBytes,    // -128..127
  kMxfp4,    // nibbles that stand for kMxfp4Values
  kIQ4_NL,   // nibbles that stand for kIQ4_NLValues
  kIQ3_XXS,  // nibbles that stand for kIQ3_XXSValues
  kIQ2,      // three bits that stand for kIQ2Values
  kIQ1,      // three bits that stand for kIQ1Values
  kT4,       // nibbles that stand for kT4Values
  kT3,       // three bits that stand for kT3Values
  kT2,       // two bits that stand for kT2Values
};

// Bits of a stored integer.
constexpr uint32_t BitsOf(Integers kind) {
  switch (kind) {
    case Integers::kTwo:
    case Integers::kT2: return 2;
    case Integers::kThree:
    case Integers::kIQ2:
    case Integers::kIQ1:
    case Integers::kT3: return 3;
    case Integers::kFive: return 5;
    case Integers::kSix: return 6;
    case Integers::kBytes: return 8;
    case Integers::kNibbles:
    case Integers::kMxfp4:
    case Integers::kIQ4_NL:
    case Integers::kIQ3_XXS:
    case Integers::kT4: return 4;
  }
  return 0;
}
// Bytes of the integers of a group of kBlockRows rows.
constexpr uint32_t IntegerBytes(Integers kind) { return BitsOf(kind) * (kBlockRows * kGroupColumns / 8); }

// The table that maps stored bits to values; nullptr where the bits are the value.
constexpr const int8_t* ValuesOf(Integers kind) {
  switch (kind) {
    case Integers::kMxfp4: return kMxfp4Values;
    case Integers::kIQ4_NL: return kIQ4_NLValues;
    case Integers::kIQ3_XXS: return kIQ3_XXSValues;
    case Integers::kIQ2: return kIQ2Values;
    case Integers::kIQ1: return kIQ1Values;
    case Integers::kT4: return kT4Values;
    case Integers::kT3: return kT3Values;
    case Integers::kT2: return kT2Values;
    default: return nullptr;
  }
}

// A function of its own: GCC warns of a comparison of an array's address with nullptr in an expression of types.
constexpr bool HasValues(Integers kind) { return ValuesOf(kind) != nullptr; }

// The largest magnitude in that table.
constexpr int LargestOf(Integers kind) {
  int largest = 0;
  for (uint32_t i = 0; HasValues(kind) && i < 1u << BitsOf(kind); ++i) {
    largest = Max(largest, Max<int>(ValuesOf(kind)[i], -ValuesOf(kind)[i]));
  }
  return largest;
}

// The stored bits of a row (0..15) and a column (0..31) of the group whose integers begin at `p`.
template <Integers kind>
inline uint32_t StoredBitsOf(const uint8_t* p, uint32_t row, uint32_t col) {
  constexpr uint32_t bits = BitsOf(kind);
  const uint32_t quad = col / 4, i = row * 4 + col % 4;
  // Bit pairs: quads 0, 1, 4 and 5 are in the first 64 bytes, the others in the next 64.
  const uint32_t chunk = quad % 4 / 2 * 64, place = 4 * (quad % 2) + 2 * (quad / 4);
  if constexpr (bits == 8) return p[quad * 64 + i];
  if constexpr (bits == 2) return uint32_t{p[chunk + i]} >> place & 3u;
  if constexpr (bits == 3) {
    return (uint32_t{p[chunk + i]} >> place & 3u) | (uint32_t{p[128 + i]} >> kThirdBit[quad] & 1u) << 2;
  }
  const uint32_t nibble = uint32_t{p[quad % 4 * 64 + i]} >> 4 * (quad / 4) & 15u;
  if constexpr (bits == 5) return nibble | (uint32_t{p[256 + i]} >> quad & 1u) << 4;
  if constexpr (bits == 6) return nibble | (uint32_t{p[256 + chunk + i]} >> place & 3u) << 4;
  return nibble;
}
// The integer that these bits stand for.
template <Integers kind>
inline int IntegerOf(const uint8_t* p, uint32_t row, uint32_t col) {
  const uint32_t bits = StoredBitsOf<kind>(p, row, col);
  if constexpr (kind == Integers::kBytes) return static_cast<int8_t>(bits);
  if constexpr (HasValues(kind)) return ValuesOf(kind)[bits];
  return static_cast<int>(bits);
}

// Iterates over the blocks of a row block.
template <class Block, uint32_t groups_of_block>
class StructBlocks {
 public:
  StructBlocks(TensorType, const uint8_t* first) : block_(reinterpret_cast<const Block*>(first)) {}
  static constexpr uint32_t groups() { return groups_of_block; }
  const Block& operator*() const { return *block_; }
  // Where group g would begin if the block consisted of its groups alone: the address to prefetch from.
  const uint8_t* Share(uint32_t g) const {
    return reinterpret_cast<const uint8_t*>(block_) + g * (sizeof(Block) / groups_of_block);
  }
  void Skip(size_t blocks) { block_ += blocks; }

 private:
  const Block* block_;
};
// A block of types that differ in the number of groups: the integers of each group, then numbers of 16 bits.
struct GroupedBlock {
  const uint8_t* first;
  uint32_t groups;
  uint32_t integer_bytes;
  bool half;

  const uint16_t* numbers() const { return reinterpret_cast<const uint16_t*>(first + groups * integer_bytes); }
};
template <Integers kind>
class GroupedBlocks {
 public:
  GroupedBlocks(TensorType type, const uint8_t* first)
      : block_{first, TraitsOf(type).columns / kGroupColumns, IntegerBytes(kind),
               IsAffine(type) && AffineShapeOf(type).half},
        bytes_(TraitsOf(type).bytes) {}
  uint32_t groups() const { return block_.groups; }
  const GroupedBlock& operator*() const { return block_; }
  const uint8_t* Share(uint32_t g) const { return block_.first + g * block_.integer_bytes; }
  void Skip(size_t blocks) { block_.first += blocks * bytes_; }

 private:
  GroupedBlock block_;
  uint32_t bytes_;
};

// A format has
//   Blocks, Block       the iterator over the blocks of a row block, and what it points to
//   kIntegers           how integers are stored
//   kZero               the integer of a weight of zero: weight = (integer - kZero) * scale + min
//   kHasMin             whether there is a min
//   kHalves             whether columns 0..15 and 16..31 of a group have a scale (and a min) each
//   kGroupBytes         a group's share of the block's bytes, or slightly more
//   Data(block, g)      the integers of group g
//   Scale(block, g, row) and Min(block, g, row); with kHalves the half is a fourth argument
template <class AnyBlock, uint32_t groups, Integers kind, int zero, bool has_min, bool halves = false>
struct FormatOf {
  using Block = AnyBlock;
  using Blocks = StructBlocks<Block, groups>;
  static constexpr Integers kIntegers = kind;
  static constexpr int kZero = zero;
  static constexpr bool kHasMin = has_min, kHalves = halves;
  static constexpr size_t kGroupBytes = sizeof(Block) / groups;
};

// Blocks that begin with the integers of their groups and have a half-float scale, and optionally a min, for each row.
template <class AnyBlock, Integers kind, int zero, bool has_min, uint32_t groups = 1>
struct FormatScaled : FormatOf<AnyBlock, groups, kind, zero, has_min> {
  static const uint8_t* Data(const AnyBlock& b, uint32_t g) {
    return reinterpret_cast<const uint8_t*>(&b) + g * IntegerBytes(kind);
  }
  static float Scale(const AnyBlock& b, uint32_t, uint32_t row) { return F32FromF16(b.scale[row]); }
  template <class B>
  static float Min(const B& b, uint32_t, uint32_t row) {
    return F32FromF16(b.min[row]);
  }
};
using FormatQ4_0 = FormatScaled<BlockQ4_0, Integers::kNibbles, 8, false>;
using FormatIQ4_NL = FormatScaled<BlockQ4_0, Integers::kIQ4_NL, 0, false>;
using FormatQ4_1 = FormatScaled<BlockQ4_1, Integers::kNibbles, 0, true>;
using FormatQ5_0 = FormatScaled<BlockQ5_0, Integers::kFive, 16, false>;
using FormatQ5_1 = FormatScaled<BlockQ5_1, Integers::kFive, 0, true>;
using FormatQ8_0 = FormatScaled<BlockQ8_0, Integers::kBytes, 0, false>;
using FormatT4G64 = FormatScaled<BlockT4G64, Integers::kT4, 0, false, 2>;
using FormatT3G64 = FormatScaled<BlockT3G64, Integers::kT3, 0, false, 2>;
using FormatT2G32 = FormatScaled<BlockT2G32, Integers::kT2, 0, false>;

struct FormatQ6_K : FormatOf<BlockQ6_K, 8, Integers::kSix, 32, false, true> {
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.groups[g].low; }
  static float Scale(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    return static_cast<float>(b.groups[g].scale[half][row]) * F32FromF16(b.delta[row]);
  }
};
// Q4_K and Q5_K.
template <class AnyBlock, Integers kind>
struct FormatK : FormatOf<AnyBlock, 8, kind, 0, true> {
  using Block = AnyBlock;
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

struct FormatQ2_K : FormatOf<BlockQ2_K, 8, Integers::kTwo, 0, true, true> {
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.pairs[g]; }
  static float Scale(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    return static_cast<float>(Both(b, g, row, half) & 15) * F32FromF16(b.delta[row]);
  }
  static float Min(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    return -(static_cast<float>(Both(b, g, row, half) >> 4 & 15) * F32FromF16(b.min_delta[row]));
  }

 private:
  static uint32_t Both(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    return b.scale_min[g / 2][row] >> (16 * half + 8 * (g % 2));
  }
};
struct FormatQ3_K : FormatOf<BlockQ3_K, 8, Integers::kThree, 4, false, true> {
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.groups[g].pairs; }
  static float Scale(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    const uint32_t low = b.low[g / 4][row] >> (16 * half + 4 * (g % 4)) & 15;
    const uint32_t high = b.high[row] >> (16 * half + 2 * g) & 3;
    return static_cast<float>(static_cast<int>(low | high << 4) - 32) * F32FromF16(b.delta[row]);
  }
};
struct FormatIQ4_XS : FormatOf<BlockIQ4_XS, 8, Integers::kIQ4_NL, 0, false> {
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.nibbles[g]; }
  static float Scale(const Block& b, uint32_t g, uint32_t row) {
    const uint32_t low = uint32_t{b.low[g / 2][row]} >> 4 * (g % 2) & 15u;
    const uint32_t high = uint32_t{b.high[g / 4][row]} >> 2 * (g % 4) & 3u;
    return static_cast<float>(static_cast<int>(low | high << 4) - 32) * F32FromF16(b.delta[row]);
  }
};

// The codebook types whose groups have one scale of four bits: (2 * scale + 1) * delta / kParts.
template <class AnyBlock, Integers kind, bool has_min, uint32_t parts>
struct FormatCodebook : FormatOf<AnyBlock, 8, kind, 0, has_min> {
  static constexpr float kUnit = 1.0f / parts;
  static const uint8_t* Data(const AnyBlock& b, uint32_t g) {
    return reinterpret_cast<const uint8_t*>(&b) + g * IntegerBytes(kind);
  }
  static uint32_t FourBits(const AnyBlock& b, uint32_t g, uint32_t row) {
    return uint32_t{b.scale[g / 2][row]} >> 4 * (g % 2) & 15u;
  }
  static float Scale(const AnyBlock& b, uint32_t g, uint32_t row) {
    return static_cast<float>(2 * FourBits(b, g, row) + 1) * kUnit * F32FromF16(b.delta[row]);
  }
};
using FormatIQ3_XXS = FormatCodebook<BlockIQ3, Integers::kIQ3_XXS, false, 4>;
using FormatIQ2_XXS = FormatCodebook<BlockIQ2_XXS, Integers::kIQ2, false, 8>;
// (2 * nibble - 15) * step as an integer's scale and min.
struct FormatIQ3_S : FormatCodebook<BlockIQ3, Integers::kNibbles, true, 1> {
  using Step = FormatCodebook<BlockIQ3, Integers::kNibbles, true, 1>;
  static float Scale(const Block& b, uint32_t g, uint32_t row) { return 2.0f * Step::Scale(b, g, row); }
  static float Min(const Block& b, uint32_t g, uint32_t row) { return -15.0f * Step::Scale(b, g, row); }
};
struct FormatIQ1_S : FormatCodebook<BlockIQ1_S, Integers::kTwo, true, 1> {
  static float Scale(const Block& b, uint32_t g, uint32_t row) {
    return static_cast<float>(2 * (FourBits(b, g, row) & 7u) + 1) * F32FromF16(b.delta[row]);
  }
  static float Min(const Block& b, uint32_t g, uint32_t row) {
    return Scale(b, g, row) * (FourBits(b, g, row) < 8 ? -0.875f : -1.125f);
  }
};
// The codebook types with a scale for each half of a group.
template <Integers kind>
struct FormatCodebookHalves : FormatOf<BlockIQ2_S, 8, kind, 0, false, true> {
  using Block = BlockIQ2_S;
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.groups[g].bits.pairs; }
  static float Scale(const Block& b, uint32_t g, uint32_t row, uint32_t half) {
    const uint32_t four = uint32_t{b.groups[g].scale[row]} >> 4 * half & 15u;
    return static_cast<float>(2 * four + 1) * 0.125f * F32FromF16(b.delta[row]);
  }
};
using FormatIQ2_XS = FormatCodebookHalves<Integers::kIQ2>;
using FormatIQ1_M = FormatCodebookHalves<Integers::kIQ1>;

struct FormatMxfp4 : FormatOf<BlockMxfp4, 1, Integers::kMxfp4, 0, false> {
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  // Half of the scale, because kMxfp4Values are twice the values.
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromE8M0(b.exponent[row]) * 0.5f; }
};
struct FormatNvfp4 : FormatOf<BlockNvfp4, 1, Integers::kMxfp4, 0, false, true> {
  static const uint8_t* Data(const Block& b, uint32_t) { return b.nibbles; }
  // Half of the scale, because kMxfp4Values are twice the values.
  static float Scale(const Block& b, uint32_t, uint32_t row, uint32_t half) {
    return F32FromE4M3(b.scale[half][row] & 0x7f) * 0.5f;
  }
};

// TQ1_0, TQ2_0, Q1_0 and Q2_0.
struct FormatTernary {
  using Block = GroupedBlock;
  using Blocks = GroupedBlocks<Integers::kTwo>;
  static constexpr Integers kIntegers = Integers::kTwo;
  static constexpr int kZero = 1;
  static constexpr bool kHasMin = false, kHalves = false;
  static constexpr size_t kGroupBytes = IntegerBytes(kIntegers) + kTernaryScaleBytes;
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.first + g * IntegerBytes(kIntegers); }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return F32FromF16(b.numbers()[row]); }
};
// MLX's affine types.
template <Integers kind>
struct FormatAffine {
  using Block = GroupedBlock;
  using Blocks = GroupedBlocks<kind>;
  static constexpr Integers kIntegers = kind;
  static constexpr int kZero = kind == Integers::kBytes ? -128 : 0;
  static constexpr bool kHasMin = true, kHalves = false;
  static constexpr size_t kGroupBytes = IntegerBytes(kind) + kAffineScaleBytes;
  static const uint8_t* Data(const Block& b, uint32_t g) { return b.first + g * IntegerBytes(kind); }
  static float Scale(const Block& b, uint32_t, uint32_t row) { return Number(b, row); }
  static float Min(const Block& b, uint32_t, uint32_t row) { return Number(b, kBlockRows + row); }

 private:
  static float Number(const Block& b, uint32_t i) {
    return b.half ? F32FromF16(b.numbers()[i]) : F32FromBF16(b.numbers()[i]);
  }
};
using FormatA2 = FormatAffine<Integers::kTwo>;
using FormatA3 = FormatAffine<Integers::kThree>;
using FormatA4 = FormatAffine<Integers::kNibbles>;
using FormatA5 = FormatAffine<Integers::kFive>;
using FormatA6 = FormatAffine<Integers::kSix>;
using FormatA8 = FormatAffine<Integers::kBytes>;

// What the integer kernels subtract from every integer: the middle of its range. That keeps the factors of the rounded
// activations small; the remainder is multiplied by the exact sum of the activations, which loses less accuracy.
constexpr int CenterOf(Integers kind) {
  return HasValues(kind) || kind == Integers::kBytes ? 0 : 1 << (BitsOf(kind) - 1);
}
// Where halves have mins, these are multiplied by the sum of the rounded activations of each half, and nothing is
// subtracted: the panel has exact sums of whole groups only.
template <class Format>
inline constexpr bool kHasHalfMins = Format::kHasMin&& Format::kHalves;
template <class Format>
inline constexpr int kCenter = kHasHalfMins<Format> ? 0 : CenterOf(Format::kIntegers);
// The remainder for each group: kLift * scale + min, times the sum of its activations.
template <class Format>
inline constexpr int kLift = kCenter<Format> - Format::kZero;
template <class Format>
inline constexpr bool kHasOffset = Format::kHasMin || kLift<Format> != 0;

}  // namespace lfm2

#endif  // LFM2_KERNELS_FORMATS_H_
