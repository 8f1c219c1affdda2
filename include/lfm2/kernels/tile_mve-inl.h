// Tiles of quantised weights for Helium (Armv8.1-M, Cortex-M55), which Highway does not support. A load gathers 16
// columns of one row from the block's four quads, and one instruction adds up their products.
#if defined(LFM2_KERNELS_TILE_MVE_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_MVE_INL_H_
#undef LFM2_KERNELS_TILE_MVE_INL_H_
#else
#define LFM2_KERNELS_TILE_MVE_INL_H_
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET == HWY_SCALAR && LFM2_HAVE_MVE

#include <arm_mve.h>

#include <type_traits>

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Four quads that are `stride` bytes apart: 16 bytes of a row of weights, or of a token in a panel tile.
HWY_INLINE uint8x16_t LoadQuads(const void* first, uint32_t stride) {
  const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
  return vreinterpretq_u8_u32(vldrwq_gather_offset_u32(static_cast<const uint32_t*>(first), offsets));
}
// In q0, because GNU as (2.40) encodes any other vector register wrongly in this instruction: twice its number.
HWY_INLINE float32x4_t LoadHalves(const uint16_t* p) {
  register uint32x4_t halves __asm__("q0") = vldrhq_u32(p);
  __asm__("vcvtb.f32.f16 q0, q0" : "+w"(halves));
  return vreinterpretq_f32_u32(halves);
}

// Weights of columns 0 .. 15 and 16 .. 31 of a row, without their offset.
struct RowWeights {
  int8x16_t low;
  int8x16_t high;
};
// `word` shifted right by 0, 1, 2 and 3.
HWY_INLINE uint8x16_t FourShifts(uint32_t word) {
  uint32x4_t words = vdupq_n_u32(word);
  words = vsetq_lane_u32(word >> 1, words, 1);
  words = vsetq_lane_u32(word >> 2, words, 2);
  return vreinterpretq_u8_u32(vsetq_lane_u32(word >> 3, words, 3));
}
// Words 0 and 1 come from `first`, 2 and 3 from `second`, the odd ones shifted right by four.
HWY_INLINE uint8x16_t TwoShifts(uint32_t first, uint32_t second) {
  uint32x4_t words = vdupq_n_u32(first);
  words = vsetq_lane_u32(first >> 4, words, 1);
  words = vsetq_lane_u32(second, words, 2);
  return vreinterpretq_u8_u32(vsetq_lane_u32(second >> 4, words, 3));
}
struct RowBits {
  uint8x16_t low;
  uint8x16_t high;
};
template <Integers kind>
HWY_INLINE RowBits BitsOfRow(const uint8_t* data, uint32_t row) {
  constexpr uint32_t kBits = BitsOf(kind);
  if constexpr (kBits < 4) {
    const uint8x16_t pairs = TwoShifts(LoadAs<uint32_t>(data + row * 4), LoadAs<uint32_t>(data + 64 + row * 4));
    const uint8x16_t three = vdupq_n_u8(3);
    RowBits bits = {vandq_u8(pairs, three), vandq_u8(vshrq_n_u8(pairs, 2), three)};
    if constexpr (kBits == 3) {
      // Bits 2, 6, 0 and 4 are the third bits of quads 0 to 3; the next higher bit belongs to the quad four later
      // (kThirdBit).
      const uint32_t third = LoadAs<uint32_t>(data + 128 + row * 4);
      const uint8x16_t own = TwoShifts(third >> 2, third), one = vdupq_n_u8(1);
      bits.low = vorrq_u8(bits.low, vshlq_n_u8(vandq_u8(own, one), 2));
      bits.high = vorrq_u8(bits.high, vshlq_n_u8(vandq_u8(vshrq_n_u8(own, 1), one), 2));
    }
    return bits;
  } else {
    const uint8x16_t bytes = LoadQuads(data + row * 4, 64);
    RowBits bits = {vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8(bytes, 4)};
    if constexpr (kBits == 5) {
      const uint32_t fifth = LoadAs<uint32_t>(data + 256 + row * 4);
      const uint8x16_t one = vdupq_n_u8(1);
      bits.low = vorrq_u8(bits.low, vshlq_n_u8(vandq_u8(FourShifts(fifth), one), 4));
      bits.high = vorrq_u8(bits.high, vshlq_n_u8(vandq_u8(FourShifts(fifth >> 4), one), 4));
    } else if constexpr (kBits == 6) {
      const uint8x16_t upper =
          TwoShifts(LoadAs<uint32_t>(data + 256 + row * 4), LoadAs<uint32_t>(data + 320 + row * 4));
      bits.low = vorrq_u8(bits.low, vshlq_n_u8(vandq_u8(upper, vdupq_n_u8(3)), 4));
      bits.high = vorrq_u8(bits.high, vshlq_n_u8(vandq_u8(upper, vdupq_n_u8(12)), 2));
    }
    return bits;
  }
}
template <Integers kind>
HWY_INLINE RowWeights WeightsOf(const uint8_t* data, uint32_t row) {
  if constexpr (kind == Integers::kBytes) {
    return {vreinterpretq_s8_u8(LoadQuads(data + row * 4, 64)),
            vreinterpretq_s8_u8(LoadQuads(data + 256 + row * 4, 64))};
  } else {
    const RowBits bits = BitsOfRow<kind>(data, row);
    if constexpr (HasValues(kind)) {
      return {vldrbq_gather_offset_s8(ValuesOf(kind), bits.low), vldrbq_gather_offset_s8(ValuesOf(kind), bits.high)};
    } else {
      return {vreinterpretq_s8_u8(bits.low), vreinterpretq_s8_u8(bits.high)};
    }
  }
}
// Compensates for the center that was not subtracted from the weights: -center times the sum of the activations.
template <class Format>
HWY_INLINE int32_t TakenOf(int32_t minus_eight_sum) {
  constexpr int32_t center = kCenter<Format>;
  if constexpr (center == 2 || center == 4) return minus_eight_sum / (8 / center);
  return minus_eight_sum * (center / 8);
}

