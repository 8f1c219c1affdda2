// The one hook that differs between instruction sets: 16 rows x 4 columns of 8-bit weights times one quad of
// activations. Everything above it is one source.
#if defined(LFM2_KERNELS_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_DOT_INL_H_
#undef LFM2_KERNELS_DOT_INL_H_
#else
#define LFM2_KERNELS_DOT_INL_H_
#endif

#include "lfm2/kernels/target-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

using DU8 = hn::Repartition<uint8_t, DI32>;
using DI8 = hn::Repartition<int8_t, DI32>;
using DI16 = hn::Repartition<int16_t, DI32>;
using VU8 = hn::Vec<DU8>;
using VI8 = hn::Vec<DI8>;

// Four activations in every 32-bit lane.
HWY_INLINE VI8 BroadcastQuad(const uint8_t* quad) { return hn::BitCast(DI8(), hn::Set(DI32(), LoadAs<int32_t>(quad))); }

// sum[row] += w[row, 0..3] . x[0..3] with weights of 0..127.
HWY_INLINE VI32 DotQuad(VI32 sum, VU8 w, VI8 x) {
#if HWY_ARCH_ARM_A64 && defined(__ARM_FEATURE_DOTPROD) && !HWY_HAVE_SCALABLE
  // Highway before 1.4 does not emit SDOT for these types.
  return VI32(vdotq_s32(sum.raw, hn::BitCast(DI8(), w).raw, x.raw));
#elif HWY_ARCH_X86
  return hn::SumOfMulQuadAccumulate(DI32(), w, x, sum);
#else
  return hn::SumOfMulQuadAccumulate(DI32(), hn::BitCast(DI8(), w), x, sum);
#endif
}

// How weights of -128..127 go through the same instruction. x86 multiplies unsigned by signed, so it adds 128 to the
// weight and starts the sum at -128 * sum(x); elsewhere both are signed.
#if HWY_ARCH_X86
inline constexpr bool kOffsetSigned = true;
#else
inline constexpr bool kOffsetSigned = false;
#endif
HWY_INLINE VI32 DotQuadSigned(VI32 sum, VU8 w, VI8 x) {
  if constexpr (kOffsetSigned) return DotQuad(sum, hn::Xor(w, hn::Set(DU8(), uint8_t{128})), x);
  return DotQuad(sum, w, x);
}

// Sums of 4-bit weights over one group of 32 columns. SSE4, AVX2 and AVX-512 without VNNI multiply bytes into pairs of
// 16 bits: eight quads of 0..15 x -127..127 stay within them, so they are widened once a group, not once a quad.
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3_DL
using Sum4 = hn::Vec<DI16>;
HWY_INLINE Sum4 BeginSum4(VI32 /*bias*/) { return hn::Zero(DI16()); }
HWY_INLINE Sum4 DotQuad4(Sum4 sum, VU8 w, VI8 x) {
  sum = hn::Add(sum, hn::SatWidenMulPairwiseAdd(DI16(), w, x));
#if HWY_COMPILER_GCC && !HWY_COMPILER_CLANG
  // GCC reassociates this chain into a tree that spills (measured: 84 -> 126 GMAC/s with the chain pinned).
  __asm__("" : "+x"(sum.raw));
#endif
  return sum;
}
HWY_INLINE VI32 EndSum4(Sum4 sum, VI32 bias) {
  return hn::Add(hn::WidenMulPairwiseAdd(DI32(), sum, hn::Set(DI16(), int16_t{1})), bias);
}
#else
using Sum4 = VI32;
HWY_INLINE Sum4 BeginSum4(VI32 bias) { return bias; }
HWY_INLINE Sum4 DotQuad4(Sum4 sum, VU8 w, VI8 x) { return DotQuad(sum, w, x); }
HWY_INLINE VI32 EndSum4(Sum4 sum, VI32 /*bias*/) { return sum; }
#endif

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_DOT_INL_H_
