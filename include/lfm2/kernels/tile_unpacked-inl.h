// Tiles of weights that unpack-inl.h has taken apart: one for all types whose integers are added up alike.
#if defined(LFM2_KERNELS_TILE_UNPACKED_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_UNPACKED_INL_H_
#undef LFM2_KERNELS_TILE_UNPACKED_INL_H_
#else
#define LFM2_KERNELS_TILE_UNPACKED_INL_H_
#endif

#include "lfm2/base/assert.h"
#include "lfm2/kernels/tile_matrix-inl.h"
#include "lfm2/kernels/unpack-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// How integers of a range are added up, two quads at a time: as PairSum of tile_pairs-inl.h.
template <int sum_range>
struct UnpackedSum {  // 128
  using Sum = Sum8;
  static constexpr bool kHoldsGroup = true;
  static constexpr uint32_t kSlots = kSlots8;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum8(minus_eight_sum); }
  template <size_t I, size_t J, bool /*kLast*/>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair8<I, J>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum8(sum); }
};
#if !LFM2_DOT_WIDEN
template <>
struct UnpackedSum<8> {
  using Sum = Sum4;
  static constexpr bool kHoldsGroup = true;
  static constexpr uint32_t kSlots = kSlots4;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return ZeroSum4(minus_eight_sum); }
  template <size_t I, size_t J, bool /*kLast*/>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotQuad4<J>(DotQuad4<I>(sum, w_i, quads), w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 minus_eight_sum) { return EndSum4(sum, minus_eight_sum); }
};
#endif
#if LFM2_DOT_PAIRS
template <>
struct UnpackedSum<16> {
  using Sum = Sum5;
  static constexpr bool kHoldsGroup = true;
  static constexpr uint32_t kSlots = kSlots6;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum5(minus_eight_sum); }
  template <size_t I, size_t J, bool kLast>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair5<I, J, kLast>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum5(sum); }
};
#endif
#if LFM2_DOT_PAIRS || LFM2_DOT_WIDEN
template <bool holds_group>
struct UnpackedSum6 {
  using Sum = Sum6;
  static constexpr bool kHoldsGroup = holds_group;
  static constexpr uint32_t kSlots = kSlots6;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum6<false>(minus_eight_sum); }
  template <size_t I, size_t J, bool /*kLast*/>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair6<I, J>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum6(sum); }
};
template <>
struct UnpackedSum<32> : UnpackedSum6<kSum6HoldsGroup> {};
#endif
#if LFM2_DOT_WIDEN
template <>
struct UnpackedSum<16> : UnpackedSum6<true> {};
#endif

