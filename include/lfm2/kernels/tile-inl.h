// out[T, 16] = 16 rows of weights times T tokens: one function for each weight type, over the hook of dot-inl.h.
// SIMD lanes are rows, so there are no horizontal sums, and each (row, token) goes through the same additions in the
// same order whatever T is: results do not depend on how many tokens are computed together. `stream`: the weights come
// from memory, not from a cache that an earlier tile filled.
#if defined(LFM2_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_TILE_INL_H_
#undef LFM2_KERNELS_TILE_INL_H_
#else
#define LFM2_KERNELS_TILE_INL_H_
#endif

#include "lfm2/format/tensor_type.h"
#include "lfm2/kernels/dequantize.h"
#include "lfm2/kernels/dot-inl.h"
#include "lfm2/kernels/panel.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Tokens in a tile: as many accumulators of sums and of results as registers hold.
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
inline constexpr uint32_t kMaxTile = 4;
#else
inline constexpr uint32_t kMaxTile = 8;
#endif

// Asks for weights that the loop reaches some groups later. To the second-level cache: measured against asking for the
// first level, whose few outstanding requests then limit a core, 1.0 instead of .85 of the speed of just reading.
HWY_INLINE void PrefetchAhead(const uint8_t* group, size_t bytes) {
  constexpr size_t kAhead = 4096, kLine = 64;
  for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(group + kAhead + i, 0, 2);
}

// One group of a panel tile of T tokens (panel.h).
struct PanelGroup {
  const uint8_t* quads;
  const uint8_t* bias;
  const uint8_t* bias_low;
  const uint8_t* scale;

  PanelGroup(const uint8_t* group, size_t tokens)
      : quads(group), bias(group + tokens * 32), bias_low(group + tokens * 36), scale(group + tokens * 40) {}
};

#if HWY_TARGET == HWY_SCALAR
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

#else

