// Scales and offsets of a group for a vector of rows: what formats.h says of one row.
#if defined(LFM2_KERNELS_SCALES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_SCALES_INL_H_
#undef LFM2_KERNELS_SCALES_INL_H_
#else
#define LFM2_KERNELS_SCALES_INL_H_
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

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

// Row vector V of R of bytes.
template <size_t V, size_t R>
HWY_INLINE VI32 LoadBytes(const uint8_t* p) {
  constexpr size_t kVector = V < R ? V : 0;
#if HWY_TARGET_IS_SVE
  // The load widens. GCC 12 crashes where Highway's two steps are in a loop.
  const svbool_t rows = svwhilelt_b32(size_t{0}, hn::Lanes(DF()));
  return svreinterpret_s32_u32(svld1ub_u32(rows, p + kVector * hn::Lanes(DF())));
#else
  return hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<uint8_t, DI32>(), p + kVector * hn::Lanes(DF())));
#endif
}

// Scales<Format>::Scale<V, R>(block, g, r): of row vector V of R from row r on. Offset, the same for what formats.h
// calls kLift * scale + min; `scale` is what Scale returned.
template <class Format>
struct Scales {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const typename Format::Block& b, uint32_t, size_t r) {
    return LoadScale<V, R>(b.scale + r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const typename Format::Block& b, uint32_t, size_t r, VF scale) {
    const VF lifted = hn::Mul(scale, hn::Set(DF(), static_cast<float>(kLift<Format>)));
    if constexpr (Format::kHasMin) {
      return hn::Add(lifted, LoadScale<V, R>(b.min + r));
    } else {
      static_cast<void>(b), static_cast<void>(r);
      return lifted;
    }
  }
};

template <class Block, Integers kind>
struct Scales<FormatK<Block, kind> > {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const Block& b, uint32_t g, size_t r) {
    const VI32 low = hn::And(LoadBytes<V, R>(b.groups[g].scale_min + r), hn::Set(DI32(), 15));
    const VI32 high = hn::And(High<V, R>(b, g, r), hn::Set(DI32(), 3));
    return hn::Mul(hn::ConvertTo(DF(), hn::Or(low, hn::ShiftLeft<4>(high))), LoadScale<V, R>(b.delta + r));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const Block& b, uint32_t g, size_t r, VF scale) {
    const VI32 low = hn::ShiftRight<4>(LoadBytes<V, R>(b.groups[g].scale_min + r));
    const VI32 high = hn::And(High<V, R>(b, g, r), hn::Set(DI32(), 12));
    const VF min = hn::Mul(hn::ConvertTo(DF(), hn::Or(low, hn::ShiftLeft<2>(high))), LoadScale<V, R>(b.min_delta + r));
    return hn::Sub(hn::Mul(scale, hn::Set(DF(), static_cast<float>(kLift<FormatK<Block, kind> >))), min);
  }

 private:
  template <size_t V, size_t R>
  static HWY_INLINE VI32 High(const Block& b, uint32_t g, size_t r) {
    return hn::ShiftRightSame(LoadBytes<V, R>(b.high[g / 2] + r), static_cast<int>(4 * (g % 2)));
  }
};

template <>
struct Scales<FormatMxfp4> {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const BlockMxfp4& b, uint32_t, size_t r) {
    const VI32 power = hn::Max(hn::ShiftLeft<23>(LoadBytes<V, R>(b.exponent + r)), hn::Set(DI32(), 1 << 22));
    return hn::Mul(hn::BitCast(DF(), power), hn::Set(DF(), 0.5f));
  }
};

template <class Stored, uint32_t groups, Integers kind>
struct Scales<FormatAffine<Stored, groups, kind> > {
  using Block = BlockAffine<Stored, groups>;
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const Block& b, uint32_t, size_t r) {
    return LoadBF16(b.scale + r + (V < R ? V : 0) * hn::Lanes(DF()));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const Block& b, uint32_t, size_t r, VF scale) {
    const VF bias = LoadBF16(b.bias + r + (V < R ? V : 0) * hn::Lanes(DF()));
    return hn::MulAdd(scale, hn::Set(DF(), static_cast<float>(kLift<FormatAffine<Stored, groups, kind> >)), bias);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_SCALES_INL_H_
