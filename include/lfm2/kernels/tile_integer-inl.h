// Tiles of quantised weights over the hooks of dot-inl.h: one function for each type. `stream`: the weights come from
// memory, not from a cache that an earlier tile filled.
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

// weights: groups of BlockQ4_0.
struct RowsQ4_0 {
  template <uint32_t T, uint32_t R>
  static void Run(size_t r, const uint8_t* HWY_RESTRICT block, size_t groups, const uint8_t* HWY_RESTRICT panel,
                  bool stream, float* HWY_RESTRICT out) {
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    const VU8 low_mask = hn::Set(du8, uint8_t{15});
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, block += sizeof(BlockQ4_0), panel += T * kPanelGroupBytes) {
      const PanelGroup p(panel, T);
      if (stream && r == 0) PrefetchAhead(block, sizeof(BlockQ4_0));
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
#define LFM2_SCALE(v) LoadF16(reinterpret_cast<const BlockQ4_0*>(block)->scale + LFM2_ROW(v))
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
  RunRows<RowsQ4_0, T, kSlots4>(weights, groups, panel, stream, out);
}

// weights: groups of BlockQ8_0.
struct RowsQ8_0 {
  template <uint32_t T, uint32_t R>
  static void Run(size_t r, const uint8_t* HWY_RESTRICT block, size_t groups, const uint8_t* HWY_RESTRICT panel,
                  bool stream, float* HWY_RESTRICT out) {
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, block += sizeof(BlockQ8_0), panel += T * kPanelGroupBytes) {
      const PanelGroup p(panel, T);
      if (stream && r == 0) PrefetchAhead(block, sizeof(BlockQ8_0));
#define LFM2_BEGIN(k) Sum8 a##k = BeginSum8(BroadcastI32<LFM2_TOKEN(k), T>(p.bias));
      LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) hn::LoadU(du8, block + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_SECOND(v) hn::LoadU(du8, block + (q + 1) * 64 + LFM2_ROW(v) * 4)
#define LFM2_DOT_FIRST(k) \
  if constexpr (k < T * R) a##k = DotFirst8<q * T + k / R>(a##k, LFM2_PICK(k, first), p.quads);
#define LFM2_DOT_SECOND(k)                                                                                           \
  if constexpr (k < T * R) {                                                                                         \
    a##k = DotSecond8<q * T + k / R, (q + 1) * T + k / R>(a##k, LFM2_PICK(k, first), LFM2_PICK(k, second), p.quads); \
    Pin(a##k);                                                                                                       \
  }
#define LFM2_QUADS(number)              \
  {                                     \
    constexpr size_t q = number;        \
    LFM2_ROWS(VU8, first, LFM2_FIRST)   \
    LFM2_ROWS(VU8, second, LFM2_SECOND) \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_FIRST)  \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_SECOND) \
  }
      LFM2_QUADS(0)
      LFM2_QUADS(2)
      LFM2_QUADS(4)
      LFM2_QUADS(6)
#define LFM2_SCALE(v) LoadF16(reinterpret_cast<const BlockQ8_0*>(block)->scale + LFM2_ROW(v))
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
  RunRows<RowsQ8_0, T, kSlots8>(weights, groups, panel, stream, out);
}

// The scales of half a group, and both halves' sums times theirs. That is an integer below 2^24, exact as a float too:
// the better way where integers of 32 bits multiply slowly, as on x86.
#if HWY_ARCH_ARM
using Scale6 = VI32;
HWY_INLINE Scale6 LoadScale6(const int8_t* p) {
  return hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DI32>(), p));
}
HWY_INLINE VF AddHalves(VI32 low, Scale6 low_scale, VI32 high, Scale6 high_scale) {
  return hn::ConvertTo(DF(), hn::MulAdd(low, low_scale, hn::Mul(high, high_scale)));
}
#else
using Scale6 = VF;
HWY_INLINE Scale6 LoadScale6(const int8_t* p) {
  return hn::ConvertTo(DF(), hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DI32>(), p)));
}
HWY_INLINE VF AddHalves(VI32 low, Scale6 low_scale, VI32 high, Scale6 high_scale) {
  const DF df;
  return hn::MulAdd(hn::ConvertTo(df, low), low_scale, hn::Mul(hn::ConvertTo(df, high), high_scale));
}
#endif

// weights: groups / 8 of BlockQ6_K. Each half of a group has its own sum, for it has its own scale.
struct RowsQ6_K {
  template <uint32_t T, uint32_t R>
  static void Run(size_t r, const uint8_t* HWY_RESTRICT weights, size_t groups, const uint8_t* HWY_RESTRICT panel,
                  bool stream, float* HWY_RESTRICT out) {
    const DF df;
    const DU8 du8;
    const hn::Repartition<uint16_t, DU8> du16;
    const size_t lanes = hn::Lanes(df);
    const VU8 low_mask = hn::Set(du8, uint8_t{15});
    const VU8 high_mask = hn::Set(du8, uint8_t{0x30});
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, panel += T * kPanelGroupBytes) {
      const BlockQ6_K& block = reinterpret_cast<const BlockQ6_K*>(weights)[g / 8];
      const GroupQ6_K& group = block.groups[g % 8];
      const PanelGroup p(panel, T);
      if (stream && r == 0) PrefetchAhead(group.low, sizeof(GroupQ6_K));
#define LFM2_BEGIN(k)                                                  \
  const VI32 low_bias##k = BroadcastI32<LFM2_TOKEN(k), T>(p.bias_low); \
  Sum6 a##k = BeginSum6(low_bias##k);                                  \
  Sum6 b##k = BeginSum6(hn::Sub(BroadcastI32<LFM2_TOKEN(k), T>(p.bias), low_bias##k));
      LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) hn::LoadU(du8, group.low + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_SECOND(v) hn::LoadU(du8, group.low + (q + 1) * 64 + LFM2_ROW(v) * 4)
// Shifts of 16-bit lanes: the mask drops the bits that cross from byte to byte.
#define LFM2_BITS(v) hn::BitCast(du16, hn::LoadU(du8, group.high + q * 32 + LFM2_ROW(v) * 4))
#define LFM2_JOIN(nibbles, bits) Weights6(hn::Or(nibbles, hn::And(hn::BitCast(du8, bits), high_mask)))
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
#define LFM2_LOW_SCALE(v) LoadScale6(group.scale[0] + LFM2_ROW(v))
#define LFM2_HIGH_SCALE(v) LoadScale6(group.scale[1] + LFM2_ROW(v))
#define LFM2_DELTA(v) LoadF16(block.delta + LFM2_ROW(v))
      LFM2_ROWS(Scale6, low_scale, LFM2_LOW_SCALE)
      LFM2_ROWS(Scale6, high_scale, LFM2_HIGH_SCALE)
      LFM2_ROWS(VF, delta, LFM2_DELTA)
#define LFM2_ADD(k)                                                                                            \
  if constexpr (k < T * R) {                                                                                   \
    const VF dot = AddHalves(EndSum6(a##k), LFM2_PICK(k, low_scale), EndSum6(b##k), LFM2_PICK(k, high_scale)); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, delta), p.scale), f##k);                        \
  }
      LFM2_FOR_EACH_SLOT(LFM2_ADD)
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
  RunRows<RowsQ6_K, T, kSlots6>(weights, groups, panel, stream, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_INTEGER_INL_H_
