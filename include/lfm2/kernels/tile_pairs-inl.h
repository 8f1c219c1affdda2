// Tiles of weights that go two quads of each half of a group at a time: those of two and three bits, of five and six,
// and small tables; and all whose halves have scales of their own.
#if defined(LFM2_KERNELS_TILE_PAIRS_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_PAIRS_INL_H_
#undef LFM2_KERNELS_TILE_PAIRS_INL_H_
#else
#define LFM2_KERNELS_TILE_PAIRS_INL_H_
#endif

#include "lfm2/kernels/tile_integer-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Bits of `yes` where the mask has ones, of `no` elsewhere.
HWY_INLINE VU8 SelectBits(uint8_t mask, VU8 yes, VU8 no) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // Overwrites what is not needed again; GCC otherwise copies the mask each time.
  return VU8{_mm512_ternarylogic_epi64(no.raw, yes.raw, hn::Set(DU8(), mask).raw, 0xd8)};
#else
  return hn::BitwiseIfThenElse(hn::Set(DU8(), mask), yes, no);
#endif
}
HWY_INLINE VU8 MaskBits(VU8 v, uint8_t mask) { return hn::And(v, hn::Set(DU8(), mask)); }

// Nibbles in bits 0..3 and those of `bits` that `mask` says.
HWY_INLINE VU8 JoinBits(VU8 nibbles, VU8 bits, uint8_t mask) {
  const VU8 mask_v = hn::Set(DU8(), mask);
#if HWY_TARGET_IS_NEON
  return VU8(vbslq_u8(mask_v.raw, bits.raw, nibbles.raw));
#else
  return hn::Or(nibbles, hn::And(bits, mask_v));
#endif
}

// By kLeft to the left, or to the right. Shifts of 16-bit lanes: a mask drops the bits that cross from byte to byte.
template <int kLeft>
HWY_INLINE VU8 ShiftBits(VU8 v) {
  const hn::Repartition<uint16_t, DU8> du16;
  if constexpr (kLeft > 0) return hn::BitCast(DU8(), hn::ShiftLeft<kLeft>(hn::BitCast(du16, v)));
  if constexpr (kLeft < 0) return hn::BitCast(DU8(), hn::ShiftRight<-kLeft>(hn::BitCast(du16, v)));
  return v;
}

// How the integers of a kind are added up: Begin(minus_eight_sum), DotPair two quads at a time, kLast every second time
// that it adds to a sum, End(sum, minus_eight_sum), minus_eight_sum being -8 * the sum of the activations. kLift: what
// Weights takes from the values of a table is added to them.
template <Integers kind, int center, bool kFewTokens, class = void>
struct PairSum {  // five and six bits: 0..63, less 32; and tables of six bits: MXFP4, IQ1, T4, T3, T2
  using Sum = Sum6;
  static constexpr bool kTable = ValuesOf(kind) != nullptr;
  // Values of half the magnitude leave room for twice as many products.
  static constexpr bool kHoldsGroup = kSum6HoldsGroup || (kTable && LargestOf(kind) <= 16);
  static constexpr int kLift = kTableLift6;
  static constexpr bool kFew = kFewTokens && !kTable;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum6<kFew>(minus_eight_sum); }
  static HWY_INLINE VU8 Weights(VU8 w) { return kTable ? w : Weights6<kFewTokens>(w); }
  template <size_t I, size_t J, bool /*kLast*/>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair6<I, J>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum6(sum); }
};
template <Integers kind, int center, bool kFewTokens>
struct PairSum<kind, center, kFewTokens, std::enable_if_t<kind == Integers::kTwo || kind == Integers::kThree>> {
  using Sum = Sum4;
  static constexpr bool kHoldsGroup = true;
  static constexpr int kLift = 0;
  static HWY_INLINE VI32 Taken(VI32 minus_eight_sum) {  // less 2 or 4, not 8
    if constexpr (center == 0) return hn::Zero(DI32());
    return hn::ShiftRight < center == 2 ? 2 : 1 > (minus_eight_sum);
  }
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return ZeroSum4(Taken(minus_eight_sum)); }
  static HWY_INLINE VU8 Weights(VU8 w) { return w; }
  template <size_t I, size_t J, bool /*kLast*/>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotQuad4<J>(DotQuad4<I>(sum, w_i, quads), w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 minus_eight_sum) { return EndSum4(sum, Taken(minus_eight_sum)); }
};
template <Integers kind, int center, bool kFewTokens>
struct PairSum<kind, center, kFewTokens, std::enable_if_t<kind == Integers::kIQ2>> {
  using Sum = Sum8;
  static constexpr bool kHoldsGroup = true;
  static constexpr int kLift = kTableLift8;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum8(minus_eight_sum); }
  static HWY_INLINE VU8 Weights(VU8 w) { return w; }
  template <size_t I, size_t J, bool /*kLast*/>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair8<I, J>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum8(sum); }
};
#if LFM2_DOT_PAIRS
template <Integers kind, int center, bool kFewTokens>
struct PairSum<kind, center, kFewTokens, std::enable_if_t<ValuesOf(kind) != nullptr && LargestOf(kind) < 16>> {
  using Sum = Sum5;
  static constexpr bool kHoldsGroup = true;
  static constexpr int kLift = kTableLift5;
  static HWY_INLINE Sum Begin(VI32 minus_eight_sum) { return BeginSum5(minus_eight_sum); }
  static HWY_INLINE VU8 Weights(VU8 w) { return w; }
  template <size_t I, size_t J, bool kLast>
  static HWY_INLINE Sum DotPair(Sum sum, VU8 w_i, VU8 w_j, const uint8_t* quads) {
    return DotPair5<I, J, kLast>(sum, w_i, w_j, quads);
  }
  static HWY_INLINE VI32 End(Sum sum, VI32 /*minus_eight_sum*/) { return EndSum5(sum); }
};
#endif