// Sums of one group.
template <uint32_t T>
struct GroupSums {
  alignas(16) int32_t low[T][kBlockRows];
  alignas(16) int32_t high[T][kBlockRows];

  // begin_low[t] and begin_high[t] are added to the sum of every row; a type without halves has the whole sum in `low`.
  template <Integers kind, bool kHalves>
  HWY_INLINE void Add(const uint8_t* data, const uint8_t* quads, const int32_t* begin_low, const int32_t* begin_high) {
    for (uint32_t t = 0; t < T; ++t) {
      const int8x16_t a = vreinterpretq_s8_u8(LoadQuads(quads + t * 4, T * 4));
      const int8x16_t b = vreinterpretq_s8_u8(LoadQuads(quads + (4 * T + t) * 4, T * 4));
      HWY_UNROLL(4)
      for (uint32_t row = 0; row < kBlockRows; ++row) {
        const RowWeights w = WeightsOf<kind>(data, row);
        const int32_t sum = vmladavaq_s8(begin_low[t], w.low, a);
        if constexpr (kHalves) {
          low[t][row] = sum;
          high[t][row] = vmladavaq_s8(begin_high[t], w.high, b);
        } else {
          low[t][row] = vmladavaq_s8(sum, w.high, b);
        }
      }
    }
  }
};

HWY_INLINE float32x4_t LoadSums(const int32_t* p) { return vcvtq_f32_s32(vldrwq_s32(p)); }

// Scales of rows row .. row + 3, and the remainder for each group (kLift of formats.h).
template <class Format>
HWY_INLINE float32x4_t LoadScales(const typename Format::Block& block, uint32_t g, uint32_t row, uint32_t half) {
  alignas(16) float scale[4];
  for (uint32_t i = 0; i < 4; ++i) {
    if constexpr (Format::kHalves) {
      scale[i] = Format::Scale(block, g, row + i, half);
    } else {
      scale[i] = Format::Scale(block, g, row + i);
    }
  }
  return vldrwq_f32(scale);
}
template <>
HWY_INLINE float32x4_t LoadScales<FormatQ4_0>(const BlockQ4_0& block, uint32_t, uint32_t row, uint32_t) {
  return LoadHalves(block.scale + row);
}
template <>
HWY_INLINE float32x4_t LoadScales<FormatQ8_0>(const BlockQ8_0& block, uint32_t, uint32_t row, uint32_t) {
  return LoadHalves(block.scale + row);
}
template <class Format>
HWY_INLINE float32x4_t LoadOffsets(const typename Format::Block& block, uint32_t g, uint32_t row, float32x4_t scale) {
  const float32x4_t lifted = vmulq_n_f32(scale, static_cast<float>(kLift<Format>));
  if constexpr (!Format::kHasMin) return lifted;
  alignas(16) float min[4] = {};
  for (uint32_t i = 0; i < 4; ++i) {
    if constexpr (Format::kHasMin) min[i] = Format::Min(block, g, row + i);
  }
  return vaddq_f32(lifted, vldrwq_f32(min));
}

