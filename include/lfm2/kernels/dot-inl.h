// Products of rows of 8-bit weights and quads of 8-bit activations. Of the tiles, only this file differs between
// instruction sets.
#if defined(LFM2_KERNELS_DOT_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_DOT_INL_H_
#undef LFM2_KERNELS_DOT_INL_H_
#else
#define LFM2_KERNELS_DOT_INL_H_
#endif

#include "lfm2/kernels/panel_lanes-inl.h"

// How a set multiplies bytes:
//   LFM2_DOT_PAIRS  x86 without VNNI: unsigned by signed bytes, products added in pairs, 16 bits
//   LFM2_DOT_WIDEN  NEON without dot products, RVV: signed bytes, 16 bits
//   neither         four products added to 32 bits
//   LFM2_DOT_MATRIX in addition to the last: matrices of 2 x 8 and 8 x 2 bytes, 32 bits
#undef LFM2_DOT_PAIRS
#undef LFM2_DOT_WIDEN
#undef LFM2_DOT_MATRIX
#undef LFM2_PIN
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3_DL && !(HWY_TARGET == HWY_AVX2 && LFM2_HAVE_AVX_VNNI)
#define LFM2_DOT_PAIRS 1
#else
#define LFM2_DOT_PAIRS 0
#endif
#if HWY_TARGET == HWY_RVV || (HWY_TARGET_IS_NEON && !LFM2_HAVE_DOTPROD)
#define LFM2_DOT_WIDEN 1
#else
#define LFM2_DOT_WIDEN 0
#endif
#define LFM2_DOT_MATRIX LFM2_HAVE_I8MM

// Keeps a sum in a register and its additions in the order of the source: compilers otherwise reassociate them into a
// tree, or compute one sum after another, and run out of registers (measured for AVX2: GCC, 4-bit weights 84 -> 126
// GMAC/s; clang, 8-bit weights 32 -> 58).
#if LFM2_DOT_PAIRS && HWY_TARGET <= HWY_AVX3
#define LFM2_PIN(v) __asm__("" : "+v"((v).raw))
#elif HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
#define LFM2_PIN(v) __asm__("" : "+x"((v).raw))
#elif HWY_TARGET_IS_NEON
#define LFM2_PIN(v) __asm__ volatile("" : "+w"((v).raw))
#elif HWY_TARGET_IS_SVE
#define LFM2_PIN(v) __asm__ volatile("" : "+w"(v))
#else
#define LFM2_PIN(v) static_cast<void>(v)
#endif

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// A vector of weights holds 4 columns of Lanes(DI32) rows. One token's activations of these columns are a quad; quad I
// of a group lies at quads + 4 * I. Sums have one row in each lane. Their types depend on the weights, because products
// of small ones can be added in 16 bits:
//   Sum4  over the 8 quads of a group, weights of 0..15 less 8: BeginSum4 takes the first quad, DotQuad4 the others; or
//         DotQuad4 all of them, after ZeroSum4; less 2 or 4 where minus_eight_sum is a quarter or half of it
//   Sum8  over the 8 quads of a group, weights of -128..127: DotFirst8 and DotSecond8 alternately, for one of T
//         tokens, or DotPair8. kLifted (DotPair8: always): kTableLift8 has been added to the weights, which are from a
//         table
//   Sum6  over half a group, or all of it where kSum6HoldsGroup; weights of 0..63 less 32, which Weights6 returned,
//         or from a table plus kTableLift6: two quads at a time. kFewTokens: no more tokens than row vectors, never
//         with a table
//   Sum5  LFM2_DOT_PAIRS only, over all of a group: weights of a table of -16..15 plus kTableLift5; two quads at a
//         time, every second time with kLast
// minus_eight_sum is -8 * the sum of these activations.
using DI16 = hn::Repartition<int16_t, DI32>;
using VI16 = hn::Vec<DI16>;
inline constexpr bool kSum6HoldsGroup = LFM2_DOT_WIDEN == 0;

