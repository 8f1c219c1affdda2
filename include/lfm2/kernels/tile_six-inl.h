// Tiles of weights of five and six bits, and of MXFP4: small enough for two quads at a time, too large for a group.
#if defined(LFM2_KERNELS_TILE_SIX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_TILE_SIX_INL_H_
#undef LFM2_KERNELS_TILE_SIX_INL_H_
#else
#define LFM2_KERNELS_TILE_SIX_INL_H_
#endif

#include "lfm2/kernels/tile_integer-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Nibbles in bits 0..3 and those of `bits` that `mask` says.
HWY_INLINE VU8 JoinBits(VU8 nibbles, VU8 bits, uint8_t mask) {
  const VU8 mask_v = hn::Set(DU8(), mask);
#if HWY_TARGET_IS_NEON
  return VU8(vbslq_u8(mask_v.raw, bits.raw, nibbles.raw));
#else
  return hn::Or(nibbles, hn::And(bits, mask_v));
#endif
}

// By kLeft to the left, or to the right. Shifts of 16-bit lanes: a mask drops the bits that cross from byte to byte.
template <int kLeft>
HWY_INLINE VU8 ShiftBits(VU8 v) {
  const hn::Repartition<uint16_t, DU8> du16;
  if constexpr (kLeft > 0) return hn::BitCast(DU8(), hn::ShiftLeft<kLeft>(hn::BitCast(du16, v)));
  if constexpr (kLeft < 0) return hn::BitCast(DU8(), hn::ShiftRight<-kLeft>(hn::BitCast(du16, v)));
  return v;
}

// The bits beside the nibbles of quads q, q + 1, q + 4 and q + 5, q even, of rows that begin at `row`.
template <Integers kind, size_t q>
HWY_INLINE VU8 UpperBits(const uint8_t* data, size_t row) {
  if constexpr (kind == Integers::kSix) return hn::LoadU(DU8(), data + 256 + q * 32 + row);
  if constexpr (kind == Integers::kFive) return hn::LoadU(DU8(), data + 256 + row);
  return hn::Zero(DU8());  // MXFP4 has none
}

