// Highway, the vector types that all kernels share, and checks that Highway uses the instruction set that the
// compiler's flags enable.
#if defined(LFM2_KERNELS_TARGET_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TARGET_INL_H_
#undef LFM2_KERNELS_TARGET_INL_H_
#else
#define LFM2_KERNELS_TARGET_INL_H_
#endif

// Highway requires AES and PCLMUL for AVX2, but -march=haswell and x86-64-v3 do not enable them; the kernels need
// neither.
#if defined(__AVX2__) && !(defined(__AES__) && defined(__PCLMUL__)) && !defined(HWY_DISABLE_PCLMUL_AES)
#define HWY_DISABLE_PCLMUL_AES
#endif
#include "hwy/highway.h"

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

#if HWY_MAJOR < 1 || (HWY_MAJOR == 1 && HWY_MINOR < 3)
#error "lfm2.h needs Highway 1.3 or newer"
#endif
#if defined(__AVX2__) && HWY_STATIC_TARGET == HWY_SSSE3 && !defined(HWY_COMPILE_ONLY_STATIC)
#error "AVX2 is enabled, but Highway fell back to SSSE3: include lfm2.h before hwy/highway.h, or pass -maes -mpclmul"
#endif

// Instructions beyond Highway's target that a row of run-time dispatch (rows-inl.h) or the compiler's flags enable.
#undef LFM2_TARGET
#undef LFM2_BEFORE_NAMESPACE
#undef LFM2_AFTER_NAMESPACE
#undef LFM2_HAVE_AVX_VNNI
#undef LFM2_HAVE_DOTPROD
#undef LFM2_HAVE_I8MM
#if defined(LFM2_ROW_NAMESPACE)
#define LFM2_TARGET LFM2_ROW_NAMESPACE
#define LFM2_BEFORE_NAMESPACE()       \
  HWY_PUSH_ATTRIBUTES(LFM2_ROW_FLAGS) \
  static_assert(true, "requires a semicolon")
#define LFM2_AFTER_NAMESPACE() \
  HWY_POP_ATTRIBUTES           \
  static_assert(true, "requires a semicolon")
#define LFM2_HAVE_AVX_VNNI LFM2_ROW_HAS_AVX_VNNI
#define LFM2_HAVE_DOTPROD LFM2_ROW_HAS_DOTPROD
#define LFM2_HAVE_I8MM LFM2_ROW_HAS_I8MM
#elif defined(LFM2_DYNAMIC_DISPATCH) && HWY_TARGET == HWY_SVE2 && HWY_STATIC_TARGET != HWY_SVE2
// Chosen on processors with long vectors, which have int8 matrices as well.
#define LFM2_TARGET HWY_NAMESPACE
#define LFM2_BEFORE_NAMESPACE()                                    \
  HWY_PUSH_ATTRIBUTES("arch=armv8.2-a+sve2+sve2-aes+dotprod+i8mm") \
  static_assert(true, "requires a semicolon")
#define LFM2_AFTER_NAMESPACE() HWY_AFTER_NAMESPACE()
#define LFM2_HAVE_AVX_VNNI 0
#define LFM2_HAVE_DOTPROD 1
#define LFM2_HAVE_I8MM 1
#else
#define LFM2_TARGET HWY_NAMESPACE
#define LFM2_BEFORE_NAMESPACE() HWY_BEFORE_NAMESPACE()
#define LFM2_AFTER_NAMESPACE() HWY_AFTER_NAMESPACE()
#if defined(__AVXVNNI__)
#define LFM2_HAVE_AVX_VNNI 1
#else
#define LFM2_HAVE_AVX_VNNI 0
#endif
#if HWY_TARGET_IS_NEON && HWY_ARCH_ARM_A64 && defined(__ARM_FEATURE_DOTPROD)
#define LFM2_HAVE_DOTPROD 1
#else
#define LFM2_HAVE_DOTPROD 0
#endif
#if (HWY_TARGET_IS_NEON && LFM2_HAVE_DOTPROD && defined(__ARM_FEATURE_MATMUL_INT8)) || \
    (HWY_TARGET_IS_SVE && defined(__ARM_FEATURE_SVE_MATMUL_INT8))
#define LFM2_HAVE_I8MM 1
#else
#define LFM2_HAVE_I8MM 0
#endif
#endif

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: the rows of a weight block, or the positions of a key block.
using DF = hn::CappedTag<float, 16>;
using DI32 = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VI32 = hn::Vec<DI32>;
using DF16 = hn::Rebind<hwy::float16_t, DF>;
using DBF16 = hn::Rebind<hwy::bfloat16_t, DF>;

// Exact for every number; an infinity or a NaN stays one of the two.
HWY_INLINE VF LoadF16(const uint16_t* p) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(DF(), F32FromF16(*p));
#elif HWY_TARGET_IS_SVE
  // The load widens, which saves an instruction that spreads the halves.
  const svbool_t rows = svwhilelt_b32(size_t{0}, hn::Lanes(DF()));
  return svcvt_f32_f16_x(svptrue_b32(), svreinterpret_f16_u32(svld1uh_u32(rows, p)));
