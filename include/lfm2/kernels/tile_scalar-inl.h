// Tiles of quantised weights without Highway's vectors, for microcontrollers: two products per instruction where the
// processor can (Armv7E-M), two rows in a register where registers have 64 bits, else one by one. Integer sums are
// exact, so the results are those of the vector kernels.
#if defined(LFM2_KERNELS_TILE_SCALAR_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_SCALAR_INL_H_
#undef LFM2_KERNELS_TILE_SCALAR_INL_H_
#else
#define LFM2_KERNELS_TILE_SCALAR_INL_H_
#endif

#if defined(__ARM_FEATURE_SIMD32) && !defined(__aarch64__)
#include <arm_acle.h>
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET == HWY_SCALAR && !LFM2_HAVE_MVE

#include <type_traits>

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Weights of four columns, an unsigned byte each, of one row, or of two rows where registers have 64 bits. `low`:
// columns 4q .. 4q + 3 of a group, `high`: 16 more.
#if UINTPTR_MAX > UINT32_MAX
using WeightWord = uint64_t;
#else
using WeightWord = uint32_t;
#endif
struct WeightWords {
  WeightWord low;
  WeightWord high;
};
inline constexpr uint32_t kRowsPerWord = sizeof(WeightWord) / 4;

// `byte` in every byte of the word.
constexpr WeightWord EachByte(uint32_t byte) { return ~WeightWord{0} / 255 * byte; }

// The offset of the stored bytes, which the sums are corrected for: CenterOf (formats.h), or the 128 that makes signed
// bytes unsigned.
template <Integers kind>
inline constexpr int32_t kTaken = CenterOf(kind) == 0 ? 128 : CenterOf(kind);

// Maps bytes 0..15 to the values they stand for, plus kTaken.
template <Integers kind>
HWY_INLINE WeightWord LookUp(WeightWord bits) {
  WeightWord bytes = 0;
  for (uint32_t i = 0; i < sizeof(WeightWord); ++i) {
    const int value = ValuesOf(kind)[static_cast<uint32_t>(bits >> 8 * i) & 15u] + kTaken<kind>;
    bytes |= static_cast<WeightWord>(static_cast<uint32_t>(value)) << 8 * i;
  }
  return bytes;
}

template <Integers kind>
HWY_INLINE WeightWords BitWordsOf(const uint8_t* data, uint32_t row, uint32_t q) {
  constexpr uint32_t kBits = BitsOf(kind);
  if constexpr (kBits < 4) {
    const WeightWord pairs = LoadAs<WeightWord>(data + q / 2 * 64 + row * 4) >> q % 2 * 4;
    WeightWords words = {pairs & EachByte(3), pairs >> 2 & EachByte(3)};
    if constexpr (kBits == 3) {
      const WeightWord third = LoadAs<WeightWord>(data + 128 + row * 4);
      words.low |= (third >> kThirdBit[q] & EachByte(1)) << 2;
      words.high |= (third >> kThirdBit[q + 4] & EachByte(1)) << 2;
    }
    return words;
  }
  const WeightWord w = LoadAs<WeightWord>(data + q * 64 + row * 4);
  const WeightWords nibbles = {w & EachByte(15), w >> 4 & EachByte(15)};
  if constexpr (kBits == 5) {
    const WeightWord fifth = LoadAs<WeightWord>(data + 256 + row * 4) >> q;
    return {nibbles.low | (fifth & EachByte(1)) << 4, nibbles.high | (fifth & EachByte(16))};
  }
  if constexpr (kBits == 6) {
    const WeightWord bits = LoadAs<WeightWord>(data + 256 + q / 2 * 64 + row * 4) >> q % 2 * 4;
    return {nibbles.low | (bits & EachByte(3)) << 4, nibbles.high | (bits & EachByte(12)) << 2};
  }
  return nibbles;
}
template <Integers kind>
HWY_INLINE WeightWords WordsOf(const uint8_t* data, uint32_t row, uint32_t q) {
  if constexpr (kind == Integers::kBytes) {
    return {LoadAs<WeightWord>(data + q * 64 + row * 4) ^ EachByte(128),
            LoadAs<WeightWord>(data + (q + 4) * 64 + row * 4) ^ EachByte(128)};
  } else {
    const WeightWords bits = BitWordsOf<kind>(data, row, q);
    if constexpr (HasValues(kind)) return {LookUp<kind>(bits.low), LookUp<kind>(bits.high)};
    return bits;
  }
}

