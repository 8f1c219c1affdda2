// Tiles of quantised weights for Helium (Armv8.1-M, Cortex-M55), which Highway does not know. A load collects 16
// columns of one row from the block's four quads, and one instruction adds their products up.
#if defined(LFM2_KERNELS_TILE_MVE_INL_H_) == defined(HWY_TARGET_TOGGLE)
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

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Four quads that lie `stride` bytes apart: 16 bytes of a row of weights, or of a token in a panel tile.
HWY_INLINE uint8x16_t LoadQuads(const void* first, uint32_t stride) {
  const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
  return vreinterpretq_u8_u32(vldrwq_gather_offset_u32(static_cast<const uint32_t*>(first), offsets));
}
// In q0: GNU as (2.40) encodes twice the number of any other vector register into this instruction.
HWY_INLINE float32x4_t LoadHalves(const uint16_t* p) {
  register uint32x4_t halves __asm__("q0") = vldrhq_u32(p);
  __asm__("vcvtb.f32.f16 q0, q0" : "+w"(halves));
  return vreinterpretq_f32_u32(halves);
}

// Weights of columns 0 .. 15 and 16 .. 31 of a row, less their offset.
struct RowWeights {
  int8x16_t low;
  int8x16_t high;
};
// The words of `first` shifted right by 0, 1, 2 and 3.
HWY_INLINE uint8x16_t FourShifts(uint32_t word) {
  uint32x4_t words = vdupq_n_u32(word);
  words = vsetq_lane_u32(word >> 1, words, 1);
  words = vsetq_lane_u32(word >> 2, words, 2);
  return vreinterpretq_u8_u32(vsetq_lane_u32(word >> 3, words, 3));
}
template <Integers kind>
HWY_INLINE RowWeights WeightsOf(const uint8_t* data, uint32_t row) {
  const uint8x16_t bytes = LoadQuads(data + row * 4, 64);
  if constexpr (kind == Integers::kBytes) {
    return {vreinterpretq_s8_u8(bytes), vreinterpretq_s8_u8(LoadQuads(data + 256 + row * 4, 64))};
  } else {
    uint8x16_t low = vandq_u8(bytes, vdupq_n_u8(15)), high = vshrq_n_u8(bytes, 4);
    if constexpr (kind == Integers::kMxfp4 || kind == Integers::kIQ4_NL) {
      const int8_t* const values = kind == Integers::kMxfp4 ? kMxfp4Values : kIQ4_NLValues;
      return {vldrbq_gather_offset_s8(values, low), vldrbq_gather_offset_s8(values, high)};
    } else if constexpr (kind == Integers::kFive) {
      const uint32_t fifth = LoadAs<uint32_t>(data + 256 + row * 4);
      const uint8x16_t one = vdupq_n_u8(1);
      low = vorrq_u8(low, vshlq_n_u8(vandq_u8(FourShifts(fifth), one), 4));
      high = vorrq_u8(high, vshlq_n_u8(vandq_u8(FourShifts(fifth >> 4), one), 4));
    } else if constexpr (kind == Integers::kSix) {
      // Quads 0 and 1 have their upper bits in one word, 2 and 3 in the next; those of the odd ones are four bits
      // higher.
      const uint32_t first = LoadAs<uint32_t>(data + 256 + row * 4), second = LoadAs<uint32_t>(data + 320 + row * 4);
      uint32x4_t words = vdupq_n_u32(first);
      words = vsetq_lane_u32(first >> 4, words, 1);
      words = vsetq_lane_u32(second, words, 2);
      words = vsetq_lane_u32(second >> 4, words, 3);
      const uint8x16_t bits = vreinterpretq_u8_u32(words);
      low = vorrq_u8(low, vshlq_n_u8(vandq_u8(bits, vdupq_n_u8(3)), 4));
      high = vorrq_u8(high, vshlq_n_u8(vandq_u8(bits, vdupq_n_u8(12)), 2));
    }
    return {vreinterpretq_s8_u8(low), vreinterpretq_s8_u8(high)};
  }
}
// What is taken from these weights, in units of the panel's -8 * sum.
template <Integers kind>
inline constexpr int32_t kTaken = CenterOf(kind) / 8;