#elif (HWY_ARCH_X86 && HWY_TARGET < HWY_SSE4 && !defined(HWY_DISABLE_F16C)) || \
    (HWY_TARGET_IS_NEON && HWY_NEON_HAVE_F16C) || (HWY_TARGET == HWY_RVV && (HWY_HAVE_FLOAT16 || HWY_RVV_HAVE_F16C))
  return hn::PromoteTo(DF(), hn::LoadU(DF16(), reinterpret_cast<const hwy::float16_t*>(p)));
#else
  // The processor has no half floats, and Highway's conversion gives infinities and NaNs finite magnitudes of 65536 and
  // more. With the exponent adjusted, v is correct for normal numbers and below 2^-14 for subnormal ones, whose value
  // is 2 v - 2^-14. The smaller of the two is always the correct one.
  const DF df;
  const DI32 di;
  const VI32 bits = hn::PromoteTo(di, hn::LoadU(hn::Rebind<int16_t, DI32>(), reinterpret_cast<const int16_t*>(p)));
  const VI32 magnitude = hn::And(hn::ShiftLeft<13>(bits), hn::Set(di, 0x7fff << 13));
  const VF v = hn::BitCast(df, hn::Add(magnitude, hn::Set(di, 112 << 23)));
  const VF number = hn::Min(v, hn::Sub(hn::Add(v, v), hn::Set(df, 6.103515625e-5f)));
  const VI32 sign = hn::And(bits, hn::Set(di, hwy::LimitsMin<int32_t>()));
  const VI32 no_number = hn::VecFromMask(di, hn::Gt(magnitude, hn::Set(di, 0x7bff << 13)));
  return hn::BitCast(df, hn::Or(hn::BitCast(di, number), hn::Or(sign, no_number)));
#endif
}
HWY_INLINE VF LoadBF16(const uint16_t* p) {
  return hn::PromoteTo(DF(), hn::LoadU(DBF16(), reinterpret_cast<const hwy::bfloat16_t*>(p)));
}

// Bytes 0..255 of as many rows as a vector has lanes.
HWY_INLINE VI32 LoadBytesAsI32(const uint8_t* p) {
#if HWY_TARGET_IS_SVE
  // The load widens. GCC 12 crashes on Highway's two steps in a loop.
  const svbool_t rows = svwhilelt_b32(size_t{0}, hn::Lanes(DF()));
  return svreinterpret_s32_u32(svld1ub_u32(rows, p));
#else
  return hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<uint8_t, DI32>(), p));
#endif
}

// As the functions of base/numeric.h, for a vector of numbers 0..255. MagnitudeOfE4M3 drops the sign.
HWY_INLINE VF F32FromE8M0(VI32 exponent) {
  return hn::BitCast(DF(), hn::Max(hn::ShiftLeft<23>(exponent), hn::Set(DI32(), 1 << 22)));
}
HWY_INLINE VF MagnitudeOfE4M3(VI32 bits) {
  const DF df;
  const DI32 di;
  const VI32 magnitude = hn::ShiftLeft<20>(hn::And(bits, hn::Set(di, 0x7f)));
  const VF v = hn::BitCast(df, hn::Add(magnitude, hn::Set(di, 120 << 23)));
  return hn::Min(v, hn::Sub(hn::Add(v, v), hn::Set(df, 0.015625f)));
}

// The nearest integer, ties to even, for |v| < 2^22.
HWY_INLINE VI32 RoundToEven(VF v) {
#if HWY_TARGET == HWY_SCALAR
  // Highway's scalar version has branches, and calls software emulation of doubles when compiled for size. Adding 1.5 *
  // 2^23 leaves the rounded value in the low bits.
  return hn::Set(DI32(), BitCast<int32_t>(hn::GetLane(v) + 12582912.0f) - BitCast<int32_t>(12582912.0f));
#else
  return hn::NearestInt(v);
#endif
}

// exp(x), relative error below 2e-7: x = n ln 2 + r, a polynomial for exp(r) - 1 - r (the minimax coefficients of
// Cephes' expf), then n is added to the exponent. Zero below -87.3, where the result would be subnormal, and for a NaN;
// the value at 88 for anything above.
HWY_INLINE VF Exp(VF x) {
  const DF df;
  const DI32 di;
  const VF clamped = hn::Min(hn::Max(x, hn::Set(df, -87.3f)), hn::Set(df, 88.0f));
  const VI32 n = RoundToEven(hn::Mul(clamped, hn::Set(df, 1.44269504f)));
  const VF nf = hn::ConvertTo(df, n);
  VF r = hn::NegMulAdd(nf, hn::Set(df, 0.693359375f), clamped);
  r = hn::NegMulAdd(nf, hn::Set(df, -2.12194440e-4f), r);
  VF p = hn::Set(df, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(df, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(df, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(df, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(df, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(df, 5.0000001201e-1f));
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(df, 1.0f));
  const VF power = hn::BitCast(df, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
  return hn::IfThenElseZero(hn::Ge(x, hn::Set(df, -87.3f)), hn::Mul(p, power));
}

// silu(v) = v / (1 + exp(-v)).
HWY_INLINE VF Silu(VF v) {
  const DF df;
  return hn::Div(v, hn::Add(hn::Set(df, 1.0f), Exp(hn::Neg(v))));
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_TARGET_INL_H_