// Named accumulators, never arrays of vectors: SVE and RVV forbid those, and GCC spills them.
#define LFM2_FOR_EACH_TOKEN(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)
#define LFM2_ZERO(k) VF f##k = hn::Zero(df);
#define LFM2_STORE(k) \
  if constexpr (k < T) hn::StoreU(f##k, df, out + k * kBlockRows + r);

HWY_INLINE VI32 BroadcastI32(const uint8_t* p) { return hn::Set(DI32(), LoadAs<int32_t>(p)); }
HWY_INLINE VF BroadcastF32(const uint8_t* p) { return hn::Set(DF(), LoadAs<float>(p)); }

// weights: groups of BlockQ4_0.
template <uint32_t T>
void TileQ4_0(const uint8_t* HWY_RESTRICT weights, size_t groups, const uint8_t* HWY_RESTRICT panel_begin, bool stream,
              float* HWY_RESTRICT out) {
  const DF df;
  const DU8 du8;
  const VU8 low_mask = hn::Set(du8, uint8_t{15});
  for (size_t r = 0; r < kBlockRows; r += hn::Lanes(df)) {
    const uint8_t* HWY_RESTRICT block = weights;
    const uint8_t* HWY_RESTRICT panel = panel_begin;
    LFM2_FOR_EACH_TOKEN(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, block += sizeof(BlockQ4_0), panel += T * kPanelGroupBytes) {
      const PanelGroup p(panel, T);
      if (stream) PrefetchAhead(block, sizeof(BlockQ4_0));
#define LFM2_BEGIN(k) Sum4 a##k = BeginSum4(BroadcastI32(p.bias + (k < T ? k : 0) * 4));
      LFM2_FOR_EACH_TOKEN(LFM2_BEGIN)
#undef LFM2_BEGIN
      HWY_UNROLL(4)
      for (size_t q = 0; q < 4; ++q) {
        const VU8 bytes = hn::LoadU(du8, block + q * 64 + r * 4);
        const VU8 low = hn::And(bytes, low_mask);
        const VU8 high = hn::ShiftRight<4>(bytes);
#define LFM2_LOW(k) \
  if constexpr (k < T) a##k = DotQuad4(a##k, low, BroadcastQuad(p.quads + (q * T + k) * 4));
#define LFM2_HIGH(k) \
  if constexpr (k < T) a##k = DotQuad4(a##k, high, BroadcastQuad(p.quads + ((q + 4) * T + k) * 4));
        LFM2_FOR_EACH_TOKEN(LFM2_LOW)
        LFM2_FOR_EACH_TOKEN(LFM2_HIGH)
#undef LFM2_LOW
#undef LFM2_HIGH
      }
      const VF scale = LoadF16(reinterpret_cast<const BlockQ4_0*>(block)->scale + r);
#define LFM2_ADD(k)                                                                                 \
  if constexpr (k < T) {                                                                            \
    const VI32 dot = EndSum4(a##k, BroadcastI32(p.bias + k * 4));                                   \
    f##k = hn::MulAdd(hn::ConvertTo(df, dot), hn::Mul(scale, BroadcastF32(p.scale + k * 4)), f##k); \
  }
      LFM2_FOR_EACH_TOKEN(LFM2_ADD)
#undef LFM2_ADD
    }
    LFM2_FOR_EACH_TOKEN(LFM2_STORE)
  }
}

// weights: groups of BlockQ8_0.
template <uint32_t T>
void TileQ8_0(const uint8_t* HWY_RESTRICT weights, size_t groups, const uint8_t* HWY_RESTRICT panel_begin, bool stream,
              float* HWY_RESTRICT out) {
  const DF df;
  const DU8 du8;
  for (size_t r = 0; r < kBlockRows; r += hn::Lanes(df)) {
    const uint8_t* HWY_RESTRICT block = weights;
    const uint8_t* HWY_RESTRICT panel = panel_begin;
    LFM2_FOR_EACH_TOKEN(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, block += sizeof(BlockQ8_0), panel += T * kPanelGroupBytes) {
      const PanelGroup p(panel, T);
      if (stream) PrefetchAhead(block, sizeof(BlockQ8_0));
        // The bias is -8 * sum(x); an offset of 128 costs 16 times that.
#define LFM2_BEGIN(k)           \
  VI32 a##k = hn::Zero(DI32()); \
  if constexpr (kOffsetSigned && k < T) a##k = hn::ShiftLeft<4>(BroadcastI32(p.bias + k * 4));
      LFM2_FOR_EACH_TOKEN(LFM2_BEGIN)
#undef LFM2_BEGIN
      HWY_UNROLL(8)
      for (size_t q = 0; q < 8; ++q) {
        const VU8 w = hn::LoadU(du8, block + q * 64 + r * 4);
#define LFM2_DOT(k) \
  if constexpr (k < T) a##k = DotQuadSigned(a##k, w, BroadcastQuad(p.quads + (q * T + k) * 4));
        LFM2_FOR_EACH_TOKEN(LFM2_DOT)
#undef LFM2_DOT
      }
      const VF scale = LoadF16(reinterpret_cast<const BlockQ8_0*>(block)->scale + r);
#define LFM2_ADD(k) \
  if constexpr (k < T) f##k = hn::MulAdd(hn::ConvertTo(df, a##k), hn::Mul(scale, BroadcastF32(p.scale + k * 4)), f##k);
      LFM2_FOR_EACH_TOKEN(LFM2_ADD)
#undef LFM2_ADD
    }
    LFM2_FOR_EACH_TOKEN(LFM2_STORE)
  }
}

// 16 scales of a half group as floats.
HWY_INLINE VF LoadI8(const int8_t* p) {
  return hn::ConvertTo(DF(), hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DI32>(), p)));
}

