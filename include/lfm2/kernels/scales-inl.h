// Scales and offsets of a group for a vector of rows: what formats.h computes for one row.
#if defined(LFM2_KERNELS_SCALES_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_SCALES_INL_H_
#undef LFM2_KERNELS_SCALES_INL_H_
#else
#define LFM2_KERNELS_SCALES_INL_H_
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

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
  return LoadBytesAsI32(p + (V < R ? V : 0) * hn::Lanes(DF()));
}

// Scales<Format>::Scale<V, R>(block, g, r): the scales of row vector V of R, from row r on. Offset returns kLift *
// scale + min (formats.h); `scale` is what Scale returned.
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
    return hn::Mul(F32FromE8M0(LoadBytes<V, R>(b.exponent + r)), hn::Set(DF(), 0.5f));
  }
};

// Row vector V of R of numbers of four bits; two groups share a byte.
template <size_t V, size_t R>
HWY_INLINE VI32 LoadFourBits(const uint8_t (&bytes)[4][kBlockRows], uint32_t g, size_t r) {
  const VI32 both = LoadBytes<V, R>(bytes[g / 2] + r);
  return hn::And(hn::ShiftRightSame(both, static_cast<int>(4 * (g % 2))), hn::Set(DI32(), 15));
}

template <>
struct Scales<FormatIQ4_XS> {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const BlockIQ4_XS& b, uint32_t g, size_t r) {
    const VI32 both = hn::ShiftRightSame(LoadBytes<V, R>(b.high[g / 4] + r), static_cast<int>(2 * (g % 4)));
    const VI32 high = hn::And(both, hn::Set(DI32(), 3));
    const VI32 six = hn::Or(LoadFourBits<V, R>(b.low, g, r), hn::ShiftLeft<4>(high));
    return hn::Mul(hn::ConvertTo(DF(), hn::Sub(six, hn::Set(DI32(), 32))), LoadScale<V, R>(b.delta + r));
  }
};

// 2 v + 1 as a float.
HWY_INLINE VF OddNumber(VI32 v) { return hn::ConvertTo(DF(), hn::Add(hn::Add(v, v), hn::Set(DI32(), 1))); }

template <class Format>
struct CodebookScales {
  using Block = typename Format::Block;
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const Block& b, uint32_t g, size_t r) {
    const VF odd = OddNumber(LoadFourBits<V, R>(b.scale, g, r));
    return hn::Mul(hn::Mul(odd, hn::Set(DF(), Format::kUnit)), LoadScale<V, R>(b.delta + r));
  }
};
template <>
struct Scales<FormatIQ3_XXS> : CodebookScales<FormatIQ3_XXS> {};
template <>
struct Scales<FormatIQ2_XXS> : CodebookScales<FormatIQ2_XXS> {};
template <>
struct Scales<FormatIQ3_S> {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const BlockIQ3& b, uint32_t g, size_t r) {
    const VF step = CodebookScales<FormatIQ3_S>::Scale<V, R>(b, g, r);
    return hn::Add(step, step);
  }
  // 8 * (2 * step) - 15 * step.
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const BlockIQ3&, uint32_t, size_t, VF scale) {
    return hn::Mul(scale, hn::Set(DF(), 0.5f));
  }
};
template <>
struct Scales<FormatIQ1_S> {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const BlockIQ1_S& b, uint32_t g, size_t r) {
    const VI32 three = hn::And(LoadFourBits<V, R>(b.scale, g, r), hn::Set(DI32(), 7));
    return hn::Mul(OddNumber(three), LoadScale<V, R>(b.delta + r));
  }
  // 2 * step less 7 / 8 or 9 / 8 of it.
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const BlockIQ1_S& b, uint32_t g, size_t r, VF scale) {
    const VI32 sign = hn::And(LoadFourBits<V, R>(b.scale, g, r), hn::Set(DI32(), 8));
    const VF eighths = hn::ConvertTo(DF(), hn::Sub(hn::Set(DI32(), 9), hn::ShiftRight<2>(sign)));
    return hn::Mul(scale, hn::Mul(eighths, hn::Set(DF(), 0.125f)));
  }
};