// One group of a panel tile, and sums over it: Dot adds the products of columns 4q .. 4q + 3 of token t. A sum has a
// lane for each row of a word.
#if defined(__ARM_FEATURE_SIMD32) && !defined(__aarch64__)

template <uint32_t T>
class Activations {
 public:
  using Sum = int32_t;

  // Extends bytes 0 and 2, and bytes 1 and 3 of each quad, to 16 bits, once for all rows.
  explicit Activations(const uint8_t* quads) {
    for (uint32_t i = 0; i < 8 * T; ++i) {
      const uint32_t quad = LoadAs<uint32_t>(quads + i * 4);
      even_[i] = __sxtb16(quad);
      odd_[i] = __sxtb16(quad >> 8 | quad << 24);
    }
  }
  HWY_INLINE Sum Dot(Sum sum, WeightWord w, uint32_t q, uint32_t t) const {
    sum = __smlad(static_cast<int16x2_t>(w & 0x00ff00ffu), even_[q * T + t], sum);
    return __smlad(static_cast<int16x2_t>(w >> 8 & 0x00ff00ffu), odd_[q * T + t], sum);
  }
  static HWY_INLINE int32_t Lane(Sum sum, uint32_t /*row*/) { return sum; }

 private:
  int16x2_t even_[8 * T];
  int16x2_t odd_[8 * T];
};

#else

template <uint32_t T>
class Activations {
 public:
  using Sum = WeightWord;

  explicit Activations(const uint8_t* quads) : quads_(reinterpret_cast<const int8_t*>(quads)) {}

  // Multiplying a word multiplies each of its 32-bit lanes; Lane corrects for what a negative product borrows from the
  // next lane. No sum reaches 2^31.
  HWY_INLINE Sum Dot(Sum sum, WeightWord w, uint32_t q, uint32_t t) const {
    constexpr WeightWord kLowByte = ~WeightWord{0} / UINT32_MAX * 255;
    const int8_t* const a = quads_ + (q * T + t) * 4;
    for (uint32_t i = 0; i < 4; ++i) {
      sum += (w >> 8 * i & kLowByte) * static_cast<WeightWord>(static_cast<std::make_signed_t<WeightWord> >(a[i]));
    }
    return sum;
  }
  static HWY_INLINE int32_t Lane(Sum sum, uint32_t row) {
    const int32_t low = static_cast<int32_t>(static_cast<uint32_t>(sum));
    if (row == 0) return low;
    return static_cast<int32_t>(static_cast<uint32_t>((sum - static_cast<Sum>(int64_t{low})) >> 16 >> 16));
  }

 private:
  const int8_t* quads_;
};

#endif

// sums[0] and sums[1]: columns 0 .. 15 and 16 .. 31 of a group, for T tokens.
template <Integers kind, uint32_t T>
HWY_INLINE void SumGroup(const uint8_t* data, uint32_t row, const Activations<T>& a,
                         typename Activations<T>::Sum (&low)[T], typename Activations<T>::Sum (&high)[T]) {
  for (uint32_t t = 0; t < T; ++t) low[t] = high[t] = 0;
  HWY_UNROLL(4)
  for (uint32_t q = 0; q < 4; ++q) {
    const WeightWords w = WordsOf<kind>(data, row, q);
    for (uint32_t t = 0; t < T; ++t) {
      low[t] = a.Dot(low[t], w.low, q, t);
      high[t] = a.Dot(high[t], w.high, q + 4, t);
    }
  }
}

// Compensates for what was added to the weights (kTaken): -kTaken times the sum of the activations.
template <class Format>
HWY_INLINE int32_t TakenOf(int32_t minus_eight_sum) {
  constexpr int32_t taken = kHasHalfMins<Format> ? 0 : kTaken<Format::kIntegers>;
  if constexpr (taken == 0) return 0;
  if constexpr (taken > 0 && taken < 8) return minus_eight_sum / (8 / Max<int32_t>(taken, 1));
  if constexpr (taken >= 8) return minus_eight_sum * (taken / 8);
}

