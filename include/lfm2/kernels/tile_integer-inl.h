// Tiles of quantised weights: one loop for all of them. `stream`: the weights come from memory, not from a cache that
// an earlier tile filled. A tile of one or two tokens is always the first, so `stream` is a constant there and the loop
// needs no branch.
#if defined(LFM2_KERNELS_TILE_INTEGER_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_INTEGER_INL_H_
#undef LFM2_KERNELS_TILE_INTEGER_INL_H_
#else
#define LFM2_KERNELS_TILE_INTEGER_INL_H_
#endif

#include <type_traits>

#include "lfm2/kernels/tile_shape-inl.h"
#include "lfm2/kernels/weights_bytes-inl.h"
#include "lfm2/kernels/weights_pairs-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Prefetches weights that the loop reaches some groups later, into the second-level cache: measured 1.0 instead of 0.85
// of the speed of a loop that only reads, because a core has few outstanding requests of the first-level cache.
HWY_INLINE void PrefetchAhead(const void* group, size_t bytes) {
  constexpr size_t kAhead = 4096, kLine = 64;
  HWY_UNROLL(16)
  for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(static_cast<const uint8_t*>(group) + kAhead + i, 0, 2);
}

// Makes GCC load R row vectors of weights here, in pairs, and not one by one where they are used.
template <uint32_t R>
HWY_INLINE void LoadTogether(VU8 v0, VU8 v1, VU8 v2, VU8 v3) {
#if HWY_TARGET_IS_NEON
  if constexpr (R == 4) __asm__ volatile("" : : "w"(v0.raw), "w"(v1.raw), "w"(v2.raw), "w"(v3.raw));
#else
  static_cast<void>(v0), static_cast<void>(v1), static_cast<void>(v2), static_cast<void>(v3);
#endif
}

// Whether a step is the second of two that add to the same sum. two_sums: steps of the upper half of a group have a
// separate sum.
template <class Weights>
constexpr bool IsSecondOfSum(size_t step, bool two_sums) {
  size_t before = 0;
  for (size_t s = 0; s < step; ++s) before += !two_sums || Weights::IsHigh(s) == Weights::IsHigh(step) ? 1 : 0;
  return before % 2 == 1;
}

