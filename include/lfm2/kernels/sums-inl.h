// How the integers of a group are multiplied and added up: one class for each range of integers, over the functions of
// dot-inl.h.
#if defined(LFM2_KERNELS_SUMS_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_SUMS_INL_H_
#undef LFM2_KERNELS_SUMS_INL_H_
#else
#define LFM2_KERNELS_SUMS_INL_H_
#endif

#include <type_traits>

#include "lfm2/kernels/dot-inl.h"
#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// A class of sums has
//   Sum, kHoldsGroup      a row's sum in a lane, and whether it can hold a whole group; if not, each half has one
//   kSlots                how many sums fit into registers
//   kLift                 what is added to values of a table
//   Prepare(w)            weights as they are multiplied
//   Begin(minus_eight_sum), End(sum, minus_eight_sum)   -8 * the sum of the activations that are multiplied
//   DotFirst<begins, I>, DotSecond<T, I, J, last>       add the products of quads I and J: the first one of the two for
//                         all sums, then the second. begins: for the first time in a group of this sum. T: tokens.
//                         last: every second time for this sum
struct NibbleSums {  // 0..15, less 8
  using Sum = Sum4;
  static constexpr bool kHoldsGroup = true;
  static constexpr uint32_t kSlots = kSlots4;
  static constexpr int kLift = 0;
  static HWY_INLINE VU8 Prepare(VU8 w) { return w; }
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return ZeroSum4(minus_eight_sum); }
  template <bool begins, size_t I>
  static HWY_INLINE Sum DotFirst(Sum sum, VU8 w, const uint8_t* quads, VI32 minus_eight_sum) {
    if constexpr (begins) return BeginSum4<I>(w, quads, minus_eight_sum);
    return DotQuad4<I>(sum, w, quads);
  }
  template <size_t T, size_t I, size_t J, bool /*last*/>
  static HWY_INLINE Sum DotSecond(Sum sum, VU8 /*w_i*/, VU8 w_j, const uint8_t* quads) {
    return DotQuad4<J>(sum, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 minus_eight_sum) { return EndSum4(sum, minus_eight_sum); }
};

template <bool from_table>
struct ByteSums {  // -128..127
  using Sum = Sum8;
  static constexpr bool kHoldsGroup = true;
  static constexpr uint32_t kSlots = kSlots8;
  static constexpr int kLift = kTableLift8;
  static HWY_INLINE VU8 Prepare(VU8 w) { return w; }
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum8(minus_eight_sum); }
  template <bool /*begins*/, size_t I>
  static HWY_INLINE Sum DotFirst(Sum sum, VU8 w, const uint8_t* quads, VI32 /*minus_eight_sum*/) {
    return DotFirst8<I, from_table>(sum, w, quads);
  }
  template <size_t T, size_t I, size_t J, bool /*last*/>
  static HWY_INLINE Sum DotSecond(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotSecond8<T, I, J, from_table>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum8(sum); }
};