#if !LFM2_DOT_MATRIX
template <int sum_range, Scaling scaling>
struct RowsOfUnpacked {
  template <uint32_t T, uint32_t R, uint32_t P>
  static LFM2_INLINE_RUN void Run(size_t r, const uint8_t* HWY_RESTRICT weights, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool adds, float* HWY_RESTRICT out) {
    [[maybe_unused]] float* const far_out = out;
    using Of = UnpackedSum<sum_range>;
    using Sum = typename Of::Sum;
    constexpr bool kHalves = scaling == Scaling::kHalves || scaling == Scaling::kHalvesAndMins;
    constexpr bool kTwoSums = kHalves || !Of::kHoldsGroup;
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
#define LFM2_CONTINUE(k)                                                          \
  VF f##k = hn::Zero(df);                                                         \
  if constexpr (k < T * R) {                                                      \
    if (adds) f##k = hn::LoadU(df, out + k / R * kBlockRows + r + k % R * lanes); \
  }
    LFM2_FOR_EACH_SLOT(LFM2_CONTINUE)
    for (; groups != 0; --groups, panel += T * kPanelGroupBytes, weights += UnpackedBytes(scaling)) {
      const PanelGroup p(panel, T);
      const float* const numbers = reinterpret_cast<const float*>(weights + kUnpackedIntegerBytes);
#define LFM2_BEGIN(k)                                                                                              \
  const VI32 first_bias##k = BroadcastI32<LFM2_TOKEN(k), T>(kTwoSums ? p.minus_eight_sum_low : p.minus_eight_sum); \
  [[maybe_unused]] const VI32 second_bias##k =                                                                     \
      hn::Sub(BroadcastI32<LFM2_TOKEN(k), T>(p.minus_eight_sum), first_bias##k);                                   \
  Sum a##k = Of::Begin(first_bias##k);                                                                             \
  [[maybe_unused]] Sum b##k = Of::Begin(second_bias##k);
      LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) hn::LoadU(du8, weights + LFM2_ROW(v) * kGroupColumns + q * 4 * lanes)
#define LFM2_SECOND(v) hn::LoadU(du8, weights + LFM2_ROW(v) * kGroupColumns + (q + 1) * 4 * lanes)
#define LFM2_DOT(k)                                                                                               \
  if constexpr (k < T * R && kTwoSums && q >= 4) {                                                                \
    b##k = Of::template DotPair<q * T + k / R, (q + 1) * T + k / R, (q % 4 == 2)>(b##k, LFM2_PICK(k, first),      \
                                                                                  LFM2_PICK(k, second), p.quads); \
    Pin(b##k);                                                                                                    \
  } else if constexpr (k < T * R) {                                                                               \
    a##k = Of::template DotPair<q * T + k / R, (q + 1) * T + k / R, (q % 4 == 2)>(a##k, LFM2_PICK(k, first),      \
                                                                                  LFM2_PICK(k, second), p.quads); \
    Pin(a##k);                                                                                                    \
  }
#define LFM2_QUADS(number)              \
  {                                     \
    constexpr size_t q = number;        \
    LFM2_ROWS(VU8, first, LFM2_FIRST)   \
    LFM2_ROWS(VU8, second, LFM2_SECOND) \
    LFM2_FOR_EACH_SLOT(LFM2_DOT)        \
  }
      LFM2_QUADS(0)
      LFM2_QUADS(2)
      LFM2_QUADS(4)
      LFM2_QUADS(6)
#define LFM2_NUMBER(v, i) hn::LoadU(df, numbers + i * kUnpackedNumbers + LFM2_ROW(v))
#define LFM2_SCALE(v) LFM2_NUMBER(v, 0)
      LFM2_ROWS(VF, scale, LFM2_SCALE)
      if constexpr (kHalves) {
#define LFM2_LOW(v) LFM2_NUMBER(v, 1)
#define LFM2_HIGH(v) LFM2_NUMBER(v, 2)
        LFM2_ROWS(VF, low, LFM2_LOW)
        LFM2_ROWS(VF, high, LFM2_HIGH)
#define LFM2_ADD_HALVES(k)                                                                                             \
  if constexpr (k < T * R) {                                                                                           \
    const VF dot =                                                                                                     \
        AddHalves(Of::End(a##k, first_bias##k), LFM2_PICK(k, low), Of::End(b##k, second_bias##k), LFM2_PICK(k, high)); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k);                                \
  }
        LFM2_FOR_EACH_SLOT(LFM2_ADD_HALVES)
      } else {
#define LFM2_ADD(k)                                                                     \
  if constexpr (k < T * R) {                                                            \
    VI32 sum = Of::End(a##k, first_bias##k);                                            \
    if constexpr (kTwoSums) sum = hn::Add(sum, Of::End(b##k, second_bias##k));          \
    const VF dot = hn::ConvertTo(df, sum);                                              \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k); \
  }
        LFM2_FOR_EACH_SLOT(LFM2_ADD)
      }
      if constexpr (scaling == Scaling::kOffset) {
#define LFM2_OFFSET(v) LFM2_NUMBER(v, 1)
        LFM2_ROWS(VF, offset, LFM2_OFFSET)
        LFM2_FOR_EACH_SLOT(LFM2_ADD_OFFSET)
      }
      if constexpr (scaling == Scaling::kHalvesAndMins) {
#define LFM2_MIN_DELTA(v) LFM2_NUMBER(v, 3)
#define LFM2_LOW_MIN(v) LFM2_NUMBER(v, 4)
#define LFM2_HIGH_MIN(v) LFM2_NUMBER(v, 5)
        LFM2_ROWS(VF, min_delta, LFM2_MIN_DELTA)
        LFM2_ROWS(VF, low_min, LFM2_LOW_MIN)
        LFM2_ROWS(VF, high_min, LFM2_HIGH_MIN)
#define LFM2_ADD_MINS(k)                                                                                        \
  if constexpr (k < T * R) {                                                                                    \
    const VF of_mins = AddHalves(first_bias##k, LFM2_PICK(k, low_min), second_bias##k, LFM2_PICK(k, high_min)); \
    f##k = hn::MulAdd(of_mins, MulBroadcast<k / R, T>(LFM2_PICK(k, min_delta), p.scale), f##k);                 \
  }
        LFM2_FOR_EACH_SLOT(LFM2_ADD_MINS)
      }
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_CONTINUE
#undef LFM2_BEGIN
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_DOT
#undef LFM2_QUADS
#undef LFM2_NUMBER
#undef LFM2_SCALE
#undef LFM2_LOW
#undef LFM2_HIGH
#undef LFM2_ADD_HALVES
#undef LFM2_ADD
#undef LFM2_OFFSET
#undef LFM2_MIN_DELTA
#undef LFM2_LOW_MIN
#undef LFM2_HIGH_MIN
#undef LFM2_ADD_MINS
  }
};
template <int sum_range, Scaling scaling, uint32_t T>
HWY_INLINE void TileOfUnpacked(const uint8_t* weights, size_t groups, const uint8_t* panel, bool adds, float* out) {
  RunRows<RowsOfUnpacked<sum_range, scaling>, T, UnpackedSum<sum_range>::kSlots>(weights, groups, panel, adds, out);
}
#else
template <int sum_range, Scaling scaling, uint32_t T>
HWY_INLINE void TileOfUnpacked(const uint8_t* weights, size_t groups, const uint8_t* panel, bool adds, float* out) {
  TileOfMatrices<scaling, T>(weights, groups, panel, adds, out);
}
#endif

// out[tokens, 16] = the products of `groups` groups, taken apart, with a panel tile of as many tokens; or `adds` them.
template <int sum_range, Scaling scaling>
HWY_NOINLINE void UnpackedTile(const uint8_t* weights, size_t groups, const uint8_t* panel, uint32_t tokens, bool adds,
                               float* out) {
  switch (tokens) {
#define LFM2_TILE(T)                                                                   \
  case T:                                                                              \
    if constexpr (T >= kMinUnpackedTile && T <= kMaxTile) {                            \
      return TileOfUnpacked<sum_range, scaling, T>(weights, groups, panel, adds, out); \
    }                                                                                  \
    break
    LFM2_TILE(2);
    LFM2_TILE(3);
    LFM2_TILE(4);
    LFM2_TILE(5);
    LFM2_TILE(6);
    LFM2_TILE(7);
    LFM2_TILE(8);
    default: break;
  }
#undef LFM2_TILE
  LFM2_ASSERT(false);  // Tiling makes no others of more than kMaxDirectTokens tokens
}

// How a type is taken apart and multiplied then.
struct UnpackedType {
  void (*unpack)(TensorType type, const uint8_t* weights, size_t first, size_t count, bool stream, uint8_t* out);
  void (*tile)(const uint8_t* weights, size_t groups, const uint8_t* panel, uint32_t tokens, bool adds, float* out);
};
template <TensorType Family, class Format>
constexpr UnpackedType MakeUnpackedType() {
  if constexpr (IsCompiled(Family)) {
    return {&Unpack<Format>, &UnpackedTile<SumRange<RangeOf<Format>()>(), kScalingOf<Format>>};
  } else {
    return {nullptr, nullptr};  // Image::Open has refused it
  }
}
inline UnpackedType UnpackedTypeOf(TensorType type) {
  switch (FamilyOf(type)) {
#define LFM2_TYPE(name, Format) \
  case TensorType::k##name: return MakeUnpackedType<TensorType::k##name, Format>();
    LFM2_FOR_EACH_QUANTIZED(LFM2_TYPE)
#undef LFM2_TYPE
    default: return {nullptr, nullptr};
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_UNPACKED_INL_H_