// The products of a tile. Weights is NibbleWeights, ByteWeights, PairWeights or UnpackedWeights, and has
//   Blocks, Data(block, g), kGroupBytes   as a format of formats.h
//   kIsUnpacked            whether the weights are a slice of the columns in the first-level cache: nothing is
//                          prefetched, and with `adds` the products are added to those of earlier slices in `out`
//   Sums<few_tokens>       a class of sums-inl.h; few_tokens: no more tokens than row vectors
//   Shared<step>(data, row)   bytes that First and Second both use: clang does not load them only once for RVV by
//   itself First<step>(data, row, shared, low_table, high_table), Second   the weights of quads FirstQuad(step) and
//                          SecondQuad(step), for the row vector that begins at `row`; the four steps cover the eight
//                          quads of a group
//   LowTable<lift>, HighTable<lift>   the tables for First and Second
//   kLoadsTogether         whether LoadTogether helps
//   IsHigh(step)           whether these quads are in the upper half of the group
//   GroupScales, kOffset   scales of whole groups (scales-inl.h), and whether these have an Offset
//   kHalves, Halves, kHalfMins   whether each half has a scale, then these scales, and whether these have a Min
// The halves of a group have a sum each with kHalves, and where one sum could not hold a group.
template <class Weights>
struct RowsOfIntegers {
  template <uint32_t T, uint32_t R, uint32_t P>
  static LFM2_INLINE_RUN void Run(size_t r, TileRows<typename Weights::Blocks> rows, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, [[maybe_unused]] bool stream,
                                  [[maybe_unused]] bool adds) {
    typename Weights::Blocks blocks = rows.own, far = rows.far;
    float* HWY_RESTRICT const out = rows.out;
    [[maybe_unused]] float* HWY_RESTRICT const far_out = rows.far_out;
    using Sums = typename Weights::template Sums<(T <= R)>;
    using Sum = typename Sums::Sum;
    constexpr bool kTwoSums = Weights::kHalves || !Sums::kHoldsGroup;
    const DF df;
    const size_t lanes = hn::Lanes(df);
    const VU8 low_table = Weights::template LowTable<Sums::kLift>();
    const VU8 high_table = Weights::template HighTable<Sums::kLift>();
#define LFM2_START(k)                                                           \
  VF f##k = hn::Zero(df);                                                       \
  if constexpr (Weights::kIsUnpacked && k < T * R) {                            \
    if (adds) f##k = hn::LoadU(df, out + k / R * kBlockRows + LFM2_ROW(k % R)); \
  }
    LFM2_FOR_EACH_SLOT(LFM2_START)
    for (; groups != 0; groups -= blocks.groups(), blocks.Skip(1), far.Skip(1)) {
      const auto& block = *blocks;
      [[maybe_unused]] const auto& far_block = *far;
      for (uint32_t g = 0; g < blocks.groups(); ++g, panel += T * kPanelGroupBytes) {
        const uint8_t* const data = Weights::Data(block, g);
        [[maybe_unused]] const uint8_t* const far_data = Weights::Data(far_block, g);
        if constexpr (!Weights::kIsUnpacked) {
          if (stream && r == 0) PrefetchAhead(blocks.Share(g), Weights::kGroupBytes);
          if (stream && r == 0 && P < R) PrefetchAhead(far.Share(g), Weights::kGroupBytes);
        }
        const PanelGroup p(panel, T);
        // -8 * the sum of the activations that a slot's first sum covers, and of those of the second.
#define LFM2_MINUS_EIGHT(k) BroadcastI32<LFM2_TOKEN(k), T>(kTwoSums ? p.minus_eight_sum_low : p.minus_eight_sum)
#define LFM2_MINUS_EIGHT_HIGH(k) hn::Sub(BroadcastI32<LFM2_TOKEN(k), T>(p.minus_eight_sum), LFM2_MINUS_EIGHT(k))
#define LFM2_BEGIN(k)                          \
  Sum a##k = Sums::Begin(LFM2_MINUS_EIGHT(k)); \
  [[maybe_unused]] Sum b##k = Sums::Begin(LFM2_MINUS_EIGHT_HIGH(k));
        LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_SHARED(v) Weights::template Shared<s>(LFM2_OF(v, data, far_data), LFM2_ROW(v))
#define LFM2_FIRST(v) \
  Sums::Prepare(Weights::template First<s>(LFM2_OF(v, data, far_data), LFM2_ROW(v), shared##v, low_table, high_table))
#define LFM2_SECOND(v) \
  Sums::Prepare(Weights::template Second<s>(LFM2_OF(v, data, far_data), LFM2_ROW(v), shared##v, low_table, high_table))
#define LFM2_DOT_FIRST(k)                                                                                           \
  if constexpr (k < T * R && !kTwoSums) {                                                                           \
    a##k = Sums::template DotFirst<s == 0, i * T + k / R>(a##k, LFM2_PICK(k, first), p.quads, LFM2_MINUS_EIGHT(k)); \
  }
#define LFM2_DOT_SECOND_OF(k, sum)                                                                       \
  sum = Sums::template DotSecond<T, i * T + k / R, j * T + k / R, kLast>(sum, LFM2_PICK(k, first),       \
                                                                         LFM2_PICK(k, second), p.quads); \
  Pin(sum);
#define LFM2_DOT_SECOND(k)                        \
  if constexpr (k < T * R && kTwoSums && kHigh) { \
    LFM2_DOT_SECOND_OF(k, b##k)                   \
  } else if constexpr (k < T * R) {               \
    LFM2_DOT_SECOND_OF(k, a##k)                   \
  }
#define LFM2_STEP(number)                                                                                    \
  {                                                                                                          \
    constexpr size_t s = number, i = Weights::FirstQuad(s), j = Weights::SecondQuad(s);                      \
    [[maybe_unused]] constexpr bool kHigh = Weights::IsHigh(s), kLast = IsSecondOfSum<Weights>(s, kTwoSums); \
    LFM2_ROWS(VU8, shared, LFM2_SHARED)                                                                      \
    LFM2_ROWS(VU8, first, LFM2_FIRST)                                                                        \
    if constexpr (Weights::kLoadsTogether) LoadTogether<R>(first0, first1, first2, first3);                  \
    LFM2_ROWS(VU8, second, LFM2_SECOND)                                                                      \
    if constexpr (Weights::kLoadsTogether) LoadTogether<R>(second0, second1, second2, second3);              \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_FIRST)                                                                       \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_SECOND)                                                                      \
  }
        LFM2_STEP(0)
        LFM2_STEP(1)
        LFM2_STEP(2)
        LFM2_STEP(3)
        if constexpr (Weights::kHalves) {
          using Halves = typename Weights::Halves;
          using Scale = typename Halves::Scale;
#define LFM2_DELTA(v) Halves::template Delta<(v) % P, P>(LFM2_OF(v, block, far_block), r)
#define LFM2_LOW_SCALE(v) Halves::template Of<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, 0)
#define LFM2_HIGH_SCALE(v) Halves::template Of<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, 1)
          LFM2_ROWS(VF, delta, LFM2_DELTA)
          LFM2_ROWS(Scale, low_scale, LFM2_LOW_SCALE)
          LFM2_ROWS(Scale, high_scale, LFM2_HIGH_SCALE)
#define LFM2_ADD_HALVES(k)                                                                         \
  if constexpr (k < T * R) {                                                                       \
    const VF dot = AddHalves(Sums::End(a##k, LFM2_MINUS_EIGHT(k)), LFM2_PICK(k, low_scale),        \
                             Sums::End(b##k, LFM2_MINUS_EIGHT_HIGH(k)), LFM2_PICK(k, high_scale)); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, delta), p.scale), f##k);            \
  }
          LFM2_FOR_EACH_SLOT(LFM2_ADD_HALVES)
          if constexpr (Weights::kHalfMins) {
#define LFM2_MIN_DELTA(v) Halves::template MinDelta<(v) % P, P>(LFM2_OF(v, block, far_block), r)
#define LFM2_LOW_MIN(v) Halves::template Min<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, 0)
#define LFM2_HIGH_MIN(v) Halves::template Min<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, 1)
            LFM2_ROWS(VF, min_delta, LFM2_MIN_DELTA)
            LFM2_ROWS(Scale, low_min, LFM2_LOW_MIN)
            LFM2_ROWS(Scale, high_min, LFM2_HIGH_MIN)
#define LFM2_ADD_MINS(k)                                                                                         \
  if constexpr (k < T * R) {                                                                                     \
    const VF of_mins =                                                                                           \
        AddHalves(LFM2_MINUS_EIGHT(k), LFM2_PICK(k, low_min), LFM2_MINUS_EIGHT_HIGH(k), LFM2_PICK(k, high_min)); \
    f##k = hn::MulAdd(of_mins, MulBroadcast<k / R, T>(LFM2_PICK(k, min_delta), p.scale), f##k);                  \
  }
            LFM2_FOR_EACH_SLOT(LFM2_ADD_MINS)
          }
        } else {
          using GroupScales = typename Weights::GroupScales;
#define LFM2_SCALE(v) GroupScales::template Scale<(v) % P, P>(LFM2_OF(v, block, far_block), g, r)
          LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                        \
  if constexpr (k < T * R) {                                                               \
    VI32 sum = Sums::End(a##k, LFM2_MINUS_EIGHT(k));                                       \
    if constexpr (kTwoSums) sum = hn::Add(sum, Sums::End(b##k, LFM2_MINUS_EIGHT_HIGH(k))); \
    const VF dot = hn::ConvertTo(df, sum);                                                 \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k);    \
  }
          LFM2_FOR_EACH_SLOT(LFM2_ADD)
          if constexpr (Weights::kOffset) {
            // The part of the product that does not depend on the integers.
#define LFM2_OFFSET(v) GroupScales::template Offset<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, scale##v)
            LFM2_ROWS(VF, offset, LFM2_OFFSET)
#define LFM2_ADD_OFFSET(k) \
  if constexpr (k < T * R) f##k = MulAddBroadcast<k / R, T>(LFM2_PICK(k, offset), p.sum, f##k);
            LFM2_FOR_EACH_SLOT(LFM2_ADD_OFFSET)
          }
        }
      }
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_START
#undef LFM2_MINUS_EIGHT
#undef LFM2_MINUS_EIGHT_HIGH
#undef LFM2_BEGIN
#undef LFM2_SHARED
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_DOT_FIRST
#undef LFM2_DOT_SECOND_OF
#undef LFM2_DOT_SECOND
#undef LFM2_STEP
#undef LFM2_DELTA
#undef LFM2_LOW_SCALE
#undef LFM2_HIGH_SCALE
#undef LFM2_ADD_HALVES
#undef LFM2_MIN_DELTA
#undef LFM2_LOW_MIN
#undef LFM2_HIGH_MIN
#undef LFM2_ADD_MINS
#undef LFM2_SCALE
#undef LFM2_ADD
#undef LFM2_OFFSET
#undef LFM2_ADD_OFFSET
  }
};

// One row block times a tile of T tokens.
template <class Weights, uint32_t T>
HWY_INLINE void RunTile(typename Weights::Blocks blocks, size_t groups, const uint8_t* panel, bool stream, bool adds,
                        float* out) {
  using Rows = TileRows<typename Weights::Blocks>;
  RunRows<RowsOfIntegers<Weights>, T, Weights::kSlots>(Rows{blocks, blocks, out, out}, groups, panel, stream, adds);
}

template <class Format>
using WeightsOf =
    std::conditional_t<Format::kIntegers == Integers::kNibbles, NibbleWeights<Format>,
                       std::conditional_t<kGoesByBytes<Format::kIntegers>, ByteWeights<Format>, PairWeights<Format> > >;

// out[T, 16] = a row block times a tile of T tokens.
template <class Format, uint32_t T>
void IntegerTileOf(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunTile<WeightsOf<Format>, T>(blocks, groups, panel, T <= 2 || stream, false, out);
}

#if LFM2_GOES_BY_PAIRS
// One token times the rows of both blocks, which no earlier tile has read.
template <class Format>
void IntegerPairOf(const TileRows<typename Format::Blocks>& rows, size_t groups, const uint8_t* panel) {
  constexpr uint32_t P = Min<uint32_t>(2, static_cast<uint32_t>(kBlockRows / hn::MaxLanes(DF())));
  using Rows = RowsOfIntegers<WeightsOf<Format> >;
  for (size_t r = 0; r < kBlockRows; r += P * hn::Lanes(DF())) {
    Rows::template Run<1, 2 * P, P>(r, rows, groups, panel, true, false);
  }
}
#endif

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_INTEGER_INL_H_