template <>
struct Scales<FormatTernary> {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const GroupedBlock& b, uint32_t, size_t r) {
    return LoadScale<V, R>(b.numbers() + r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const GroupedBlock&, uint32_t, size_t, VF scale) {
    return hn::Mul(scale, hn::Set(DF(), static_cast<float>(kLift<FormatTernary>)));
  }
};

template <Integers kind>
struct Scales<FormatAffine<kind> > {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const GroupedBlock& b, uint32_t, size_t r) {
    return Number<V, R>(b, r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const GroupedBlock& b, uint32_t, size_t r, VF scale) {
    const VF lift = hn::Set(DF(), static_cast<float>(kLift<FormatAffine<kind> >));
    return hn::MulAdd(scale, lift, Number<V, R>(b, kBlockRows + r));
  }

 private:
  template <size_t V, size_t R>
  static HWY_INLINE VF Number(const GroupedBlock& b, size_t i) {
    const uint16_t* const p = b.numbers() + i + (V < R ? V : 0) * hn::Lanes(DF());
    return b.half ? LoadF16(p) : LoadBF16(p);
  }
};

// HalfScales<Format>::Of<V, R>(block, g, r, half): the factor of a half's sum, in a vector of type Scale; Delta(block,
// r): the factor of the sum of both products. Min and MinDelta are the same for -8 times the sum of the activations.
// Where Scale is VI16, the vector of either half contains the numbers of both, next to each other in a lane.
template <class Format>
struct HalfScales;

// Integer scales stay integers where the processor multiplies these quickly, and become floats elsewhere. Sums times
// scales are below 2^24, so both are exact.
#if HWY_ARCH_ARM
using IntegerScale = VI32;
#else
using IntegerScale = VF;
#endif
HWY_INLINE IntegerScale AsIntegerScale(VI32 v) {
#if HWY_ARCH_ARM
  return v;
#else
  return hn::ConvertTo(DF(), v);
#endif
}
HWY_INLINE VF AddHalves(VI32 low, VF low_scale, VI32 high, VF high_scale) {
  const DF df;
  return hn::MulAdd(hn::ConvertTo(df, low), low_scale, hn::Mul(hn::ConvertTo(df, high), high_scale));
}
#if HWY_ARCH_ARM
HWY_INLINE VF AddHalves(VI32 low, VI32 low_scale, VI32 high, VI32 high_scale) {
  return hn::ConvertTo(DF(), hn::MulAdd(low, low_scale, hn::Mul(high, high_scale)));
}
#endif
// The low 16 bits of the numbers of two vectors, next to each other in a lane of 32 bits.
HWY_INLINE VI16 PairsOf(VI32 first, VI32 second) {
  const DI32 di;
  return hn::BitCast(DI16(), hn::Or(hn::And(first, hn::Set(di, 0xffff)), hn::ShiftLeft<16>(second)));
}
HWY_INLINE VF AddHalves(VI32 low, VI16 scales, VI32 high, VI16 /*scales*/) {
  return hn::ConvertTo(DF(), hn::WidenMulPairwiseAdd(DI32(), PairsOf(low, high), scales));
}
// Row vector V of R of words.
template <size_t V, size_t R>
HWY_INLINE VI32 LoadWords(const uint32_t* p) {
  return hn::LoadU(DI32(), reinterpret_cast<const int32_t*>(p) + (V < R ? V : 0) * hn::Lanes(DF()));
}