#if LFM2_DOT_PAIRS

HWY_INLINE VI32 Widen(VI16 pairs) { return hn::WidenMulPairwiseAdd(DI32(), pairs, hn::Set(DI16(), int16_t{1})); }

HWY_INLINE void Pin(VI16& sum) { LFM2_PIN(sum); }
HWY_INLINE void Pin(VI32& sum) { LFM2_PIN(sum); }

// Eight quads of 0..15 x -127..127 stay within 16 bits: they are widened once for each group, not for each quad.
using Sum4 = VI16;
template <size_t I>
HWY_INLINE Sum4 BeginSum4(VU8 w, const uint8_t* quads, VI32 /*minus_eight_sum*/) {
  return hn::SatWidenMulPairwiseAdd(DI16(), w, BroadcastQuad<I>(quads));
}
template <size_t I>
HWY_INLINE Sum4 DotQuad4(Sum4 sum, VU8 w, const uint8_t* quads) {
  sum = hn::Add(sum, hn::SatWidenMulPairwiseAdd(DI16(), w, BroadcastQuad<I>(quads)));
  LFM2_PIN(sum);
  return sum;
}
HWY_INLINE Sum4 ZeroSum4(VI32 /*minus_eight_sum*/) { return hn::Zero(DI16()); }
HWY_INLINE VI32 EndSum4(Sum4 sum, VI32 minus_eight_sum) { return hn::Add(Widen(sum), minus_eight_sum); }

// |w| times x with the sign of w: the instruction requires one unsigned factor. 2 x 128 x 127 fits into 16 bits.
using Sum8 = VI32;
inline constexpr int kTableLift8 = 0;
HWY_INLINE Sum8 BeginSum8(VI32 /*minus_eight_sum*/) { return hn::Zero(DI32()); }
template <size_t I, bool kLifted>
HWY_INLINE Sum8 DotFirst8(Sum8 sum, VU8 w, const uint8_t* quads) {
  const VU8 magnitude = hn::BitCast(DU8(), hn::Abs(AsSigned(w)));
  const VI8 x = hn::IfNegativeThenNegOrUndefIfZero(AsSigned(w), BroadcastQuad<I>(quads));
  return hn::Add(sum, Widen(hn::SatWidenMulPairwiseAdd(DI16(), magnitude, x)));
}

// Two quads of 0..63 x -127..127 stay within 16 bits.
using Sum6 = VI32;
inline constexpr int kTableLift6 = 32;
template <bool kFewTokens>
HWY_INLINE VU8 Weights6(VU8 w) {
  return w;
}
template <bool kFewTokens>
HWY_INLINE Sum6 BeginSum6(VI32 minus_eight_sum) {
  return hn::ShiftLeft<2>(minus_eight_sum);
}
template <size_t I, size_t J>
HWY_INLINE VI16 ProductsOfPair(VU8 w_i, VU8 w_j, const uint8_t* quads) {
  const VI16 i = hn::SatWidenMulPairwiseAdd(DI16(), w_i, BroadcastQuad<I>(quads));
  const VI16 j = hn::SatWidenMulPairwiseAdd(DI16(), w_j, BroadcastQuad<J>(quads));
  return hn::Add(i, j);
}
template <size_t I, size_t J>
HWY_INLINE Sum6 DotPair6(Sum6 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  return hn::Add(sum, Widen(ProductsOfPair<I, J>(w_i, w_j, quads)));
}

// Four quads of 0..31 x -127..127 stay within 16 bits. Widening less often helps, because it occupies one of the few
// multipliers.
struct Sum5 {
  VI16 part;  // of the first two of four
  VI32 sum;
};
inline constexpr int kTableLift5 = 16;
HWY_INLINE void Pin(Sum5& /*sum*/) {}
HWY_INLINE Sum5 BeginSum5(VI32 minus_eight_sum) { return {hn::Zero(DI16()), hn::ShiftLeft<1>(minus_eight_sum)}; }
template <size_t I, size_t J, bool kLast>
HWY_INLINE Sum5 DotPair5(Sum5 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  const VI16 pair = ProductsOfPair<I, J>(w_i, w_j, quads);
  if constexpr (kLast) {
    sum.sum = hn::Add(sum.sum, Widen(hn::Add(sum.part, pair)));
    LFM2_PIN(sum.sum);
  } else {
    sum.part = pair;
    LFM2_PIN(sum.part);
  }
  return sum;
}
HWY_INLINE VI32 EndSum5(Sum5 sum) { return sum.sum; }

