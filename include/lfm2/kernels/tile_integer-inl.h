// Tiles of quantised weights over the hooks of dot-inl.h: one function for each type. `stream`: the weights come from
// memory, not from a cache that an earlier tile filled. That is so for a tile of one or two tokens, which is always the
// first, and the loop then needs no branch.
#if defined(LFM2_KERNELS_TILE_INTEGER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_TILE_INTEGER_INL_H_
#undef LFM2_KERNELS_TILE_INTEGER_INL_H_
#else
#define LFM2_KERNELS_TILE_INTEGER_INL_H_
#endif

#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Asks for weights that the loop reaches some groups later. To the second-level cache: measured against asking for the
// first level, whose few outstanding requests then limit a core, 1.0 instead of .85 of the speed of just reading.
HWY_INLINE void PrefetchAhead(const uint8_t* group, size_t bytes) {
  constexpr size_t kAhead = 4096, kLine = 64;
  HWY_UNROLL(16)
  for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(group + kAhead + i, 0, 2);
}

// Has R row vectors of weights loaded here and not one by one where they are used, so that GCC loads them in pairs.
template <uint32_t R>
HWY_INLINE void LoadTogether(VU8 v0, VU8 v1, VU8 v2, VU8 v3) {
#if HWY_TARGET_IS_NEON
  if constexpr (R == 4) __asm__ volatile("" : : "w"(v0.raw), "w"(v1.raw), "w"(v2.raw), "w"(v3.raw));
#else
  static_cast<void>(v0), static_cast<void>(v1), static_cast<void>(v2), static_cast<void>(v3);
#endif
}

// Row vector V of R, converted from halves. NEON loads two at once.
template <size_t V, size_t R>
HWY_INLINE VF LoadScale(const uint16_t* p) {
  constexpr size_t kVector = V < R ? V : 0;
#if HWY_TARGET_IS_NEON && HWY_ARCH_ARM_A64
  if constexpr (R == 4) {
    const float16x8_t pair = vreinterpretq_f16_u16(vld1q_u16(p + kVector / 2 * 8));
    return VF(kVector % 2 == 0 ? vcvt_f32_f16(vget_low_f16(pair)) : vcvt_high_f32_f16(pair));
  }
#endif
  return LoadF16(p + kVector * hn::Lanes(DF()));
}