// Adds the dot products of `rows` rows from `row` on to out[T][16].
template <class Format, uint32_t T, class Sums>
HWY_INLINE void AddGroup(const typename Format::Block& block, uint32_t g, uint32_t row, uint32_t rows,
                         const PanelGroup& p, const Sums& low, const Sums& high, float* out) {
  using A = Activations<T>;
  for (uint32_t i = 0; i < rows; ++i) {
    if constexpr (std::is_same_v<Format, FormatQ6_K>) {
      const float low_scale = static_cast<float>(block.groups[g].scale[0][row + i]);
      const float high_scale = static_cast<float>(block.groups[g].scale[1][row + i]);
      const float delta = F32FromF16(block.delta[row + i]);
      for (uint32_t t = 0; t < T; ++t) {
        const int32_t minus_eight_low = LoadAs<int32_t>(p.minus_eight_sum_low + t * 4);
        const int32_t minus_eight_high = LoadAs<int32_t>(p.minus_eight_sum + t * 4) - minus_eight_low;
        const float sum = static_cast<float>(A::Lane(low[t], i) + TakenOf<Format>(minus_eight_low)) * low_scale +
                          static_cast<float>(A::Lane(high[t], i) + TakenOf<Format>(minus_eight_high)) * high_scale;
        out[t * kBlockRows + row + i] += sum * (delta * LoadAs<float>(p.scale + t * 4));
      }
    } else if constexpr (Format::kHalves) {
      const float low_scale = Format::Scale(block, g, row + i, 0), high_scale = Format::Scale(block, g, row + i, 1);
      for (uint32_t t = 0; t < T; ++t) {
        const int32_t minus_eight_low = LoadAs<int32_t>(p.minus_eight_sum_low + t * 4);
        const int32_t minus_eight_high = LoadAs<int32_t>(p.minus_eight_sum + t * 4) - minus_eight_low;
        const float scale = LoadAs<float>(p.scale + t * 4);
        float sum = static_cast<float>(A::Lane(low[t], i) + TakenOf<Format>(minus_eight_low)) * low_scale +
                    static_cast<float>(A::Lane(high[t], i) + TakenOf<Format>(minus_eight_high)) * high_scale;
        if constexpr (kHasHalfMins<Format>) {
          sum += (static_cast<float>(minus_eight_low) * Format::Min(block, g, row + i, 0) +
                  static_cast<float>(minus_eight_high) * Format::Min(block, g, row + i, 1)) *
                 -0.125f;
        }
        out[t * kBlockRows + row + i] += sum * scale;
      }
    } else {
      const float scale = Format::Scale(block, g, row + i);
      float offset = static_cast<float>(kLift<Format>) * scale;
      if constexpr (Format::kHasMin) offset += Format::Min(block, g, row + i);
      for (uint32_t t = 0; t < T; ++t) {
        const int32_t sum = A::Lane(low[t] + high[t], i) + TakenOf<Format>(LoadAs<int32_t>(p.minus_eight_sum + t * 4));
        float& to = out[t * kBlockRows + row + i];
        to += static_cast<float>(sum) * (scale * LoadAs<float>(p.scale + t * 4));
        if constexpr (kHasOffset<Format>) to += offset * LoadAs<float>(p.sum + t * 4);
      }
    }
  }
}

// Not inlined: the frames of all tiles would add up on a small stack.
template <class Format, uint32_t T>
HWY_NOINLINE void TileOfScalars(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, float* out) {
  using A = Activations<T>;
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  for (; groups != 0; groups -= blocks.groups(), blocks.Skip(1)) {
    for (uint32_t g = 0; g < blocks.groups(); ++g, panel += T * kPanelGroupBytes) {
      const PanelGroup p(panel, T);
      const A a(p.quads);
      for (uint32_t row = 0; row < kBlockRows; row += kRowsPerWord) {
        typename A::Sum low[T], high[T];
        SumGroup<Format::kIntegers, T>(Format::Data(*blocks, g), row, a, low, high);
        AddGroup<Format, T>(*blocks, g, row, kRowsPerWord, p, low, high, out);
      }
    }
  }
}

// As in tile_integer-inl.h.
template <class Format, uint32_t T>
HWY_INLINE void IntegerTileOf(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, bool /*stream*/,
                              float* out) {
  TileOfScalars<Format, T>(blocks, groups, panel, out);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_SCALAR && !LFM2_HAVE_MVE
#endif  // LFM2_KERNELS_TILE_SCALAR_INL_H_