#elif LFM2_DOT_WIDEN
// Wide holds 16-bit products and sums of them, four per row; Sum8 32-bit sums of two of those, two per row.
#if HWY_TARGET == HWY_RVV
using Wide = vint16m2_t;
using Sum8 = vint32m2_t;
HWY_INLINE void Pin(const Wide& /*sum*/) {}
HWY_INLINE void Pin(const Sum8& /*sum*/) {}
HWY_INLINE Wide ZeroWide() { return __riscv_vmv_v_x_i16m2(0, hn::Lanes(DI8())); }
HWY_INLINE Wide Multiply(VU8 w, VI8 x) { return __riscv_vwmul_vv_i16m2(AsSigned(w), x, hn::Lanes(DI8())); }
HWY_INLINE Wide MultiplyAdd(Wide sum, VU8 w, VI8 x) {
  return __riscv_vwmacc_vv_i16m2(sum, AsSigned(w), x, hn::Lanes(DI8()));
}
HWY_INLINE Sum8 BeginSum8(VI32 /*minus_eight_sum*/) { return __riscv_vmv_v_x_i32m2(0, hn::Lanes(DI16())); }
HWY_INLINE Sum8 Pairs(Wide products) {
  const size_t n = hn::Lanes(DI16());
  const vint32m2_t pairs = __riscv_vreinterpret_v_i16m2_i32m2(products);
  const vint32m2_t even = __riscv_vsra_vx_i32m2(__riscv_vsll_vx_i32m2(pairs, 16, n), 16, n);
  return __riscv_vadd_vv_i32m2(even, __riscv_vsra_vx_i32m2(pairs, 16, n), n);
}
HWY_INLINE Sum8 AddPairs(Sum8 sum, Wide products) {
  return __riscv_vadd_vv_i32m2(sum, Pairs(products), hn::Lanes(DI16()));
}
HWY_INLINE VI32 EndSum8(Sum8 sum) {
  const size_t n = hn::Lanes(DI32());
  const vint64m2_t pairs = __riscv_vreinterpret_v_i32m2_i64m2(sum);
  return __riscv_vadd_vv_i32m1(__riscv_vnsra_wx_i32m1(pairs, 0, n), __riscv_vnsra_wx_i32m1(pairs, 32, n), n);
}
// start[row] plus the row's four sums, of which the first two added, and the last two added, fit into 16 bits.
HWY_INLINE VI32 AddSums(VI32 start, Wide sums) {
  const size_t n = hn::Lanes(DI16());
  const vint32m2_t pairs = __riscv_vreinterpret_v_i16m2_i32m2(sums);
  const vint32m2_t high = __riscv_vadd_vv_i32m2(pairs, __riscv_vsll_vx_i32m2(pairs, 16, n), n);
  return hn::Add(start, EndSum8(__riscv_vsra_vx_i32m2(high, 16, n)));
}
#else
// `low` has rows 0 and 1, `high` rows 2 and 3.
struct Wide {
  VI16 low, high;
};
struct Sum8 {
  VI32 low, high;
};
HWY_INLINE void Pin(Wide& sum) {
  LFM2_PIN(sum.low);
  LFM2_PIN(sum.high);
}
HWY_INLINE void Pin(Sum8& sum) {
  LFM2_PIN(sum.low);
  LFM2_PIN(sum.high);
}
#if HWY_ARCH_ARM_A64
HWY_INLINE VI16 MultiplyHigh(int8x16_t w, int8x16_t x) { return VI16(vmull_high_s8(w, x)); }
HWY_INLINE VI16 MultiplyAddHigh(VI16 sum, int8x16_t w, int8x16_t x) { return VI16(vmlal_high_s8(sum.raw, w, x)); }
HWY_INLINE int16x8_t AddNeighbours(VI16 a, VI16 b) { return vpaddq_s16(a.raw, b.raw); }
HWY_INLINE VI32 EndSum8(Sum8 sum) { return VI32(vpaddq_s32(sum.low.raw, sum.high.raw)); }
#else
HWY_INLINE VI16 MultiplyHigh(int8x16_t w, int8x16_t x) { return VI16(vmull_s8(vget_high_s8(w), vget_low_s8(x))); }
HWY_INLINE VI16 MultiplyAddHigh(VI16 sum, int8x16_t w, int8x16_t x) {
  return VI16(vmlal_s8(sum.raw, vget_high_s8(w), vget_low_s8(x)));
}
HWY_INLINE int16x8_t AddNeighbours(VI16 a, VI16 b) {
  return vcombine_s16(vpadd_s16(vget_low_s16(a.raw), vget_high_s16(a.raw)),
                      vpadd_s16(vget_low_s16(b.raw), vget_high_s16(b.raw)));
}
HWY_INLINE VI32 EndSum8(Sum8 sum) {
  return VI32(vcombine_s32(vpadd_s32(vget_low_s32(sum.low.raw), vget_high_s32(sum.low.raw)),
                           vpadd_s32(vget_low_s32(sum.high.raw), vget_high_s32(sum.high.raw))));
}
#endif
HWY_INLINE Wide ZeroWide() { return {hn::Zero(DI16()), hn::Zero(DI16())}; }
HWY_INLINE Wide Multiply(VU8 w, VI8 x) {
  const int8x16_t v = AsSigned(w).raw;
  return {VI16(vmull_s8(vget_low_s8(v), vget_low_s8(x.raw))), MultiplyHigh(v, x.raw)};
}
HWY_INLINE Wide MultiplyAdd(Wide sum, VU8 w, VI8 x) {
  const int8x16_t v = AsSigned(w).raw;
  return {VI16(vmlal_s8(sum.low.raw, vget_low_s8(v), vget_low_s8(x.raw))), MultiplyAddHigh(sum.high, v, x.raw)};
}
HWY_INLINE Sum8 BeginSum8(VI32 /*minus_eight_sum*/) { return {hn::Zero(DI32()), hn::Zero(DI32())}; }
HWY_INLINE Sum8 Pairs(Wide products) {
  return {VI32(vpaddlq_s16(products.low.raw)), VI32(vpaddlq_s16(products.high.raw))};
}
HWY_INLINE Sum8 AddPairs(Sum8 sum, Wide products) {
  return {VI32(vpadalq_s16(sum.low.raw, products.low.raw)), VI32(vpadalq_s16(sum.high.raw, products.high.raw))};
}
// start[row] plus the row's four sums, of which the first two, and the others, together fit into 16 bits.
HWY_INLINE VI32 AddSums(VI32 start, Wide sums) {
  return VI32(vpadalq_s16(start.raw, AddNeighbours(sums.low, sums.high)));
}
#endif