// weights: groups of BlockQ4_0.
struct RowsQ4_0 {
  template <uint32_t T, uint32_t R>
  static LFM2_INLINE_RUN void Run(size_t r, const uint8_t* HWY_RESTRICT block, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream, float* HWY_RESTRICT out) {
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    const VU8 low_mask = hn::Set(du8, uint8_t{15});
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (const uint8_t* end = block + groups * sizeof(BlockQ4_0); block != end;
         block += sizeof(BlockQ4_0), panel += T * kPanelGroupBytes) {
      if (stream && r == 0) PrefetchAhead(block, sizeof(BlockQ4_0));
      const PanelGroup p(panel, T);
      Sum4 a0, a1, a2, a3, a4, a5, a6, a7;
#define LFM2_BYTES(v) hn::LoadU(du8, block + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_LOW(v) hn::And(bytes##v, low_mask)
#define LFM2_HIGH(v) hn::ShiftRight<4>(bytes##v)
#define LFM2_DOT_LOW(k)                                                                  \
  if constexpr (k < T * R && q == 0) {                                                   \
    a##k = BeginSum4<k / R>(LFM2_PICK(k, low), p.quads, BroadcastI32<k / R, T>(p.bias)); \
  } else if constexpr (k < T * R) {                                                      \
    a##k = DotQuad4<q * T + k / R>(a##k, LFM2_PICK(k, low), p.quads);                    \
  }
#define LFM2_DOT_HIGH(k)                                                     \
  if constexpr (k < T * R) {                                                 \
    a##k = DotQuad4<(q + 4) * T + k / R>(a##k, LFM2_PICK(k, high), p.quads); \
    Pin(a##k);                                                               \
  }
#define LFM2_QUADS(number)            \
  {                                   \
    constexpr size_t q = number;      \
    LFM2_ROWS(VU8, bytes, LFM2_BYTES) \
    LFM2_ROWS(VU8, low, LFM2_LOW)     \
    LFM2_ROWS(VU8, high, LFM2_HIGH)   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_LOW)  \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_HIGH) \
  }
      LFM2_QUADS(0)
      LFM2_QUADS(1)
      LFM2_QUADS(2)
      LFM2_QUADS(3)
#define LFM2_SCALE(v) LoadScale<v, R>(reinterpret_cast<const BlockQ4_0*>(block)->scale + r)
      LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                     \
  if constexpr (k < T * R) {                                                            \
    const VF dot = hn::ConvertTo(df, EndSum4(a##k, BroadcastI32<k / R, T>(p.bias)));    \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k); \
  }
      LFM2_FOR_EACH_SLOT(LFM2_ADD)
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_BYTES
#undef LFM2_LOW
#undef LFM2_HIGH
#undef LFM2_DOT_LOW
#undef LFM2_DOT_HIGH
#undef LFM2_QUADS
#undef LFM2_SCALE
#undef LFM2_ADD
  }
};

template <uint32_t T>
void TileQ4_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunRows<RowsQ4_0, T, kSlots4>(weights, groups, panel, T <= 2 || stream, out);
}

// weights: groups of BlockQ8_0.
struct RowsQ8_0 {
  template <uint32_t T, uint32_t R>
  static LFM2_INLINE_RUN void Run(size_t r, const uint8_t* HWY_RESTRICT block, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream, float* HWY_RESTRICT out) {
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (const uint8_t* end = block + groups * sizeof(BlockQ8_0); block != end;
         block += sizeof(BlockQ8_0), panel += T * kPanelGroupBytes) {
      if (stream && r == 0) PrefetchAhead(block, sizeof(BlockQ8_0));
      const PanelGroup p(panel, T);
#define LFM2_BEGIN(k) Sum8 a##k = BeginSum8(BroadcastI32<LFM2_TOKEN(k), T>(p.bias));
      LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) hn::LoadU(du8, block + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_SECOND(v) hn::LoadU(du8, block + (q + 1) * 64 + LFM2_ROW(v) * 4)
#define LFM2_DOT_FIRST(k) \
  if constexpr (k < T * R) a##k = DotFirst8<q * T + k / R>(a##k, LFM2_PICK(k, first), p.quads);
#define LFM2_DOT_SECOND(k)                                                                                           \
  if constexpr (k < T * R) {                                                                                         \
    a##k =                                                                                                           \
        DotSecond8<T, q * T + k / R, (q + 1) * T + k / R>(a##k, LFM2_PICK(k, first), LFM2_PICK(k, second), p.quads); \
    Pin(a##k);                                                                                                       \
  }
#define LFM2_QUADS(number)                               \
  {                                                      \
    constexpr size_t q = number;                         \
    LFM2_ROWS(VU8, first, LFM2_FIRST)                    \
    LoadTogether<R>(first0, first1, first2, first3);     \
    LFM2_ROWS(VU8, second, LFM2_SECOND)                  \
    LoadTogether<R>(second0, second1, second2, second3); \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_FIRST)                   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_SECOND)                  \
  }
      LFM2_QUADS(0)
      LFM2_QUADS(2)
      LFM2_QUADS(4)
      LFM2_QUADS(6)
#define LFM2_SCALE(v) LoadScale<v, R>(reinterpret_cast<const BlockQ8_0*>(block)->scale + r)
      LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                     \
  if constexpr (k < T * R) {                                                            \
    const VF dot = hn::ConvertTo(df, EndSum8(a##k));                                    \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k); \
  }
      LFM2_FOR_EACH_SLOT(LFM2_ADD)
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_BEGIN
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_DOT_FIRST
#undef LFM2_DOT_SECOND
#undef LFM2_QUADS
#undef LFM2_SCALE
#undef LFM2_ADD
  }
};

template <uint32_t T>
void TileQ8_0(const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunRows<RowsQ8_0, T, kSlots8>(weights, groups, panel, T <= 2 || stream, out);
}

// 6-bit weights of bits 0..3 and those of `bits` that are in their place, 4 and 5.
HWY_INLINE VU8 Join6(VU8 nibbles, VU8 bits) {
  const VU8 mask = hn::Set(DU8(), uint8_t{0x30});
#if HWY_TARGET_IS_NEON
  return VU8(vbslq_u8(mask.raw, bits.raw, nibbles.raw));
#else
  return hn::Or(nibbles, hn::And(bits, mask));
#endif
}

// Row vector V of R of the scales of half a group, and both halves' sums times theirs. That is an integer below 2^24,
// exact as a float too: the better way where integers of 32 bits multiply slowly, as on x86.
#if HWY_ARCH_ARM
using Scale6 = VI32;
#else
using Scale6 = VF;
#endif
template <size_t V, size_t R>
HWY_INLINE Scale6 LoadScale6(const int8_t* p) {
  constexpr size_t kVector = V < R ? V : 0;
#if HWY_TARGET_IS_NEON
  if constexpr (R % 2 == 0) {
    const int16x8_t pair = vmovl_s8(vld1_s8(p + kVector / 2 * 8));
    return VI32(vmovl_s16(kVector % 2 == 0 ? vget_low_s16(pair) : vget_high_s16(pair)));
  }
#endif
  const VI32 scale = hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DI32>(), p + kVector * hn::Lanes(DF())));
#if HWY_ARCH_ARM
  return scale;
#else
  return hn::ConvertTo(DF(), scale);
#endif
}
HWY_INLINE VF AddHalves(VI32 low, Scale6 low_scale, VI32 high, Scale6 high_scale) {
#if HWY_ARCH_ARM
  return hn::ConvertTo(DF(), hn::MulAdd(low, low_scale, hn::Mul(high, high_scale)));
#else
  const DF df;
  return hn::MulAdd(hn::ConvertTo(df, low), low_scale, hn::Mul(hn::ConvertTo(df, high), high_scale));
#endif
}

// weights: groups / 8 of BlockQ6_K. Each half of a group has its own sum, for it has its own scale.
struct RowsQ6_K {
  template <uint32_t T, uint32_t R>
  static LFM2_INLINE_RUN void Run(size_t r, const uint8_t* HWY_RESTRICT weights, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream, float* HWY_RESTRICT out) {
    const DF df;
    const DU8 du8;
    const hn::Repartition<uint16_t, DU8> du16;
    const size_t lanes = hn::Lanes(df);
    const VU8 low_mask = hn::Set(du8, uint8_t{15});
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (const BlockQ6_K *block = reinterpret_cast<const BlockQ6_K*>(weights), *end = block + groups / 8; block != end;
         ++block) {
      for (const GroupQ6_K& group : block->groups) {
        if (stream && r == 0) PrefetchAhead(group.low, sizeof(GroupQ6_K));
        const PanelGroup p(panel, T);
#define LFM2_BEGIN(k)                                                  \
  const VI32 low_bias##k = BroadcastI32<LFM2_TOKEN(k), T>(p.bias_low); \
  Sum6 a##k = BeginSum6<(T <= R)>(low_bias##k);                        \
  Sum6 b##k = BeginSum6<(T <= R)>(hn::Sub(BroadcastI32<LFM2_TOKEN(k), T>(p.bias), low_bias##k));
        LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) hn::LoadU(du8, group.low + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_SECOND(v) hn::LoadU(du8, group.low + (q + 1) * 64 + LFM2_ROW(v) * 4)
// Shifts of 16-bit lanes: the mask drops the bits that cross from byte to byte.
#define LFM2_BITS(v) hn::BitCast(du16, hn::LoadU(du8, group.high + q * 32 + LFM2_ROW(v) * 4))
#define LFM2_JOIN(nibbles, bits) Weights6<(T <= R)>(Join6(nibbles, hn::BitCast(du8, bits)))
#define LFM2_LOW_FIRST(v) LFM2_JOIN(hn::And(first##v, low_mask), hn::ShiftLeft<4>(bits##v))
#define LFM2_LOW_SECOND(v) LFM2_JOIN(hn::And(second##v, low_mask), bits##v)
#define LFM2_HIGH_FIRST(v) LFM2_JOIN(hn::ShiftRight<4>(first##v), hn::ShiftLeft<2>(bits##v))
#define LFM2_HIGH_SECOND(v) LFM2_JOIN(hn::ShiftRight<4>(second##v), hn::ShiftRight<2>(bits##v))
#define LFM2_DOT_LOW(k)                                                                                          \
  if constexpr (k < T * R) {                                                                                     \
    a##k = DotPair6<q * T + k / R, (q + 1) * T + k / R>(a##k, LFM2_PICK(k, low_first), LFM2_PICK(k, low_second), \
                                                        p.quads);                                                \
    Pin(a##k);                                                                                                   \
  }
#define LFM2_DOT_HIGH(k)                                                                           \
  if constexpr (k < T * R) {                                                                       \
    b##k = DotPair6<(q + 4) * T + k / R, (q + 5) * T + k / R>(b##k, LFM2_PICK(k, high_first),      \
                                                              LFM2_PICK(k, high_second), p.quads); \
    Pin(b##k);                                                                                     \
  }
#define LFM2_QUADS(number)                        \
  {                                               \
    constexpr size_t q = number;                  \
    LFM2_ROWS(VU8, first, LFM2_FIRST)             \
    LFM2_ROWS(VU8, second, LFM2_SECOND)           \
    LFM2_ROWS(auto, bits, LFM2_BITS)              \
    LFM2_ROWS(VU8, low_first, LFM2_LOW_FIRST)     \
    LFM2_ROWS(VU8, low_second, LFM2_LOW_SECOND)   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_LOW)              \
    LFM2_ROWS(VU8, high_first, LFM2_HIGH_FIRST)   \
    LFM2_ROWS(VU8, high_second, LFM2_HIGH_SECOND) \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_HIGH)             \
  }
        LFM2_QUADS(0)
        LFM2_QUADS(2)
#define LFM2_LOW_SCALE(v) LoadScale6<v, R>(group.scale[0] + r)
#define LFM2_HIGH_SCALE(v) LoadScale6<v, R>(group.scale[1] + r)
#define LFM2_DELTA(v) LoadScale<v, R>(block->delta + r)
        LFM2_ROWS(Scale6, low_scale, LFM2_LOW_SCALE)
        LFM2_ROWS(Scale6, high_scale, LFM2_HIGH_SCALE)
        LFM2_ROWS(VF, delta, LFM2_DELTA)
#define LFM2_ADD(k)                                                                                            \
  if constexpr (k < T * R) {                                                                                   \
    const VF dot = AddHalves(EndSum6(a##k), LFM2_PICK(k, low_scale), EndSum6(b##k), LFM2_PICK(k, high_scale)); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, delta), p.scale), f##k);                        \
  }
        LFM2_FOR_EACH_SLOT(LFM2_ADD)
        panel += T * kPanelGroupBytes;
      }
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_BEGIN
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_BITS
#undef LFM2_JOIN
#undef LFM2_LOW_FIRST
#undef LFM2_LOW_SECOND
#undef LFM2_HIGH_FIRST
#undef LFM2_HIGH_SECOND
#undef LFM2_DOT_LOW
#undef LFM2_DOT_HIGH
#undef LFM2_QUADS
#undef LFM2_LOW_SCALE
#undef LFM2_HIGH_SCALE
#undef LFM2_DELTA
#undef LFM2_ADD
  }
};

template <uint32_t T>
void TileQ6_K(const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunRows<RowsQ6_K, T, kSlots6>(weights, groups, panel, T <= 2 || stream, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_INTEGER_INL_H_