// What is loaded for quads q, q + 1, q + 4 and q + 5, q even, of rows that begin at `row`: nibbles of q and q + 4, of
// q + 1 and q + 5, and the bits beside them; or pairs of all four, and third bits.
template <Integers kind>
inline constexpr bool kHasPairs = BitsOf(kind) < 4;
template <Integers kind, size_t q>
HWY_INLINE VU8 FirstBits(const uint8_t* data, size_t row) {
  return hn::LoadU(DU8(), data + (kHasPairs<kind> ? q * 32 : q * 64) + row);
}
template <Integers kind, size_t q>
HWY_INLINE VU8 SecondBits(const uint8_t* data, size_t row) {
  return kHasPairs<kind> ? hn::Zero(DU8()) : hn::LoadU(DU8(), data + (q + 1) * 64 + row);
}
template <Integers kind, size_t q>
HWY_INLINE VU8 UpperBits(const uint8_t* data, size_t row) {
  if constexpr (BitsOf(kind) == 6) return hn::LoadU(DU8(), data + 256 + q * 32 + row);
  if constexpr (BitsOf(kind) == 5) return hn::LoadU(DU8(), data + 256 + row);
  if constexpr (BitsOf(kind) == 3) return hn::LoadU(DU8(), data + 128 + row);
  return hn::Zero(DU8());
}
// Whether JoinPairs clears bits 3 and 7 of indices of three bits, and the look-up, which goes by bits 0..3 and by 7,
// takes them as they are (measured for T3G64, AVX2, one token from cache: 33 -> 38 GMAC/s).
template <Integers kind>
inline constexpr bool kClearsIndex = HWY_ARCH_X86 != 0 && (HWY_TARGET > HWY_AVX3_DL) && BitsOf(kind) == 3 &&
                                     ValuesOf(kind) != nullptr;

// Of types with pairs: the integers of quads q and q + 1 (those of q + 4 and q + 5 for kHigh) in the lower and upper
// halves of bytes, of which other bits are to be cleared. Those of tables are where ValueTable wants them.
template <Integers kind, size_t q, bool kHigh>
HWY_INLINE VU8 JoinPairs(VU8 pairs, [[maybe_unused]] VU8 third) {
  constexpr int kLeft = q == 0 ? 0 : 2;
  if constexpr (kClearsIndex<kind>) {
    const VU8 own = MaskBits(ShiftBits < kHigh ? -2 : 0 > (pairs), 0x33);
    return hn::Or(own, MaskBits(ShiftBits<kLeft - (kHigh ? 1 : 0)>(third), 0x44));
  }
  if constexpr (ValuesOf(kind) != nullptr) {
    if constexpr (BitsOf(kind) == 2) return pairs;
    return SelectBits(kHigh ? 0xcc : 0x33, pairs, ShiftBits<kLeft - (kHigh ? 2 : 0)>(third));
  }
  const VU8 own = ShiftBits < kHigh ? -2 : 0 > (pairs);
  if constexpr (BitsOf(kind) == 3) return SelectBits(0x33, own, ShiftBits<kLeft - (kHigh ? 1 : 0)>(third));
  return own;
}