// Eight quads of 0..15 x -127..127: two sums are at most 30480.
using Sum4 = Wide;
template <size_t I>
HWY_INLINE Sum4 BeginSum4(VU8 w, const uint8_t* quads, VI32 /*minus_eight_sum*/) {
  return Multiply(w, BroadcastQuad<I>(quads));
}
template <size_t I>
HWY_INLINE Sum4 DotQuad4(Sum4 sum, VU8 w, const uint8_t* quads) {
  return MultiplyAdd(sum, w, BroadcastQuad<I>(quads));
}
HWY_INLINE Sum4 ZeroSum4(VI32 /*minus_eight_sum*/) { return ZeroWide(); }
HWY_INLINE VI32 EndSum4(Sum4 sum, VI32 minus_eight_sum) { return AddSums(minus_eight_sum, sum); }

// Two products of -128..127 x -127..127 fit into 16 bits, so every two quads are widened.
inline constexpr int kTableLift8 = 0;
template <size_t I, bool kLifted>
HWY_INLINE Sum8 DotFirst8(Sum8 sum, VU8 /*w*/, const uint8_t* /*quads*/) {
  return sum;
}
template <size_t I, size_t J>
HWY_INLINE Wide ProductsOfPair(VU8 w_i, VU8 w_j, const uint8_t* quads) {
  return MultiplyAdd(Multiply(w_i, BroadcastQuad<I>(quads)), w_j, BroadcastQuad<J>(quads));
}
template <size_t T, size_t I, size_t J, bool kLifted>
HWY_INLINE Sum8 DotSecond8(Sum8 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  const Wide products = ProductsOfPair<I, J>(w_i, w_j, quads);
  return I < T ? Pairs(products) : AddPairs(sum, products);
}
template <size_t I, size_t J>
HWY_INLINE Sum8 DotPair8(Sum8 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  return AddPairs(sum, ProductsOfPair<I, J>(w_i, w_j, quads));
}