// Weights of a quad, 0..7, each as what it is 32 too large for: its integer, that of five bits plus 16, MXFP4's
// plus 32.
template <Integers kind, size_t quad>
HWY_INLINE VU8 SixBits(VU8 nibbles, VU8 upper, VU8 table) {
  const VU8 own = quad < 4 ? hn::And(nibbles, hn::Set(DU8(), uint8_t{15})) : hn::ShiftRight<4>(nibbles);
  if constexpr (kind == Integers::kMxfp4) return hn::TableLookupBytes(table, own);
  if constexpr (kind == Integers::kFive) {
    const VU8 bits = JoinBits(own, ShiftBits<4 - static_cast<int>(quad)>(upper), 0x10);
    return hn::Add(bits, hn::Set(DU8(), uint8_t{16}));
  }
  constexpr int kPlace = 4 * (quad % 2) + 2 * (quad / 4);
  return JoinBits(own, ShiftBits<4 - kPlace>(upper), 0x30);
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

// Integers::kFive, kSix and kMxfp4. weights: blocks of groups / kGroups. The halves of a group have a sum each where
// they have a scale each, or where one sum could not hold both.
template <class Format>
struct RowsOfSix {
  template <uint32_t T, uint32_t R>
  static LFM2_INLINE_RUN void Run(size_t r, const uint8_t* HWY_RESTRICT weights, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream, float* HWY_RESTRICT out) {
    using Block = typename Format::Block;
    constexpr Integers kKind = Format::kIntegers;
    constexpr bool kTwoScales = std::is_same_v<Format, FormatQ6_K>;
    constexpr bool kTwoSums = kTwoScales || !kSum6HoldsGroup;
    static constexpr ValueTable<Integers::kMxfp4> kValues(32);
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    const VU8 table = hn::LoadDup128(du8, kValues.bytes);
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    const Block* block = reinterpret_cast<const Block*>(weights);
    for (const Block* end = block + groups / Format::kGroups; block != end; ++block) {
      for (uint32_t g = 0; g < Format::kGroups; ++g, panel += T * kPanelGroupBytes) {
        const uint8_t* const data = Format::Data(*block, g);
        if (stream && r == 0) PrefetchAhead(data, kGroupBytes<Format>);
        const PanelGroup p(panel, T);
#define LFM2_BEGIN(k)                                                                        \
  const VI32 first_bias##k = BroadcastI32<LFM2_TOKEN(k), T>(kTwoSums ? p.bias_low : p.bias); \
  Sum6 a##k = BeginSum6<(T <= R)>(first_bias##k);                                            \
  [[maybe_unused]] Sum6 b##k = BeginSum6<(T <= R)>(hn::Sub(BroadcastI32<LFM2_TOKEN(k), T>(p.bias), first_bias##k));
        LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) hn::LoadU(du8, data + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_SECOND(v) hn::LoadU(du8, data + (q + 1) * 64 + LFM2_ROW(v) * 4)
#define LFM2_UPPER(v) UpperBits<kKind, q>(data, LFM2_ROW(v) * 4)
#define LFM2_LOW_FIRST(v) Weights6<(T <= R)>(SixBits<kKind, q>(first##v, upper##v, table))
#define LFM2_LOW_SECOND(v) Weights6<(T <= R)>(SixBits<kKind, q + 1>(second##v, upper##v, table))
#define LFM2_HIGH_FIRST(v) Weights6<(T <= R)>(SixBits<kKind, q + 4>(first##v, upper##v, table))
#define LFM2_HIGH_SECOND(v) Weights6<(T <= R)>(SixBits<kKind, q + 5>(second##v, upper##v, table))
#define LFM2_DOT_LOW(k)                                                                                          \
  if constexpr (k < T * R) {                                                                                     \
    a##k = DotPair6<q * T + k / R, (q + 1) * T + k / R>(a##k, LFM2_PICK(k, low_first), LFM2_PICK(k, low_second), \
                                                        p.quads);                                                \
    Pin(a##k);                                                                                                   \
  }
#define LFM2_DOT_HIGH_OF(k, sum)                                                                                     \
  sum = DotPair6<(q + 4) * T + k / R, (q + 5) * T + k / R>(sum, LFM2_PICK(k, high_first), LFM2_PICK(k, high_second), \
                                                           p.quads);                                                 \
  Pin(sum);
#define LFM2_DOT_HIGH(k)                 \
  if constexpr (k < T * R && kTwoSums) { \
    LFM2_DOT_HIGH_OF(k, b##k)            \
  } else if constexpr (k < T * R) {      \
    LFM2_DOT_HIGH_OF(k, a##k)            \
  }
#define LFM2_QUADS(number)                        \
  {                                               \
    constexpr size_t q = number;                  \
    LFM2_ROWS(VU8, first, LFM2_FIRST)             \
    LFM2_ROWS(VU8, second, LFM2_SECOND)           \
    LFM2_ROWS(VU8, upper, LFM2_UPPER)             \
    LFM2_ROWS(VU8, low_first, LFM2_LOW_FIRST)     \
    LFM2_ROWS(VU8, low_second, LFM2_LOW_SECOND)   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_LOW)              \
    LFM2_ROWS(VU8, high_first, LFM2_HIGH_FIRST)   \
    LFM2_ROWS(VU8, high_second, LFM2_HIGH_SECOND) \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_HIGH)             \
  }
        LFM2_QUADS(0)
        LFM2_QUADS(2)
        if constexpr (kTwoScales) {
#define LFM2_LOW_SCALE(v) LoadScale6<v, R>(block->groups[g].scale[0] + r)
#define LFM2_HIGH_SCALE(v) LoadScale6<v, R>(block->groups[g].scale[1] + r)
#define LFM2_DELTA(v) LoadScale<v, R>(block->delta + r)
          LFM2_ROWS(Scale6, low_scale, LFM2_LOW_SCALE)
          LFM2_ROWS(Scale6, high_scale, LFM2_HIGH_SCALE)
          LFM2_ROWS(VF, delta, LFM2_DELTA)
#define LFM2_ADD_HALVES(k)                                                                                     \
  if constexpr (k < T * R) {                                                                                   \
    const VF dot = AddHalves(EndSum6(a##k), LFM2_PICK(k, low_scale), EndSum6(b##k), LFM2_PICK(k, high_scale)); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, delta), p.scale), f##k);                        \
  }
          LFM2_FOR_EACH_SLOT(LFM2_ADD_HALVES)
        } else {
#define LFM2_SCALE(v) Scales<Format>::template Scale<v, R>(*block, g, r)
          LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                     \
  if constexpr (k < T * R) {                                                            \
    VI32 sum = EndSum6(a##k);                                                           \
    if constexpr (kTwoSums) sum = hn::Add(sum, EndSum6(b##k));                          \
    const VF dot = hn::ConvertTo(df, sum);                                              \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k); \
  }
          LFM2_FOR_EACH_SLOT(LFM2_ADD)
          if constexpr (kHasOffset<Format>) {
#define LFM2_OFFSET(v) Scales<Format>::template Offset<v, R>(*block, g, r, scale##v)
            LFM2_ROWS(VF, offset, LFM2_OFFSET)
            LFM2_FOR_EACH_SLOT(LFM2_ADD_OFFSET)
          }
        }
      }
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_BEGIN
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_UPPER
#undef LFM2_LOW_FIRST
#undef LFM2_LOW_SECOND
#undef LFM2_HIGH_FIRST
#undef LFM2_HIGH_SECOND
#undef LFM2_DOT_LOW
#undef LFM2_DOT_HIGH
#undef LFM2_DOT_HIGH_OF
#undef LFM2_QUADS
#undef LFM2_LOW_SCALE
#undef LFM2_HIGH_SCALE
#undef LFM2_DELTA
#undef LFM2_ADD_HALVES
#undef LFM2_SCALE
#undef LFM2_ADD
#undef LFM2_OFFSET
  }
};

template <class Format, uint32_t T>
void TileOfSix(const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunRows<RowsOfSix<Format>, T, kSlots6>(weights, groups, panel, T <= 2 || stream, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_SIX_INL_H_
