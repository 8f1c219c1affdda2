// Tiles of float weights, of 32, 16 or 8 bits, times float activations.
#if defined(LFM2_KERNELS_TILE_FLOAT_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_FLOAT_INL_H_
#undef LFM2_KERNELS_TILE_FLOAT_INL_H_
#else
#define LFM2_KERNELS_TILE_FLOAT_INL_H_
#endif

#include "lfm2/kernels/tile_shape-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

HWY_INLINE VF LoadE4M3(const uint8_t* p) {
  const DI32 di;
  const VI32 bits = LoadBytesAsI32(p);
  const VI32 sign = hn::ShiftLeft<24>(hn::And(bits, hn::Set(di, 0x80)));
  return hn::BitCast(DF(), hn::Or(hn::BitCast(di, MagnitudeOfE4M3(bits)), sign));
}

// Type is kF32, kF16, kBF16 or kMxfp8; values of kMxfp8 are still to be scaled.
template <TensorType Type>
HWY_INLINE VF LoadColumn(const uint8_t* block, size_t column, size_t r) {
  if constexpr (Type == TensorType::kF32) {
    return hn::LoadU(DF(), reinterpret_cast<const BlockF32*>(block)->values[column] + r);
  } else if constexpr (Type == TensorType::kF16) {
    return LoadF16(reinterpret_cast<const BlockF16*>(block)->values[column] + r);
  } else if constexpr (Type == TensorType::kMxfp8) {
    return LoadE4M3(reinterpret_cast<const BlockMxfp8*>(block)->values[column] + r);
  } else {
    return LoadBF16(reinterpret_cast<const BlockF16*>(block)->values[column] + r);
  }
}

// x0..x3[cols] are the rows of T = 1 or 4 tokens; results of the first `tokens` are stored.
template <TensorType Type>
struct RowsFloat {
  template <uint32_t T, uint32_t R, uint32_t P>
  static void Run(size_t r, const uint8_t* HWY_RESTRICT block, size_t groups, const float* x0, const float* x1,
                  const float* x2, const float* x3, uint32_t tokens, float* HWY_RESTRICT out) {
    const DF df;
    const size_t lanes = hn::Lanes(df);
    [[maybe_unused]] float* const far_out = out;
    constexpr bool kScaled = Type == TensorType::kMxfp8;
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (size_t g = 0; g < groups; ++g, block += TraitsOf(Type).bytes) {
      // The sum of one group, where the group has a scale.
#define LFM2_BEGIN(k) [[maybe_unused]] VF e##k = hn::Zero(df);
      LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
      for (size_t i = 0; i < kGroupColumns; ++i) {
        const size_t column = g * kGroupColumns + i;
#define LFM2_WEIGHTS(v) LoadColumn<Type>(block, i, LFM2_ROW(v))
        LFM2_ROWS(VF, w, LFM2_WEIGHTS)
#define LFM2_ADD(k)                                                \
  if constexpr (k < T * R) {                                       \
    const VF x = hn::Set(df, Pick<k / R>(x0, x1, x2, x3)[column]); \
    if constexpr (kScaled) {                                       \
      e##k = hn::MulAdd(LFM2_PICK(k, w), x, e##k);                 \
    } else {                                                       \
      f##k = hn::MulAdd(LFM2_PICK(k, w), x, f##k);                 \
    }                                                              \
  }
        LFM2_FOR_EACH_SLOT(LFM2_ADD)
      }
      if constexpr (kScaled) {
#define LFM2_SCALE(v) F32FromE8M0(LoadBytesAsI32(reinterpret_cast<const BlockMxfp8*>(block)->exponent + LFM2_ROW(v)))
        LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD_GROUP(k) \
  if constexpr (k < T * R) f##k = hn::MulAdd(e##k, LFM2_PICK(k, scale), f##k);
        LFM2_FOR_EACH_SLOT(LFM2_ADD_GROUP)
      }
    }
#define LFM2_STORE_WANTED(k) \
  if (k / R < tokens) {      \
    LFM2_STORE(k)            \
  }
    LFM2_FOR_EACH_SLOT(LFM2_STORE_WANTED)
#undef LFM2_BEGIN
#undef LFM2_WEIGHTS
#undef LFM2_ADD
#undef LFM2_SCALE
#undef LFM2_ADD_GROUP
#undef LFM2_STORE_WANTED
  }
};

// Four tokens at a time: each weight is loaded once for all four, and two row vectors of them hide the latency of the
// additions.
template <TensorType Type>
void TileFloat(const uint8_t* weights, size_t groups, const float* x0, const float* x1, const float* x2,
               const float* x3, uint32_t tokens, float* out) {
  if (tokens == 1) return RunRows<RowsFloat<Type>, 1, 8>(weights, groups, x0, x1, x2, x3, tokens, out);
  RunRows<RowsFloat<Type>, 4, 8>(weights, groups, x0, x1, x2, x3, tokens, out);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_TILE_FLOAT_INL_H_