// Weights of a quad, 0..7, as PairSum wants them: integers, those of five bits plus 16, or values of the table. joined:
// what JoinPairs made of this half of the group.
template <Integers kind, size_t quad>
HWY_INLINE VU8 QuadBits([[maybe_unused]] VU8 first, [[maybe_unused]] VU8 second, [[maybe_unused]] VU8 upper,
                        [[maybe_unused]] VU8 joined, [[maybe_unused]] VU8 table) {
  constexpr bool kTable = ValuesOf(kind) != nullptr;
  if constexpr (kHasPairs<kind> && !kTable) {
    constexpr int kPlace = quad % 2 == 0 ? 0 : 4;
    return MaskBits(ShiftBits<-kPlace>(joined), (1 << BitsOf(kind)) - 1);
  }
  const VU8 nibbles = kHasPairs<kind> ? joined : quad % 2 == 0 ? first : second;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
  // This look-up ignores upper bits of an index, so that none have to be cleared (measured for T3G64: decode from
  // memory 0.87 -> 0.92 of the speed of just reading).
  if constexpr (kTable && BitsOf(kind) == 3) {
    return VU8{_mm512_permutexvar_epi8((quad % 2 == 0 ? joined : hn::ShiftRight<4>(joined)).raw, table.raw)};
  }
#endif
  if constexpr (kClearsIndex<kind>) {
    return hn::TableLookupBytes(table, ShiftBits < quad % 2 == 0 ? 0 : -4 > (joined));
  }
  const VU8 own = (kHasPairs<kind> ? quad % 2 == 0 : quad < 4) ? MaskBits(nibbles, 15) : hn::ShiftRight<4>(nibbles);
  if constexpr (kTable) return hn::TableLookupBytes(table, own);
  if constexpr (kind == Integers::kFive) {
    const VU8 bits = JoinBits(own, ShiftBits<4 - static_cast<int>(quad)>(upper), 0x10);
    return hn::Add(bits, hn::Set(DU8(), uint8_t{16}));
  }
  constexpr int kPlace = 4 * (quad % 2) + 2 * (quad / 4);
  return JoinBits(own, ShiftBits<4 - kPlace>(upper), 0x30);
}

