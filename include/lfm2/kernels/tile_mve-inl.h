// Tiles of quantised weights for Helium (Armv8.1-M, Cortex-M55), which Highway does not know. A load collects 16
// columns of one row from the block's four quads, and one instruction adds their products up.
#if defined(LFM2_KERNELS_TILE_MVE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_TILE_MVE_INL_H_
#undef LFM2_KERNELS_TILE_MVE_INL_H_
#else
#define LFM2_KERNELS_TILE_MVE_INL_H_
#endif

#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET == HWY_SCALAR && LFM2_HAVE_MVE

#include <arm_mve.h>

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
HWY_INLINE RowWeights WeightsOf(const BlockQ4_0& b, uint32_t row) {
  const uint8x16_t bytes = LoadQuads(b.nibbles + row * 4, 64);
  return {vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15))), vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4))};
}
HWY_INLINE RowWeights WeightsOf(const BlockQ8_0& b, uint32_t row) {
  return {vreinterpretq_s8_u8(LoadQuads(b.values + row * 4, 64)),
          vreinterpretq_s8_u8(LoadQuads(b.values + 256 + row * 4, 64))};
}
HWY_INLINE RowWeights WeightsOf(const GroupQ6_K& b, uint32_t row) {
  const uint8x16_t bytes = LoadQuads(b.low + row * 4, 64);
  // Quads 0 and 1 have their upper bits in one word, 2 and 3 in the next; those of the odd ones are four bits higher.
  const uint32_t first = LoadAs<uint32_t>(b.high + row * 4), second = LoadAs<uint32_t>(b.high + 64 + row * 4);
  uint32x4_t words = vdupq_n_u32(first);
  words = vsetq_lane_u32(first >> 4, words, 1);
  words = vsetq_lane_u32(second, words, 2);
  words = vsetq_lane_u32(second >> 4, words, 3);
  const uint8x16_t bits = vreinterpretq_u8_u32(words);
  const uint8x16_t low = vorrq_u8(vandq_u8(bytes, vdupq_n_u8(15)), vshlq_n_u8(vandq_u8(bits, vdupq_n_u8(3)), 4));
  const uint8x16_t high = vorrq_u8(vshrq_n_u8(bytes, 4), vshlq_n_u8(vandq_u8(bits, vdupq_n_u8(12)), 2));
  return {vreinterpretq_s8_u8(low), vreinterpretq_s8_u8(high)};
}

// Sums of one group, a lane a row.
template <uint32_t T>
struct GroupSums {
  alignas(16) int32_t low[T][kBlockRows];
  alignas(16) int32_t high[T][kBlockRows];

  // begin_low[t] and begin_high[t] are added to every row's; a type that needs no halves has both in `low`.
  template <bool kHalves, class Group>
  HWY_INLINE void Add(const Group& group, const uint8_t* quads, const int32_t* begin_low, const int32_t* begin_high) {
    for (uint32_t t = 0; t < T; ++t) {
      const int8x16_t a = vreinterpretq_s8_u8(LoadQuads(quads + t * 4, T * 4));
      const int8x16_t b = vreinterpretq_s8_u8(LoadQuads(quads + (4 * T + t) * 4, T * 4));
      HWY_UNROLL(4)
      for (uint32_t row = 0; row < kBlockRows; ++row) {
        const RowWeights w = WeightsOf(group, row);
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

// weights: groups of Block, whose rows have one scale. has_bias: weights are stored 8 too large.
template <uint32_t T, class Block>
void TileOfGroups(const uint8_t* weights, size_t groups, bool has_bias, const uint8_t* panel, float* out) {
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  GroupSums<T> sums;
  for (size_t g = 0; g < groups; ++g, panel += T * kPanelGroupBytes) {
    const Block& block = reinterpret_cast<const Block*>(weights)[g];
    const PanelGroup p(panel, T);
    int32_t bias[T] = {};
    if (has_bias) std::memcpy(bias, p.bias, sizeof(bias));
    sums.template Add<false>(block, p.quads, bias, bias);
    for (uint32_t row = 0; row < kBlockRows; row += 4) {
      const float32x4_t scale = LoadHalves(block.scale + row);
      for (uint32_t t = 0; t < T; ++t) {
        float* const to = out + t * kBlockRows + row;
        const float32x4_t factor = vmulq_n_f32(scale, LoadAs<float>(p.scale + t * 4));
        vstrwq_f32(to, vfmaq_f32(vldrwq_f32(to), LoadSums(sums.low[t] + row), factor));
      }
    }
  }
}

template <uint32_t T>
void TileQ4_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfGroups<T, BlockQ4_0>(weights, groups, true, panel, out);
}
template <uint32_t T>
void TileQ8_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileOfGroups<T, BlockQ8_0>(weights, groups, false, panel, out);
}

template <uint32_t T>
void TileQ6_K(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  for (size_t i = 0; i < T * kBlockRows; ++i) out[i] = 0.0f;
  GroupSums<T> sums;
  for (size_t g = 0; g < groups; ++g, panel += T * kPanelGroupBytes) {
    const BlockQ6_K& block = reinterpret_cast<const BlockQ6_K*>(weights)[g / 8];
    const GroupQ6_K& group = block.groups[g % 8];
    const PanelGroup p(panel, T);
    int32_t low[T], high[T];  // weights are stored 32 too large
    for (uint32_t t = 0; t < T; ++t) {
      low[t] = 4 * LoadAs<int32_t>(p.bias_low + t * 4);
      high[t] = 4 * LoadAs<int32_t>(p.bias + t * 4) - low[t];
    }
    sums.template Add<true>(group, p.quads, low, high);
    for (uint32_t row = 0; row < kBlockRows; row += 4) {
      const float32x4_t low_scale = vcvtq_f32_s32(vldrbq_s32(group.scale[0] + row));
      const float32x4_t high_scale = vcvtq_f32_s32(vldrbq_s32(group.scale[1] + row));
      const float32x4_t delta = LoadHalves(block.delta + row);
      for (uint32_t t = 0; t < T; ++t) {
        float* const to = out + t * kBlockRows + row;
        const float32x4_t sum =
            vfmaq_f32(vmulq_f32(LoadSums(sums.high[t] + row), high_scale), LoadSums(sums.low[t] + row), low_scale);
        vstrwq_f32(to, vfmaq_f32(vldrwq_f32(to), sum, vmulq_n_f32(delta, LoadAs<float>(p.scale + t * 4))));
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_SCALAR && LFM2_HAVE_MVE
#endif  // LFM2_KERNELS_TILE_MVE_INL_H_