// Sums that add two quads at a time.
template <class AnySum, uint32_t slots, bool holds_group = true>
struct PairSums {
  using Sum = AnySum;
  static constexpr bool kHoldsGroup = holds_group;
  static constexpr uint32_t kSlots = slots;
  static HWY_INLINE VU8 Prepare(VU8 w) { return w; }
  template <bool /*begins*/, size_t I>
  static HWY_INLINE Sum DotFirst(Sum sum, VU8 /*w*/, const uint8_t* /*quads*/, VI32 /*minus_eight_sum*/) {
    return sum;
  }
};
struct PairSums4 : PairSums<Sum4, kSlots4> {  // 0..15, less 8
  static constexpr int kLift = 0;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return ZeroSum4(minus_eight_sum); }
  template <size_t T, size_t I, size_t J, bool /*last*/>
  static HWY_INLINE Sum DotSecond(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotQuad4<J>(DotQuad4<I>(sum, w_i, quads), w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 minus_eight_sum) { return EndSum4(sum, minus_eight_sum); }
};
struct PairSums8 : PairSums<Sum8, kSlots8> {  // -128..127, plus kLift
  static constexpr int kLift = kTableLift8;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum8(minus_eight_sum); }
  template <size_t T, size_t I, size_t J, bool /*last*/>
  static HWY_INLINE Sum DotSecond(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair8<I, J>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum8(sum); }
};
template <bool few_tokens, bool holds_group>
struct PairSums6 : PairSums<Sum6, kSlots6, holds_group> {  // 0..63, less 32; or, of a table, -32..31, plus kLift
  static constexpr int kLift = kTableLift6;
  static HWY_INLINE Sum6 Begin(VI32 minus_eight_sum) { return BeginSum6<few_tokens>(minus_eight_sum); }
  template <size_t T, size_t I, size_t J, bool /*last*/>
  static HWY_INLINE Sum6 DotSecond(Sum6 sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair6<I, J>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum6 sum, VI32 /*minus_eight_sum*/) { return EndSum6(sum); }
};
#if LFM2_DOT_PAIRS
struct PairSums5 : PairSums<Sum5, kSlots6> {  // -16..15, plus kLift
  static constexpr int kLift = kTableLift5;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum5(minus_eight_sum); }
  template <size_t T, size_t I, size_t J, bool last>
  static HWY_INLINE Sum DotSecond(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair5<I, J, last>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum5(sum); }
};
#endif

// The sums for PairWeights. Here: five and six bits, 0..63 less 32, and tables of six bits.
template <Integers kind, int center, bool few_tokens, class = void>
struct SumsOfPairs
    // Twice as many products of values of half the magnitude fit.
    : PairSums6<few_tokens && ValuesOf(kind) == nullptr,
                kSum6HoldsGroup || (HasValues(kind) && LargestOf(kind) <= 16)> {
  static HWY_INLINE VU8 Prepare(VU8 w) { return HasValues(kind) ? w : Weights6<few_tokens>(w); }
};
template <Integers kind, int center, bool few_tokens>
struct SumsOfPairs<kind, center, few_tokens, std::enable_if_t<kind == Integers::kTwo || kind == Integers::kThree> >
    : PairSums4 {
  static HWY_INLINE VI32 Taken(VI32 minus_eight_sum) {  // less 2 or 4, not 8
    if constexpr (center == 0) return hn::Zero(DI32());
    constexpr int kShift = center == 2 ? 2 : 1;
    return hn::ShiftRight<kShift>(minus_eight_sum);
  }
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return PairSums4::Begin(Taken(minus_eight_sum)); }
  static HWY_INLINE VI32 End(Sum sum, VI32 minus_eight_sum) { return PairSums4::End(sum, Taken(minus_eight_sum)); }
};
template <Integers kind, int center, bool few_tokens>
struct SumsOfPairs<kind, center, few_tokens, std::enable_if_t<kind == Integers::kIQ2> > : PairSums8 {};
#if LFM2_DOT_PAIRS
template <Integers kind, int center, bool few_tokens>
struct SumsOfPairs<kind, center, few_tokens, std::enable_if_t<HasValues(kind) && LargestOf(kind) < 16> >
    : PairSums5 {};
#endif

// The sums for unpacked weights with integers in -sum_range .. sum_range - 1.
template <int sum_range>
struct SumsOfUnpacked : PairSums8 {};  // 128
template <>
struct SumsOfUnpacked<8> : PairSums4 {};
template <>
struct SumsOfUnpacked<32> : PairSums6<false, kSum6HoldsGroup> {};
#if LFM2_DOT_PAIRS
template <>
struct SumsOfUnpacked<16> : PairSums5 {};
#else
template <>
struct SumsOfUnpacked<16> : PairSums6<false, true> {};
#endif

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_SUMS_INL_H_