// weights: groups / 8 of BlockQ6_K.
template <uint32_t T>
void TileQ6_K(const uint8_t* HWY_RESTRICT weights, size_t groups, const uint8_t* HWY_RESTRICT panel_begin, bool stream,
              float* HWY_RESTRICT out) {
  const DF df;
  const DU8 du8;
  const VU8 low_mask = hn::Set(du8, uint8_t{15});
  const VU8 high_mask = hn::Set(du8, uint8_t{0x30});
  const hn::Repartition<uint16_t, DU8> du16;
  for (size_t r = 0; r < kBlockRows; r += hn::Lanes(df)) {
    const uint8_t* HWY_RESTRICT panel = panel_begin;
    LFM2_FOR_EACH_TOKEN(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, panel += T * kPanelGroupBytes) {
      const BlockQ6_K& block = reinterpret_cast<const BlockQ6_K*>(weights)[g / 8];
      const GroupQ6_K& group = block.groups[g % 8];
      const PanelGroup p(panel, T);
      if (stream) PrefetchAhead(group.low, sizeof(GroupQ6_K));
        // An offset of 32 costs 4 times the bias; each half of the group has its own sum, for it has its own scale.
#define LFM2_BEGIN(k)                                                         \
  VI32 a##k = hn::Zero(DI32()), b##k = a##k;                                  \
  if constexpr (k < T) {                                                      \
    const VI32 low_bias = BroadcastI32(p.bias_low + k * 4);                   \
    a##k = hn::ShiftLeft<2>(low_bias);                                        \
    b##k = hn::ShiftLeft<2>(hn::Sub(BroadcastI32(p.bias + k * 4), low_bias)); \
  }
      LFM2_FOR_EACH_TOKEN(LFM2_BEGIN)
#undef LFM2_BEGIN
      HWY_UNROLL(4)
      for (size_t q = 0; q < 4; ++q) {
        const VU8 bytes = hn::LoadU(du8, group.low + q * 64 + r * 4);
        // Shifts of 16-bit lanes: the mask drops the bits that cross from byte to byte.
        const auto bits = hn::BitCast(du16, hn::LoadU(du8, group.high + (q / 2) * 64 + r * 4));
        const auto to_low = q % 2 == 0 ? hn::ShiftLeft<4>(bits) : bits;
        const auto to_high = q % 2 == 0 ? hn::ShiftLeft<2>(bits) : hn::ShiftRight<2>(bits);
        const VU8 low = hn::Or(hn::And(bytes, low_mask), hn::And(hn::BitCast(du8, to_low), high_mask));
        const VU8 high = hn::Or(hn::ShiftRight<4>(bytes), hn::And(hn::BitCast(du8, to_high), high_mask));
#define LFM2_DOT(k)                                                             \
  if constexpr (k < T) {                                                        \
    a##k = DotQuad(a##k, low, BroadcastQuad(p.quads + (q * T + k) * 4));        \
    b##k = DotQuad(b##k, high, BroadcastQuad(p.quads + ((q + 4) * T + k) * 4)); \
  }
        LFM2_FOR_EACH_TOKEN(LFM2_DOT)
#undef LFM2_DOT
      }
      const VF low_scale = LoadI8(group.scale[0] + r);
      const VF high_scale = LoadI8(group.scale[1] + r);
      const VF delta = LoadF16(block.delta + r);
#define LFM2_ADD(k)                                                                                              \
  if constexpr (k < T) {                                                                                         \
    const VF dot = hn::MulAdd(hn::ConvertTo(df, a##k), low_scale, hn::Mul(hn::ConvertTo(df, b##k), high_scale)); \
    f##k = hn::MulAdd(dot, hn::Mul(delta, BroadcastF32(p.scale + k * 4)), f##k);                                 \
  }
      LFM2_FOR_EACH_TOKEN(LFM2_ADD)
#undef LFM2_ADD
    }
    LFM2_FOR_EACH_TOKEN(LFM2_STORE)
  }
}

#undef LFM2_STORE
#undef LFM2_ZERO
#undef LFM2_FOR_EACH_TOKEN

#endif  // HWY_TARGET == HWY_SCALAR

// Unquantised weights times float activations: x[t] is the row of token t. Type is kF32, kF16 or kBF16.
template <TensorType Type>
HWY_INLINE VF LoadColumn(const uint8_t* block, size_t column, size_t r) {
  if constexpr (Type == TensorType::kF32) {
    return hn::LoadU(DF(), reinterpret_cast<const BlockF32*>(block)->values[column] + r);
  } else if constexpr (Type == TensorType::kF16) {
    return LoadF16(reinterpret_cast<const BlockF16*>(block)->values[column] + r);
  } else {
    return LoadBF16(reinterpret_cast<const BlockF16*>(block)->values[column] + r);
  }
}

// Four tokens at a time: that hides the latency of the additions, and loads each weight once for the four.
template <TensorType Type>
void TileFloat(const uint8_t* HWY_RESTRICT weights, size_t groups, const float* x0, const float* x1, const float* x2,
               const float* x3, uint32_t tokens, float* HWY_RESTRICT out) {
  const DF df;
  for (size_t r = 0; r < kBlockRows; r += hn::Lanes(df)) {
    const uint8_t* HWY_RESTRICT block = weights;
    VF f0 = hn::Zero(df), f1 = f0, f2 = f0, f3 = f0;
    for (size_t g = 0; g < groups; ++g, block += TraitsOf(Type).bytes) {
      for (size_t i = 0; i < kGroupColumns; ++i) {
        const size_t column = g * kGroupColumns + i;
        const VF w = LoadColumn<Type>(block, i, r);
        f0 = hn::MulAdd(w, hn::Set(df, x0[column]), f0);
        f1 = hn::MulAdd(w, hn::Set(df, x1[column]), f1);
        f2 = hn::MulAdd(w, hn::Set(df, x2[column]), f2);
        f3 = hn::MulAdd(w, hn::Set(df, x3[column]), f3);
      }
    }
    hn::StoreU(f0, df, out + r);
    if (tokens > 1) hn::StoreU(f1, df, out + kBlockRows + r);
    if (tokens > 2) hn::StoreU(f2, df, out + 2 * kBlockRows + r);
    if (tokens > 3) hn::StoreU(f3, df, out + 3 * kBlockRows + r);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_TILE_INL_H_