// The halves of a group have a sum each where they have a scale each, or where one sum could not hold both.
template <class Format>
struct RowsOfPairs {
  template <uint32_t T, uint32_t R, uint32_t P>
  static LFM2_INLINE_RUN void Run(size_t r, TileRows<typename Format::Blocks> rows, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream) {
    typename Format::Blocks blocks = rows.own, far = rows.far;
    float* HWY_RESTRICT const out = rows.out;
    [[maybe_unused]] float* HWY_RESTRICT const far_out = rows.far_out;
    constexpr Integers kKind = Format::kIntegers;
    using Pair = PairSum<kKind, kCenter<Format>, (T <= R)>;
    using Sum = typename Pair::Sum;
    constexpr bool kTwoSums = Format::kHalves || !Pair::kHoldsGroup;
    static constexpr ValueTable<kKind> kValues(Pair::kLift);
    static constexpr ValueTable<kKind, kHasPairs<kKind> && !kClearsIndex<kKind>> kHighValues(Pair::kLift);
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    const VU8 table = hn::LoadDup128(du8, kValues.bytes);
    [[maybe_unused]] const VU8 high_table = kHasPairs<kKind> ? hn::LoadDup128(du8, kHighValues.bytes) : table;
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    for (; groups != 0; groups -= blocks.groups(), blocks.Skip(1), far.Skip(1)) {
      const auto& block = *blocks;
      [[maybe_unused]] const auto& far_block = *far;
      for (uint32_t g = 0; g < blocks.groups(); ++g, panel += T * kPanelGroupBytes) {
        const uint8_t* const data = Format::Data(block, g);
        [[maybe_unused]] const uint8_t* const far_data = Format::Data(far_block, g);
        if (stream && r == 0) PrefetchAhead(blocks.Share(g), Format::kGroupBytes);
        if (stream && r == 0 && P < R) PrefetchAhead(far.Share(g), Format::kGroupBytes);
        const PanelGroup p(panel, T);
#define LFM2_BEGIN(k)                                                                                              \
  const VI32 first_bias##k = BroadcastI32<LFM2_TOKEN(k), T>(kTwoSums ? p.minus_eight_sum_low : p.minus_eight_sum); \
  [[maybe_unused]] const VI32 second_bias##k =                                                                     \
      hn::Sub(BroadcastI32<LFM2_TOKEN(k), T>(p.minus_eight_sum), first_bias##k);                                   \
  Sum a##k = Pair::Begin(first_bias##k);                                                                           \
  [[maybe_unused]] Sum b##k = Pair::Begin(second_bias##k);
        LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) FirstBits<kKind, q>(LFM2_OF(v, data, far_data), LFM2_ROW(v) * 4)
#define LFM2_SECOND(v) SecondBits<kKind, q>(LFM2_OF(v, data, far_data), LFM2_ROW(v) * 4)
#define LFM2_UPPER(v) UpperBits<kKind, q>(LFM2_OF(v, data, far_data), LFM2_ROW(v) * 4)
#define LFM2_LOW(v) JoinPairs<kKind, q, false>(first##v, upper##v)
#define LFM2_HIGH(v) JoinPairs<kKind, q, true>(first##v, upper##v)
#define LFM2_QUAD(v, i, joined, table) \
  Pair::Weights(QuadBits<kKind, q + i>(first##v, second##v, upper##v, joined##v, table))
#define LFM2_LOW_FIRST(v) LFM2_QUAD(v, 0, low, table)
#define LFM2_LOW_SECOND(v) LFM2_QUAD(v, 1, low, table)
#define LFM2_HIGH_FIRST(v) LFM2_QUAD(v, 4, high, high_table)
#define LFM2_HIGH_SECOND(v) LFM2_QUAD(v, 5, high, high_table)
#define LFM2_DOT_PAIR_OF(k, sum, i, last, w_i, w_j)                                                             \
  sum = Pair::template DotPair<(q + i) * T + k / R, (q + i + 1) * T + k / R, last>(sum, LFM2_PICK(k, w_i),      \
                                                                                   LFM2_PICK(k, w_j), p.quads); \
  Pin(sum);
#define LFM2_DOT_LOW(k)                                                       \
  if constexpr (k < T * R) {                                                  \
    LFM2_DOT_PAIR_OF(k, a##k, 0, (kTwoSums && q == 2), low_first, low_second) \
  }
#define LFM2_DOT_HIGH(k)                                            \
  if constexpr (k < T * R && kTwoSums) {                            \
    LFM2_DOT_PAIR_OF(k, b##k, 4, (q == 2), high_first, high_second) \
  } else if constexpr (k < T * R) {                                 \
    LFM2_DOT_PAIR_OF(k, a##k, 4, true, high_first, high_second)     \
  }
#define LFM2_QUADS(number)                        \
  {                                               \
    constexpr size_t q = number;                  \
    LFM2_ROWS(VU8, first, LFM2_FIRST)             \
    LFM2_ROWS(VU8, second, LFM2_SECOND)           \
    LFM2_ROWS(VU8, upper, LFM2_UPPER)             \
    LFM2_ROWS(VU8, low, LFM2_LOW)                 \
    LFM2_ROWS(VU8, low_first, LFM2_LOW_FIRST)     \
    LFM2_ROWS(VU8, low_second, LFM2_LOW_SECOND)   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_LOW)              \
    LFM2_ROWS(VU8, high, LFM2_HIGH)               \
    LFM2_ROWS(VU8, high_first, LFM2_HIGH_FIRST)   \
    LFM2_ROWS(VU8, high_second, LFM2_HIGH_SECOND) \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_HIGH)             \
  }
        LFM2_QUADS(0)
        LFM2_QUADS(2)
        if constexpr (Format::kHalves) {
          using Halves = HalfScales<Format>;
#define LFM2_DELTA(v) Halves::template Delta<(v) % P, P>(LFM2_OF(v, block, far_block), r)
          LFM2_ROWS(VF, delta, LFM2_DELTA)
          if constexpr (Halves::kPairs) {
#define LFM2_SCALES(v) Halves::template Pairs<(v) % P, P>(LFM2_OF(v, block, far_block), g, r)
            LFM2_ROWS(VI16, scales, LFM2_SCALES)
#define LFM2_ADD_PAIRS(k)                                                                          \
  if constexpr (k < T * R) {                                                                       \
    const VI16 sums = PairsOf(Pair::End(a##k, first_bias##k), Pair::End(b##k, second_bias##k));    \
    const VF dot = hn::ConvertTo(df, hn::WidenMulPairwiseAdd(DI32(), sums, LFM2_PICK(k, scales))); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, delta), p.scale), f##k);            \
  }
            LFM2_FOR_EACH_SLOT(LFM2_ADD_PAIRS)
          } else {
            using HalfScale = typename Halves::Scale;
#define LFM2_LOW_SCALE(v) Halves::template Of<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, 0)
#define LFM2_HIGH_SCALE(v) Halves::template Of<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, 1)
            LFM2_ROWS(HalfScale, low_scale, LFM2_LOW_SCALE)
            LFM2_ROWS(HalfScale, high_scale, LFM2_HIGH_SCALE)
#define LFM2_ADD_HALVES(k)                                                                                             \
  if constexpr (k < T * R) {                                                                                           \
    const VF dot = AddHalves(Pair::End(a##k, first_bias##k), LFM2_PICK(k, low_scale), Pair::End(b##k, second_bias##k), \
                             LFM2_PICK(k, high_scale));                                                                \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, delta), p.scale), f##k);                                \
  }
            LFM2_FOR_EACH_SLOT(LFM2_ADD_HALVES)
          }
          if constexpr (kHasHalfMins<Format>) {
#define LFM2_MINS(v) Halves::template Mins<(v) % P, P>(LFM2_OF(v, block, far_block), g, r)
#define LFM2_MIN_DELTA(v) Halves::template MinDelta<(v) % P, P>(LFM2_OF(v, block, far_block), r)
            LFM2_ROWS(VI16, mins, LFM2_MINS)
            LFM2_ROWS(VF, min_delta, LFM2_MIN_DELTA)
#define LFM2_ADD_MINS(k)                                                                             \
  if constexpr (k < T * R) {                                                                         \
    const VI16 sums = PairsOf(first_bias##k, second_bias##k);                                        \
    const VF of_mins = hn::ConvertTo(df, hn::WidenMulPairwiseAdd(DI32(), sums, LFM2_PICK(k, mins))); \
    f##k = hn::MulAdd(of_mins, MulBroadcast<k / R, T>(LFM2_PICK(k, min_delta), p.scale), f##k);      \
  }
            LFM2_FOR_EACH_SLOT(LFM2_ADD_MINS)
          }
        } else {
#define LFM2_SCALE(v) Scales<Format>::template Scale<(v) % P, P>(LFM2_OF(v, block, far_block), g, r)
          LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                     \
  if constexpr (k < T * R) {                                                            \
    VI32 sum = Pair::End(a##k, first_bias##k);                                          \
    if constexpr (kTwoSums) sum = hn::Add(sum, Pair::End(b##k, second_bias##k));        \
    const VF dot = hn::ConvertTo(df, sum);                                              \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k); \
  }
          LFM2_FOR_EACH_SLOT(LFM2_ADD)
          if constexpr (kHasOffset<Format>) {
#define LFM2_GROUP_OFFSET(v) Scales<Format>::template Offset<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, scale##v)
            LFM2_ROWS(VF, offset, LFM2_GROUP_OFFSET)
            LFM2_FOR_EACH_SLOT(LFM2_ADD_OFFSET)
          }
        }
      }
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_BEGIN
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_UPPER
#undef LFM2_LOW
#undef LFM2_HIGH
#undef LFM2_QUAD
#undef LFM2_LOW_FIRST
#undef LFM2_LOW_SECOND
#undef LFM2_HIGH_FIRST
#undef LFM2_HIGH_SECOND
#undef LFM2_DOT_PAIR_OF
#undef LFM2_DOT_LOW
#undef LFM2_DOT_HIGH
#undef LFM2_QUADS
#undef LFM2_DELTA
#undef LFM2_SCALES
#undef LFM2_ADD_PAIRS
#undef LFM2_LOW_SCALE
#undef LFM2_HIGH_SCALE
#undef LFM2_ADD_HALVES
#undef LFM2_MINS
#undef LFM2_MIN_DELTA
#undef LFM2_ADD_MINS
#undef LFM2_SCALE
#undef LFM2_ADD
#undef LFM2_GROUP_OFFSET
  }
};

template <class Format, uint32_t T>
void TileOfPairs(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunTile<RowsOfPairs<Format>, T, kSlots6>(blocks, groups, panel, stream, out);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_PAIRS_INL_H_