template <>
struct HalfScales<FormatQ6_K> {
  using Scale = IntegerScale;
  template <size_t V, size_t R>
  static HWY_INLINE Scale Of(const BlockQ6_K& b, uint32_t g, size_t r, uint32_t half) {
    constexpr size_t kVector = V < R ? V : 0;
    const int8_t* const p = b.groups[g].scale[half] + r;
#if HWY_TARGET_IS_NEON
    if constexpr (R % 2 == 0) {
      const int16x8_t pair = vmovl_s8(vld1_s8(p + kVector / 2 * 8));
      return VI32(vmovl_s16(kVector % 2 == 0 ? vget_low_s16(pair) : vget_high_s16(pair)));
    }
#endif
    return AsIntegerScale(hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DI32>(), p + kVector * hn::Lanes(DF()))));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Delta(const BlockQ6_K& b, size_t r) {
    return LoadScale<V, R>(b.delta + r);
  }
};
// Scales of both halves as pairs of 16 bits: the sums of halves fit into 16 bits as well, so that one instruction
// multiplies and adds them. The same for mins and sums of activations.
template <>
struct HalfScales<FormatQ2_K> {
  using Scale = VI16;
  template <size_t V, size_t R>
  static HWY_INLINE VI32 Both(const BlockQ2_K& b, uint32_t g, size_t r) {
    return hn::ShiftRightSame(LoadWords<V, R>(b.scale_min[g / 2] + r), static_cast<int>(8 * (g % 2)));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VI16 Of(const BlockQ2_K& b, uint32_t g, size_t r, uint32_t /*half*/) {
    return hn::BitCast(DI16(), hn::And(Both<V, R>(b, g, r), hn::Set(DI32(), 0x000f000f)));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VI16 Min(const BlockQ2_K& b, uint32_t g, size_t r, uint32_t /*half*/) {
    return hn::BitCast(DI16(), hn::And(hn::ShiftRight<4>(Both<V, R>(b, g, r)), hn::Set(DI32(), 0x000f000f)));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Delta(const BlockQ2_K& b, size_t r) {
    return LoadScale<V, R>(b.delta + r);
  }
  // An eighth, because the panel has -8 times the sums.
  template <size_t V, size_t R>
  static HWY_INLINE VF MinDelta(const BlockQ2_K& b, size_t r) {
    return hn::Mul(LoadScale<V, R>(b.min_delta + r), hn::Set(DF(), 0.125f));
  }
};
template <>
struct HalfScales<FormatQ3_K> {
  using Scale = VI16;
  template <size_t V, size_t R>
  static HWY_INLINE VI16 Of(const BlockQ3_K& b, uint32_t g, size_t r, uint32_t /*half*/) {
    const DI32 di;
    const VI32 low = hn::ShiftRightSame(LoadWords<V, R>(b.low[g / 4] + r), static_cast<int>(4 * (g % 4)));
    const VI32 high = hn::ShiftLeft<4>(hn::ShiftRightSame(LoadWords<V, R>(b.high + r), static_cast<int>(2 * g)));
    const VI32 six = hn::Or(hn::And(low, hn::Set(di, 0x000f000f)), hn::And(high, hn::Set(di, 0x00300030)));
    return hn::Sub(hn::BitCast(DI16(), six), hn::Set(DI16(), int16_t{32}));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Delta(const BlockQ3_K& b, size_t r) {
    return LoadScale<V, R>(b.delta + r);
  }
};
template <Integers kind>
struct HalfScales<FormatCodebookHalves<kind> > {
  using Scale = VF;
  template <size_t V, size_t R>
  static HWY_INLINE VF Of(const BlockIQ2_S& b, uint32_t g, size_t r, uint32_t half) {
    const VI32 both = hn::ShiftRightSame(LoadBytes<V, R>(b.groups[g].scale + r), static_cast<int>(4 * half));
    return OddNumber(hn::And(both, hn::Set(DI32(), 15)));
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Delta(const BlockIQ2_S& b, size_t r) {
    return hn::Mul(LoadScale<V, R>(b.delta + r), hn::Set(DF(), 0.125f));
  }
};
template <>
struct HalfScales<FormatNvfp4> {
  using Scale = VF;
  template <size_t V, size_t R>
  static HWY_INLINE VF Of(const BlockNvfp4& b, uint32_t, size_t r, uint32_t half) {
    return MagnitudeOfE4M3(LoadBytes<V, R>(b.scale[half] + r));
  }
  // Half, because kMxfp4Values are twice the values.
  template <size_t V, size_t R>
  static HWY_INLINE VF Delta(const BlockNvfp4&, size_t) {
    return hn::Set(DF(), 0.5f);
  }
};

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_SCALES_INL_H_
