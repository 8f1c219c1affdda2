// Numbers and quads of a panel (panel.h) in the lanes of vectors.
#if defined(LFM2_KERNELS_PANEL_LANES_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_PANEL_LANES_INL_H_
#undef LFM2_KERNELS_PANEL_LANES_INL_H_
#else
#define LFM2_KERNELS_PANEL_LANES_INL_H_
#endif

#include "lfm2/kernels/target-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

using DU8 = hn::Repartition<uint8_t, DI32>;
using DI8 = hn::Repartition<int8_t, DI32>;
using DU64 = hn::Repartition<uint64_t, DI32>;
using VU8 = hn::Vec<DU8>;
using VU64 = hn::Vec<DU64>;
using VI8 = hn::Vec<DI8>;

HWY_INLINE VI8 AsSigned(VU8 w) { return hn::BitCast(DI8(), w); }

// A number of a panel. All of them are aligned; compilers for RISC-V load byte by byte unless they know that.
template <class Number>
HWY_INLINE Number LoadNumber(const uint8_t* p) {
  return LoadAs<Number>(static_cast<const uint8_t*>(__builtin_assume_aligned(p, sizeof(Number))));
}

// Number K of T in every lane. NEON loads four at once and selects one, where all four are numbers of the panel.
template <size_t K, size_t T>
HWY_INLINE VI32 BroadcastI32(const uint8_t* p) {
#if HWY_TARGET_IS_NEON
  if constexpr (K / 4 * 4 + 4 <= T) {
    return hn::Broadcast<K % 4>(hn::BitCast(DI32(), hn::LoadU(DU8(), p + K / 4 * 16)));
  }
#endif
  return hn::Set(DI32(), LoadNumber<int32_t>(p + K * 4));
}

// v times number K of T.
template <size_t K, size_t T>
HWY_INLINE VF MulBroadcast(VF v, const uint8_t* p) {
#if HWY_TARGET_IS_NEON && HWY_ARCH_ARM_A64
  if constexpr (K / 4 * 4 + 4 <= T) {
    return VF(vmulq_laneq_f32(v.raw, hn::BitCast(DF(), hn::LoadU(DU8(), p + K / 4 * 16)).raw, K % 4));
  }
#elif HWY_TARGET_IS_SVE
  if constexpr (K / 4 * 4 + 4 <= T) {
    return svmul_lane_f32(v, hn::LoadDup128(DF(), reinterpret_cast<const float*>(p + K / 4 * 16)), K % 4);
  }
#endif
  return hn::Mul(v, hn::Set(DF(), LoadNumber<float>(p + K * 4)));
}

// v times number K of T, plus `add`.
template <size_t K, size_t T>
HWY_INLINE VF MulAddBroadcast(VF v, const uint8_t* p, VF add) {
#if HWY_TARGET_IS_NEON && HWY_ARCH_ARM_A64
  if constexpr (K / 4 * 4 + 4 <= T) {
    return VF(vfmaq_laneq_f32(add.raw, v.raw, hn::BitCast(DF(), hn::LoadU(DU8(), p + K / 4 * 16)).raw, K % 4));
  }
#elif HWY_TARGET_IS_SVE
  if constexpr (K / 4 * 4 + 4 <= T) {
    return svmla_lane_f32(add, v, hn::LoadDup128(DF(), reinterpret_cast<const float*>(p + K / 4 * 16)), K % 4);
  }
#endif
  return hn::MulAdd(v, hn::Set(DF(), LoadNumber<float>(p + K * 4)), add);
}

// Quad I in every lane; a group has eight for each token, so NEON may read them four at once.
template <size_t I>
HWY_INLINE VI8 BroadcastQuad(const uint8_t* quads) {
  return hn::BitCast(DI8(), BroadcastI32<I, I + 4>(quads));
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_PANEL_LANES_INL_H_