// Four quads of -32..31 x -127..127: two sums are at most 32512.
using Sum6 = Wide;
inline constexpr int kTableLift6 = 0;
template <bool kFewTokens>
HWY_INLINE VU8 Weights6(VU8 w) {
  return hn::Sub(w, hn::Set(DU8(), uint8_t{32}));
}
template <bool kFewTokens>
HWY_INLINE Sum6 BeginSum6(VI32 /*minus_eight_sum*/) {
  return ZeroWide();
}
template <size_t I, size_t J>
HWY_INLINE Sum6 DotPair6(Sum6 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  return MultiplyAdd(MultiplyAdd(sum, w_i, BroadcastQuad<I>(quads)), w_j, BroadcastQuad<J>(quads));
}
HWY_INLINE VI32 EndSum6(Sum6 sum) { return AddSums(hn::Zero(DI32()), sum); }

#else

// sum[row] += w[row, 0..3] . quad I, weights of 0..127, or of any sign where kSignedDot.
#if HWY_TARGET_IS_SVE
inline constexpr bool kSignedDot = true;
template <size_t I>
HWY_INLINE VI32 DotQuad(VI32 sum, VU8 w, const uint8_t* quads) {
  const VI8 x = hn::LoadDup128(DI8(), reinterpret_cast<const int8_t*>(quads + I / 4 * 16));
  return svdot_lane_s32(sum, AsSigned(w), x, I % 4);
}
#elif HWY_TARGET_IS_NEON
inline constexpr bool kSignedDot = true;
template <size_t I>
HWY_INLINE VI32 DotQuad(VI32 sum, VU8 w, const uint8_t* quads) {
  const int8x16_t x = vld1q_s8(reinterpret_cast<const int8_t*>(quads + I / 4 * 16));
  return VI32(vdotq_laneq_s32(sum.raw, AsSigned(w).raw, x, I % 4));
}
#elif HWY_TARGET == HWY_AVX2
inline constexpr bool kSignedDot = false;
template <size_t I>
HWY_INLINE VI32 DotQuad(VI32 sum, VU8 w, const uint8_t* quads) {
  return VI32{_mm256_dpbusd_avx_epi32(sum.raw, w.raw, BroadcastQuad<I>(quads).raw)};
}
#elif HWY_ARCH_X86
inline constexpr bool kSignedDot = false;
template <size_t I>
HWY_INLINE VI32 DotQuad(VI32 sum, VU8 w, const uint8_t* quads) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_TARGET <= HWY_AVX3_DL
  // The instruction can broadcast its activations from memory, but GCC uses a separate one for that (measured for 4-bit
  // weights and 8 tokens: 0.52 -> 0.56 of the peak, the same as clang).
  if constexpr (sizeof(sum.raw) == 64) {
    using Quad = const uint8_t[4];
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum.raw) : "v"(w.raw), "m"(*reinterpret_cast<Quad*>(quads + 4 * I)));
    return sum;
  }
