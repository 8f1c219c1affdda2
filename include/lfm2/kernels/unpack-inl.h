// Weights unpacked once for all tiles of a prefill: bytes that the tiles multiply as they are, and scales as floats.
#if defined(LFM2_KERNELS_UNPACK_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_UNPACK_INL_H_
#undef LFM2_KERNELS_UNPACK_INL_H_
#else
#define LFM2_KERNELS_UNPACK_INL_H_
#endif

#include "lfm2/kernels/tile_integer-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// The smallest n of 8, 16, 32 and 128 such that all integers of a format, less kCenter, are in -n .. n - 1: it
// determines how their products can be added up.
template <class Format>
constexpr int RangeOf() {
  constexpr Integers kKind = Format::kIntegers;
  int lowest = -kCenter<Format>, highest = (1 << BitsOf(kKind)) - 1 - kCenter<Format>;
  if constexpr (kKind == Integers::kBytes) return 128;
  if constexpr (HasValues(kKind)) {
    lowest = highest = 0;
    for (uint32_t i = 0; i < 1u << BitsOf(kKind); ++i) {
      lowest = Min<int>(lowest, ValuesOf(kKind)[i]);
      highest = Max<int>(highest, ValuesOf(kKind)[i]);
    }
  }
  int range = 8;
  while (range < 128 && (lowest < -range || highest >= range)) range = range == 32 ? 128 : 2 * range;
  return range;
}
// The range whose sums (sums-inl.h) this instruction set uses for a range. Where four products are added to 32 bits,
// one would do for all, but nibbles are the quickest to unpack as they are.
template <int range>
constexpr int SumRange() {
  if (LFM2_DOT_PAIRS) return range;
  if (LFM2_DOT_WIDEN) return range == 8 ? 16 : range;
  return range == 8 && !kMultipliesMatrices ? 8 : 128;
}
// What is added to the integers, to make all of them positive where the instruction set requires that.
template <int sum_range>
inline constexpr int kUnpackedLift = (!LFM2_DOT_WIDEN && sum_range < 128) ? sum_range : kTableLift8;

// The numbers of a row and a group that its product is computed from.
enum class Scaling {
  kScale,          // scale
  kOffset,         // scale, offset
  kHalves,         // delta, scale of the first half, scale of the second
  kHalvesAndMins,  // the same, then delta of the mins, min of the first half, min of the second
};
template <class Format>
inline constexpr Scaling kScalingOf = kHasHalfMins<Format> ? Scaling::kHalvesAndMins
                                      : Format::kHalves    ? Scaling::kHalves
                                      : kHasOffset<Format> ? Scaling::kOffset
                                                           : Scaling::kScale;
constexpr size_t NumbersOf(Scaling scaling) {
  return scaling == Scaling::kScale ? 1 : scaling == Scaling::kOffset ? 2 : scaling == Scaling::kHalves ? 3 : 6;
}
// An unpacked group of a row block: eight quads [16 rows][4 columns], then NumbersOf(scaling) times 16 floats. For
// matrices (tile_matrix-inl.h): four octs [16 rows][8 columns], then as many times two floats for each row: of rows 2i
// and 2i + 1 the numbers are i, i + 1, i, i + 1.
inline constexpr size_t kUnpackedQuadBytes = kBlockRows * 4;
inline constexpr size_t kUnpackedIntegerBytes = kBlockRows * kGroupColumns;
inline constexpr size_t kUnpackedNumbers = (kMultipliesMatrices ? 2 : 1) * kBlockRows;
constexpr size_t UnpackedBytes(Scaling scaling) {
  return kUnpackedIntegerBytes + NumbersOf(scaling) * kUnpackedNumbers * sizeof(float);
}
// Groups that are unpacked at a time, a multiple of the groups of any block: few enough to stay in the first-level
// cache while all tiles use them, and to fit on a small stack.
inline constexpr size_t kSliceGroups = 8;
inline constexpr size_t kLargestSliceBytes = kSliceGroups * UnpackedBytes(Scaling::kHalvesAndMins);

// Writes the integers of a group for the row vector that begins at row r.
template <class Format, int lift>
HWY_INLINE void UnpackIntegers(const uint8_t* HWY_RESTRICT data, size_t r, uint8_t* HWY_RESTRICT out) {
  constexpr Integers kKind = Format::kIntegers;
  using Weights = WeightsOf<Format>;
  constexpr bool kTable = HasValues(kKind);
  const DU8 du8;
  const VU8 low_table = Weights::template LowTable<lift>(), high_table = Weights::template HighTable<lift>();
  // PairWeights returns integers of five bits with 16 added.
  constexpr int kAdd = kTable ? 0 : lift - kCenter<Format> - (kKind == Integers::kFive ? 16 : 0);
  // Stores an even quad and the next one.
  const auto store = [&](size_t quad, VU8 even, VU8 odd) HWY_ATTR {
    if constexpr (kAdd != 0) {
      even = hn::Add(even, hn::Set(du8, static_cast<uint8_t>(kAdd & 255)));
      odd = hn::Add(odd, hn::Set(du8, static_cast<uint8_t>(kAdd & 255)));
    }
#if LFM2_DOT_MATRIX
    const hn::Repartition<uint32_t, DU8> du32;
    const auto quads = hn::BitCast(du32, even), next = hn::BitCast(du32, odd);
    uint8_t* const to = out + quad * kUnpackedQuadBytes + r * 8;
    hn::StoreU(hn::BitCast(du8, hn::InterleaveWholeLower(du32, quads, next)), du8, to);
    hn::StoreU(hn::BitCast(du8, hn::InterleaveWholeUpper(du32, quads, next)), du8, to + hn::Lanes(du8));
#else
    const size_t bytes = hn::Lanes(du8);
    hn::StoreU(even, du8, out + r * kGroupColumns + quad * bytes);
    hn::StoreU(odd, du8, out + r * kGroupColumns + (quad + 1) * bytes);
#endif
  };
#define LFM2_UNPACK(s)                                                                                               \
  {                                                                                                                  \
    const VU8 shared = Weights::template Shared<s>(data, r), next_shared = Weights::template Shared<s + 1>(data, r); \
    const VU8 first = Weights::template First<s>(data, r, shared, low_table, high_table);                            \
    const VU8 second = Weights::template Second<s>(data, r, shared, low_table, high_table);                          \
    const VU8 next_first = Weights::template First<s + 1>(data, r, next_shared, low_table, high_table);              \
    const VU8 next_second = Weights::template Second<s + 1>(data, r, next_shared, low_table, high_table);            \
    if constexpr (Weights::SecondQuad(s) == Weights::FirstQuad(s) + 1) {                                             \
      store(Weights::FirstQuad(s), first, second);                                                                   \
      store(Weights::FirstQuad(s + 1), next_first, next_second);                                                     \
    } else {                                                                                                         \
      store(Weights::FirstQuad(s), first, next_first);                                                               \
      store(Weights::SecondQuad(s), second, next_second);                                                            \
    }                                                                                                                \
  }
  LFM2_UNPACK(0)
  LFM2_UNPACK(2)
#undef LFM2_UNPACK
}