// Adds the dot products of one group to out[T][16].
template <class Format, uint32_t T>
HWY_INLINE void AddGroup(const typename Format::Block& block, uint32_t g, const PanelGroup& p, GroupSums<T>* sums,
                         float* out) {
  constexpr Integers kKind = Format::kIntegers;
  int32_t low[T], high[T];
  for (uint32_t t = 0; t < T; ++t) {
    const int32_t minus_eight_sum = LoadAs<int32_t>(p.minus_eight_sum + t * 4),
                  minus_eight_low = LoadAs<int32_t>(p.minus_eight_sum_low + t * 4);
    low[t] = TakenOf<Format>(Format::kHalves ? minus_eight_low : minus_eight_sum);
    high[t] = TakenOf<Format>(minus_eight_sum - minus_eight_low);
  }
  sums->template Add<kKind, Format::kHalves>(Format::Data(block, g), p.quads, low, high);
  for (uint32_t row = 0; row < kBlockRows; row += 4) {
    if constexpr (std::is_same_v<Format, FormatQ6_K>) {
      const float32x4_t low_scale = vcvtq_f32_s32(vldrbq_s32(block.groups[g].scale[0] + row));
      const float32x4_t high_scale = vcvtq_f32_s32(vldrbq_s32(block.groups[g].scale[1] + row));
      const float32x4_t delta = LoadHalves(block.delta + row);
      for (uint32_t t = 0; t < T; ++t) {
        float* const to = out + t * kBlockRows + row;
        const float32x4_t sum =
            vfmaq_f32(vmulq_f32(LoadSums(sums->high[t] + row), high_scale), LoadSums(sums->low[t] + row), low_scale);
        vstrwq_f32(to, vfmaq_f32(vldrwq_f32(to), sum, vmulq_n_f32(delta, LoadAs<float>(p.scale + t * 4))));
      }
    } else if constexpr (Format::kHalves) {
      const float32x4_t low_scale = LoadScales<Format>(block, g, row, 0);
      const float32x4_t high_scale = LoadScales<Format>(block, g, row, 1);
      for (uint32_t t = 0; t < T; ++t) {
        float* const to = out + t * kBlockRows + row;
        const float scale = LoadAs<float>(p.scale + t * 4);
        const float32x4_t dot =
            vfmaq_f32(vmulq_f32(LoadSums(sums->high[t] + row), high_scale), LoadSums(sums->low[t] + row), low_scale);
        float32x4_t sum = vfmaq_n_f32(vldrwq_f32(to), dot, scale);
        if constexpr (kHasHalfMins<Format>) {
          alignas(16) float mins[4];
          for (uint32_t i = 0; i < 4; ++i) {
            const int32_t minus_eight_low = LoadAs<int32_t>(p.minus_eight_sum_low + t * 4);
            const int32_t minus_eight_high = LoadAs<int32_t>(p.minus_eight_sum + t * 4) - minus_eight_low;
            mins[i] = static_cast<float>(minus_eight_low) * Format::Min(block, g, row + i, 0) +
                      static_cast<float>(minus_eight_high) * Format::Min(block, g, row + i, 1);
          }
          sum = vfmaq_n_f32(sum, vldrwq_f32(mins), scale * -0.125f);
        }
        vstrwq_f32(to, sum);
      }
    } else {
      const float32x4_t scale = LoadScales<Format>(block, g, row, 0);
      for (uint32_t t = 0; t < T; ++t) {
        float* const to = out + t * kBlockRows + row;
        const float32x4_t factor = vmulq_n_f32(scale, LoadAs<float>(p.scale + t * 4));
        float32x4_t sum = vfmaq_f32(vldrwq_f32(to), LoadSums(sums->low[t] + row), factor);
        if constexpr (kHasOffset<Format>) {
          sum = vfmaq_n_f32(sum, LoadOffsets<Format>(block, g, row, scale), LoadAs<float>(p.sum + t * 4));
        }
        vstrwq_f32(to, sum);
      }
    }
  }
}

// Not inlined: the frames of all tiles would add up on a small stack.
template <class Format, uint32_t T>
HWY_NOINLINE void TileOfHelium(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, float* out) {
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  GroupSums<T> sums;
  for (; groups != 0; groups -= blocks.groups(), blocks.Skip(1)) {
    for (uint32_t g = 0; g < blocks.groups(); ++g, panel += T * kPanelGroupBytes) {
      AddGroup<Format, T>(*blocks, g, PanelGroup(panel, T), &sums, out);
    }
  }
}

// As in tile_integer-inl.h.
template <class Format, uint32_t T>
HWY_INLINE void IntegerTileOf(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, bool /*stream*/,
                              float* out) {
  TileOfHelium<Format, T>(blocks, groups, panel, out);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_SCALAR && LFM2_HAVE_MVE
#endif  // LFM2_KERNELS_TILE_MVE_INL_H_