// Sums of one group, a lane a row.
template <uint32_t T>
struct GroupSums {
  alignas(16) int32_t low[T][kBlockRows];
  alignas(16) int32_t high[T][kBlockRows];

  // begin_low[t] and begin_high[t] are added to every row's; a type that needs no halves has both in `low`.
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

// Scales of rows row .. row + 3, and what is left to add for each group (formats.h).
template <class Format>
HWY_INLINE float32x4_t LoadScales(const typename Format::Block& block, uint32_t g, uint32_t row) {
  if constexpr (!kHasOffset<Format> && Format::kIntegers != Integers::kMxfp4) return LoadHalves(block.scale + row);
  alignas(16) float scale[4];
  for (uint32_t i = 0; i < 4; ++i) scale[i] = Format::Scale(block, g, row + i);
  return vldrwq_f32(scale);
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
  if constexpr (std::is_same_v<Format, FormatQ6_K>) {
    int32_t low[T], high[T];
    for (uint32_t t = 0; t < T; ++t) {
      low[t] = kTaken<kKind> * LoadAs<int32_t>(p.bias_low + t * 4);
      high[t] = kTaken<kKind> * LoadAs<int32_t>(p.bias + t * 4) - low[t];
    }
    sums->template Add<kKind, true>(Format::Data(block, g), p.quads, low, high);
    for (uint32_t row = 0; row < kBlockRows; row += 4) {
      const float32x4_t low_scale = vcvtq_f32_s32(vldrbq_s32(block.groups[g].scale[0] + row));
      const float32x4_t high_scale = vcvtq_f32_s32(vldrbq_s32(block.groups[g].scale[1] + row));
      const float32x4_t delta = LoadHalves(block.delta + row);
      for (uint32_t t = 0; t < T; ++t) {
        float* const to = out + t * kBlockRows + row;
        const float32x4_t sum =
            vfmaq_f32(vmulq_f32(LoadSums(sums->high[t] + row), high_scale), LoadSums(sums->low[t] + row), low_scale);
        vstrwq_f32(to, vfmaq_f32(vldrwq_f32(to), sum, vmulq_n_f32(delta, LoadAs<float>(p.scale + t * 4))));
      }
    }
  } else {
    int32_t begin[T];
    for (uint32_t t = 0; t < T; ++t) begin[t] = kTaken<kKind> * LoadAs<int32_t>(p.bias + t * 4);
    sums->template Add<kKind, false>(Format::Data(block, g), p.quads, begin, begin);
    for (uint32_t row = 0; row < kBlockRows; row += 4) {
      const float32x4_t scale = LoadScales<Format>(block, g, row);
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

// weights: blocks of groups / kGroups.
template <class Format, uint32_t T>
void TileOfHelium(const uint8_t* weights, size_t groups, const uint8_t* panel, float* out) {
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  GroupSums<T> sums;
  const auto* block = reinterpret_cast<const typename Format::Block*>(weights);
  for (const auto* end = block + groups / Format::kGroups; block != end; ++block) {
    for (uint32_t g = 0; g < Format::kGroups; ++g, panel += T * kPanelGroupBytes) {
      AddGroup<Format, T>(*block, g, PanelGroup(panel, T), &sums, out);
    }
  }
}

template <class Format, uint32_t T>
void TileOfNibbles(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfHelium<Format, T>(weights, groups, panel, out);
}
template <class Format, uint32_t T>
void TileOfBytes(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfHelium<Format, T>(weights, groups, panel, out);
}
template <class Format, uint32_t T>
void TileOfSix(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfHelium<Format, T>(weights, groups, panel, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_SCALAR && LFM2_HAVE_MVE
#endif  // LFM2_KERNELS_TILE_MVE_INL_H_