// The first or the second number of each pair as floats.
HWY_INLINE VF FirstOfPairs(VI16 pairs) {
  const DI32 di;
  return hn::ConvertTo(DF(), hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(di, pairs))));
}
HWY_INLINE VF SecondOfPairs(VI16 pairs) { return hn::ConvertTo(DF(), hn::ShiftRight<16>(hn::BitCast(DI32(), pairs))); }
// What HalfScales returns for the first and for the second half, as floats.
HWY_INLINE VF FirstAsFloats(VF v) { return v; }
HWY_INLINE VF SecondAsFloats(VF v) { return v; }
#if HWY_ARCH_ARM
HWY_INLINE VF FirstAsFloats(VI32 v) { return hn::ConvertTo(DF(), v); }
HWY_INLINE VF SecondAsFloats(VI32 v) { return hn::ConvertTo(DF(), v); }
#endif
HWY_INLINE VF FirstAsFloats(VI16 pairs) { return FirstOfPairs(pairs); }
HWY_INLINE VF SecondAsFloats(VI16 pairs) { return SecondOfPairs(pairs); }

// Writes the numbers of group g of a block for the row vector that begins at row r.
template <class Format>
HWY_INLINE void UnpackNumbers(const typename Format::Block& block, uint32_t g, size_t r, float* HWY_RESTRICT out) {
  const DF df;
  const auto store = [&](size_t number, VF v) HWY_ATTR {
#if LFM2_DOT_MATRIX
    float* const to = out + number * kUnpackedNumbers + r * 2;
    const VU64 pairs = hn::BitCast(DU64(), v);
    hn::StoreU(hn::BitCast(df, hn::InterleaveWholeLower(DU64(), pairs, pairs)), df, to);
    hn::StoreU(hn::BitCast(df, hn::InterleaveWholeUpper(DU64(), pairs, pairs)), df, to + hn::Lanes(df));
#else
    hn::StoreU(v, df, out + number * kUnpackedNumbers + r);
#endif
  };
  if constexpr (Format::kHalves) {
    using Halves = HalfScales<Format>;
    store(0, Halves::template Delta<0, 1>(block, r));
    const auto low = Halves::template Of<0, 1>(block, g, r, 0), high = Halves::template Of<0, 1>(block, g, r, 1);
    store(1, FirstAsFloats(low));
    store(2, SecondAsFloats(high));
    if constexpr (kHasHalfMins<Format>) {
      const auto low_min = Halves::template Min<0, 1>(block, g, r, 0),
                 high_min = Halves::template Min<0, 1>(block, g, r, 1);
      store(3, Halves::template MinDelta<0, 1>(block, r));
      store(4, FirstAsFloats(low_min));
      store(5, SecondAsFloats(high_min));
    }
  } else {
    const VF scale = Scales<Format>::template Scale<0, 1>(block, g, r);
    store(0, scale);
    if constexpr (kHasOffset<Format>) store(1, Scales<Format>::template Offset<0, 1>(block, g, r, scale));
  }
}

// Unpacks groups [first, first + count) of the row block at `weights`; both are multiples of the groups of a block.
// out[count * UnpackedBytes(kScalingOf<Format>)], aligned to 64 bytes. `stream`: the weights come from memory.
template <class Format>
HWY_NOINLINE void Unpack(TensorType type, const uint8_t* weights, size_t first, size_t count, bool stream,
                         uint8_t* out) {
  constexpr int kSumRange = SumRange<RangeOf<Format>()>();
  typename Format::Blocks blocks(type, weights);
  blocks.Skip(first / blocks.groups());
  const size_t lanes = hn::Lanes(DF());
  for (; count != 0; count -= blocks.groups(), blocks.Skip(1)) {
    const auto& block = *blocks;
    for (uint32_t g = 0; g < blocks.groups(); ++g, out += UnpackedBytes(kScalingOf<Format>)) {
      if (stream) PrefetchAhead(blocks.Share(g), Format::kGroupBytes);
      float* const numbers = reinterpret_cast<float*>(out + kUnpackedIntegerBytes);
      HWY_UNROLL(4)
      for (size_t r = 0; r < kBlockRows; r += lanes) {
        UnpackIntegers<Format, kUnpackedLift<kSumRange>>(Format::Data(block, g), r, out);
        UnpackNumbers<Format>(block, g, r, numbers);
      }
    }
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_UNPACK_INL_H_
