// Tiles of quantised weights without Highway's vectors, for microcontrollers: two products an instruction where the
// processor has them (Armv7E-M), two rows in a register where registers have 64 bits, else one by one. Integer sums are
// exact, so all of them give the vectors' results.
#if defined(LFM2_KERNELS_TILE_SCALAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_TILE_SCALAR_INL_H_
#undef LFM2_KERNELS_TILE_SCALAR_INL_H_
#else
#define LFM2_KERNELS_TILE_SCALAR_INL_H_
#endif

#if defined(__ARM_FEATURE_SIMD32) && !defined(__aarch64__)
#include <arm_acle.h>
#endif

#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET == HWY_SCALAR && !LFM2_HAVE_MVE

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Weights of four columns, an unsigned byte each: of one row, or of two where registers are wide. `low`: columns 4q ..
// 4q + 3 of a group, `high`: 16 more.
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

// The same byte everywhere.
constexpr WeightWord EachByte(uint32_t byte) { return ~WeightWord{0} / 255 * byte; }

// What is taken from the bytes, in units of the panel's -8 * sum: weights are byte - 8, byte - 128 and byte - 32.
inline constexpr int32_t kOffset4 = 1, kOffset8 = 16, kOffset6 = 4;

HWY_INLINE WeightWords WordsOf(const BlockQ4_0& b, uint32_t row, uint32_t q) {
  const WeightWord w = LoadAs<WeightWord>(b.nibbles + q * 64 + row * 4);
  return {w & EachByte(15), w >> 4 & EachByte(15)};
}
HWY_INLINE WeightWords WordsOf(const BlockQ8_0& b, uint32_t row, uint32_t q) {
  return {LoadAs<WeightWord>(b.values + q * 64 + row * 4) ^ EachByte(128),
          LoadAs<WeightWord>(b.values + (q + 4) * 64 + row * 4) ^ EachByte(128)};
}
HWY_INLINE WeightWords WordsOf(const GroupQ6_K& b, uint32_t row, uint32_t q) {
  const WeightWord w = LoadAs<WeightWord>(b.low + q * 64 + row * 4);
  const WeightWord bits = LoadAs<WeightWord>(b.high + q / 2 * 64 + row * 4) >> q % 2 * 4;
  return {(w & EachByte(15)) | (bits & EachByte(3)) << 4, (w >> 4 & EachByte(15)) | (bits & EachByte(12)) << 2};
}

// One group of a panel tile, and sums over it: Dot adds the products of columns 4q .. 4q + 3 of token t. A sum has a
// lane for each row of a word.
#if defined(__ARM_FEATURE_SIMD32) && !defined(__aarch64__)

template <uint32_t T>
class Activations {
 public:
  using Sum = int32_t;

  // Bytes 0 and 2, and bytes 1 and 3 of each quad, to 16 bits: once for all rows.
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

  // A product of a word whose lanes are 32 bits wide is that of each lane: what a negative one borrows from the next is
  // given back by Lane. No sum reaches 2^31.
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
template <uint32_t T, class Group>
HWY_INLINE void SumGroup(const Group& group, uint32_t row, const Activations<T>& a,
                         typename Activations<T>::Sum (&low)[T], typename Activations<T>::Sum (&high)[T]) {
  for (uint32_t t = 0; t < T; ++t) low[t] = high[t] = 0;
  HWY_UNROLL(4)
  for (uint32_t q = 0; q < 4; ++q) {
    const WeightWords w = WordsOf(group, row, q);
    for (uint32_t t = 0; t < T; ++t) {
      low[t] = a.Dot(low[t], w.low, q, t);
      high[t] = a.Dot(high[t], w.high, q + 4, t);
    }
  }
}

// weights: groups of Block, whose rows have one scale.
template <uint32_t T, class Block>
void TileOfGroups(const uint8_t* weights, size_t groups, int32_t offset, const uint8_t* panel, float* out) {
  using A = Activations<T>;
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  for (size_t g = 0; g < groups; ++g, panel += T * kPanelGroupBytes) {
    const Block& block = reinterpret_cast<const Block*>(weights)[g];
    const PanelGroup p(panel, T);
    const A a(p.quads);
    for (uint32_t first = 0; first < kBlockRows; first += kRowsPerWord) {
      typename A::Sum low[T], high[T];
      SumGroup<T>(block, first, a, low, high);
      for (uint32_t i = 0; i < kRowsPerWord; ++i) {
        const float scale = F32FromF16(block.scale[first + i]);
        for (uint32_t t = 0; t < T; ++t) {
          const int32_t sum = A::Lane(low[t] + high[t], i) + LoadAs<int32_t>(p.bias + t * 4) * offset;
          out[t * kBlockRows + first + i] += static_cast<float>(sum) * (scale * LoadAs<float>(p.scale + t * 4));
        }
      }
    }
  }
}

template <uint32_t T>
void TileQ4_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfGroups<T, BlockQ4_0>(weights, groups, kOffset4, panel, out);
}
template <uint32_t T>
void TileQ8_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfGroups<T, BlockQ8_0>(weights, groups, kOffset8, panel, out);
}

template <uint32_t T>
void TileQ6_K(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  using A = Activations<T>;
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  for (size_t g = 0; g < groups; ++g, panel += T * kPanelGroupBytes) {
    const BlockQ6_K& block = reinterpret_cast<const BlockQ6_K*>(weights)[g / 8];
    const GroupQ6_K& group = block.groups[g % 8];
    const PanelGroup p(panel, T);
    const A a(p.quads);
    for (uint32_t first = 0; first < kBlockRows; first += kRowsPerWord) {
      typename A::Sum low[T], high[T];
      SumGroup<T>(group, first, a, low, high);
      for (uint32_t i = 0; i < kRowsPerWord; ++i) {
        const uint32_t row = first + i;
        const float low_scale = static_cast<float>(group.scale[0][row]);
        const float high_scale = static_cast<float>(group.scale[1][row]);
        const float delta = F32FromF16(block.delta[row]);
        for (uint32_t t = 0; t < T; ++t) {
          const int32_t bias_low = LoadAs<int32_t>(p.bias_low + t * 4);
          const int32_t bias_high = LoadAs<int32_t>(p.bias + t * 4) - bias_low;
          const float sum = static_cast<float>(A::Lane(low[t], i) + bias_low * kOffset6) * low_scale +
                            static_cast<float>(A::Lane(high[t], i) + bias_high * kOffset6) * high_scale;
          out[t * kBlockRows + row] += sum * (delta * LoadAs<float>(p.scale + t * 4));
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_SCALAR && !LFM2_HAVE_MVE
#endif  // LFM2_KERNELS_TILE_SCALAR_INL_H_