#endif
  return hn::SumOfMulQuadAccumulate(DI32(), w, BroadcastQuad<I>(quads), sum);
}
#else
inline constexpr bool kSignedDot = true;
template <size_t I>
HWY_INLINE VI32 DotQuad(VI32 sum, VU8 w, const uint8_t* quads) {
  return hn::SumOfMulQuadAccumulate(DI32(), AsSigned(w), BroadcastQuad<I>(quads), sum);
}
#endif
HWY_INLINE void Pin(VI32& sum) { LFM2_PIN(sum); }

using Sum4 = VI32;
template <size_t I>
HWY_INLINE Sum4 BeginSum4(VU8 w, const uint8_t* quads, VI32 minus_eight_sum) {
  return DotQuad<I>(minus_eight_sum, w, quads);
}
template <size_t I>
HWY_INLINE Sum4 DotQuad4(Sum4 sum, VU8 w, const uint8_t* quads) {
  return DotQuad<I>(sum, w, quads);
}
HWY_INLINE Sum4 ZeroSum4(VI32 minus_eight_sum) { return minus_eight_sum; }
HWY_INLINE VI32 EndSum4(Sum4 sum, VI32 /*minus_eight_sum*/) { return sum; }

// Where weights must be unsigned, 128 is added to them, which adding 16 times minus_eight_sum compensates.
using Sum8 = VI32;
inline constexpr int kTableLift8 = kSignedDot ? 0 : 128;
HWY_INLINE Sum8 BeginSum8(VI32 minus_eight_sum) {
  if constexpr (kSignedDot) return hn::Zero(DI32());
  return hn::ShiftLeft<4>(minus_eight_sum);
}
template <size_t I, bool kLifted>
HWY_INLINE Sum8 DotFirst8(Sum8 sum, VU8 w, const uint8_t* quads) {
  if constexpr (kSignedDot || kLifted) return DotQuad<I>(sum, w, quads);
  return DotQuad<I>(sum, hn::Xor(w, hn::Set(DU8(), uint8_t{128})), quads);
}

using Sum6 = VI32;
inline constexpr int kTableLift6 = kSignedDot ? 0 : 32;
// The offset of 32 is subtracted from each weight, or compensated by adding four times minus_eight_sum for each token.
template <bool kFewTokens>
HWY_INLINE VU8 Weights6(VU8 w) {
  return kSignedDot && !kFewTokens ? hn::Sub(w, hn::Set(DU8(), uint8_t{32})) : w;
}
template <bool kFewTokens>
HWY_INLINE Sum6 BeginSum6(VI32 minus_eight_sum) {
  if constexpr (kSignedDot && !kFewTokens) return hn::Zero(DI32());
  return hn::ShiftLeft<2>(minus_eight_sum);
}
template <size_t I, size_t J>
HWY_INLINE Sum6 DotPair6(Sum6 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  return DotQuad<J>(DotQuad<I>(sum, w_i, quads), w_j, quads);
}
#endif

#if !LFM2_DOT_WIDEN
template <size_t T, size_t I, size_t J, bool kLifted>
HWY_INLINE Sum8 DotSecond8(Sum8 sum, VU8 /*w_i*/, VU8 w_j, const uint8_t* quads) {
  return DotFirst8<J, kLifted>(sum, w_j, quads);
}
template <size_t I, size_t J>
HWY_INLINE Sum8 DotPair8(Sum8 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
  return DotFirst8<J, true>(DotFirst8<I, true>(sum, w_i, quads), w_j, quads);
}
HWY_INLINE VI32 EndSum8(Sum8 sum) { return sum; }
HWY_INLINE VI32 EndSum6(Sum6 sum) { return sum; }
#endif

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_DOT_INL_H_
