// Tiles of quantised weights without SIMD, for microcontrollers.
#if defined(LFM2_KERNELS_TILE_SCALAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_TILE_SCALAR_INL_H_
#undef LFM2_KERNELS_TILE_SCALAR_INL_H_
#else
#define LFM2_KERNELS_TILE_SCALAR_INL_H_
#endif

#include "lfm2/kernels/dequantize.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET == HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// One lane a vector: plain loops, for microcontrollers. Integer sums are exact, so this is the vectors' arithmetic.

inline int32_t DotScalar(const uint8_t* quads, size_t tokens, size_t t, const int8_t* w, uint32_t begin, uint32_t end) {
  int32_t sum = 0;
  for (uint32_t c = begin; c < end; ++c) {
    sum += int32_t{w[c]} * static_cast<int8_t>(quads[(c / 4 * tokens + t) * 4 + c % 4]);
  }
  return sum;
}

template <class Block>
inline void TileScalar(const uint8_t* weights, size_t groups, const uint8_t* panel, size_t tokens, float* out) {
  for (size_t i = 0; i < tokens * kBlockRows; ++i) out[i] = 0.0f;
  for (size_t g = 0; g < groups; ++g, panel += tokens * kPanelGroupBytes) {
    const PanelGroup p(panel, tokens);
    for (uint32_t row = 0; row < kBlockRows; ++row) {
      int8_t w[kGroupColumns];
      float low_scale = 0.0f, high_scale = 0.0f, factor = 0.0f;
      if constexpr (sizeof(Block) == sizeof(BlockQ4_0)) {
        const BlockQ4_0& b = reinterpret_cast<const BlockQ4_0*>(weights)[g];
        for (uint32_t c = 0; c < 16; ++c) {
          const uint32_t byte = b.nibbles[c / 4 * 64 + row * 4 + c % 4];
          w[c] = static_cast<int8_t>(static_cast<int>(byte & 15u) - 8);
          w[c + 16] = static_cast<int8_t>(static_cast<int>(byte >> 4) - 8);
        }
        factor = F32FromF16(b.scale[row]);
      } else if constexpr (sizeof(Block) == sizeof(BlockQ8_0)) {
        const BlockQ8_0& b = reinterpret_cast<const BlockQ8_0*>(weights)[g];
        for (uint32_t c = 0; c < 32; ++c) w[c] = b.values[c / 4 * 64 + row * 4 + c % 4];
        factor = F32FromF16(b.scale[row]);
      } else {
        const BlockQ6_K& block = reinterpret_cast<const BlockQ6_K*>(weights)[g / 8];
        const GroupQ6_K& b = block.groups[g % 8];
        for (uint32_t c = 0; c < 16; ++c) {
          const uint32_t byte = b.low[c / 4 * 64 + row * 4 + c % 4];
          const uint32_t high = b.high[c / 8 * 64 + row * 4 + c % 4] >> (4 * (c / 4 % 2));
          w[c] = static_cast<int8_t>(static_cast<int>((byte & 15u) | (high & 3u) << 4) - 32);
          w[c + 16] = static_cast<int8_t>(static_cast<int>((byte >> 4) | (high >> 2 & 3u) << 4) - 32);
        }
        low_scale = static_cast<float>(b.scale[0][row]);
        high_scale = static_cast<float>(b.scale[1][row]);
        factor = F32FromF16(block.delta[row]);
      }
      for (size_t t = 0; t < tokens; ++t) {
        float sum = 0.0f;
        if constexpr (sizeof(Block) == sizeof(BlockQ6_K)) {
          sum = static_cast<float>(DotScalar(p.quads, tokens, t, w, 0, 16)) * low_scale +
                static_cast<float>(DotScalar(p.quads, tokens, t, w, 16, 32)) * high_scale;
        } else {
          sum = static_cast<float>(DotScalar(p.quads, tokens, t, w, 0, 32));
        }
        out[t * kBlockRows + row] += sum * (factor * LoadAs<float>(p.scale + t * 4));
      }
    }
  }
}

template <uint32_t T>
void TileQ4_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileScalar<BlockQ4_0>(weights, groups, panel, T, out);
}
template <uint32_t T>
void TileQ8_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileScalar<BlockQ8_0>(weights, groups, panel, T, out);
}
template <uint32_t T>
void TileQ6_K(const uint8_t* weights, size_t groups, const uint8_t* panel, bool /*stream*/, float* out) {
  TileScalar<BlockQ6_K>(weights, groups, panel, T, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_SCALAR_INL_H_
