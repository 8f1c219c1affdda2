// Weights of four and of eight bits as tile_integer-inl.h multiplies them: quads q and q + 4 of a group together.
#if defined(LFM2_KERNELS_WEIGHTS_BYTES_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_WEIGHTS_BYTES_INL_H_
#undef LFM2_KERNELS_WEIGHTS_BYTES_INL_H_
#else
#define LFM2_KERNELS_WEIGHTS_BYTES_INL_H_
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/scales-inl.h"
#include "lfm2/kernels/sums-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// The values that stored bits stand for, each plus `lift`, as a table for every 16 bytes of a vector, indexed by four
// bits. Integers of two and three bits are the lower bits of the index or, for kHigh, its upper two and then, if there
// are three, bit 1.
template <Integers kind, bool kHigh = false>
struct ValueTable {
  alignas(16) uint8_t bytes[16] = {};
  constexpr explicit ValueTable(int lift) {
    if constexpr (HasValues(kind)) {
      for (uint32_t i = 0; i < 16; ++i) {
        const uint32_t bits = kHigh ? i >> 2 | (i & 2) << 1 : i;
        bytes[i] = static_cast<uint8_t>(ValuesOf(kind)[bits & ((1u << BitsOf(kind)) - 1)] + lift);
      }
    }
  }
};
template <Integers kind, bool kHigh, int lift>
HWY_INLINE VU8 LoadTable() {
  static constexpr ValueTable<kind, kHigh> kValues(lift);
  return hn::LoadDup128(DU8(), kValues.bytes);
}

// Includes tables of six bits where products of bytes cost no more than those of fewer bits: the look-up is faster here
// than in weights_pairs-inl.h.
template <Integers kind>
inline constexpr bool kGoesByBytes = kind == Integers::kBytes || kind == Integers::kIQ4_NL ||
                                     kind == Integers::kIQ3_XXS ||
                                     (kind == Integers::kT4 && !LFM2_DOT_PAIRS && !LFM2_DOT_WIDEN);

// What all weights have in common that are multiplied as they are stored.
template <class Format>
struct WeightsInMemory {
  using Blocks = typename Format::Blocks;
  using GroupScales = Scales<Format>;
  using Halves = HalfScales<Format>;
  static constexpr bool kIsUnpacked = false, kLoadsTogether = false;
  static constexpr bool kHalves = Format::kHalves, kHalfMins = kHasHalfMins<Format>, kOffset = kHasOffset<Format>;
  static constexpr size_t kGroupBytes = Format::kGroupBytes;
  static HWY_INLINE const uint8_t* Data(const typename Format::Block& block, uint32_t g) {
    return Format::Data(block, g);
  }
};

// For weights that are not looked up.
struct NoTables {
  template <int lift>
  static HWY_INLINE VU8 LowTable() {
    return hn::Zero(DU8());
  }
  template <int lift>
  static HWY_INLINE VU8 HighTable() {
    return hn::Zero(DU8());
  }
};

// Step s multiplies quads s and s + 4.
template <class Format>
struct WeightsByStrides : WeightsInMemory<Format> {
  static constexpr size_t FirstQuad(size_t step) { return step; }
  static constexpr size_t SecondQuad(size_t step) { return step + 4; }
  static constexpr bool IsHigh(size_t /*step*/) { return false; }  // both halves at once
};

// Integers::kNibbles.
template <class Format>
struct NibbleWeights : WeightsByStrides<Format>, NoTables {
  static constexpr uint32_t kSlots = kSlots4;
  template <bool few_tokens>
  using Sums = NibbleSums;
  // The mask of the lower nibbles.
  template <int lift>
  static HWY_INLINE VU8 LowTable() {
    return hn::Set(DU8(), uint8_t{15});
  }
  template <size_t step>
  static HWY_INLINE VU8 Shared(const uint8_t* data, size_t row) {
    return hn::LoadU(DU8(), data + step * 64 + row * 4);
  }
  template <size_t step>
  static HWY_INLINE VU8 First(const uint8_t* /*data*/, size_t /*row*/, VU8 shared, VU8 low_table, VU8 /*high_table*/) {
    return hn::And(shared, low_table);
  }
  template <size_t step>
  static HWY_INLINE VU8 Second(const uint8_t* /*data*/, size_t /*row*/, VU8 shared, VU8 /*low_table*/,
                               VU8 /*high_table*/) {
    return hn::ShiftRight<4>(shared);
  }
};

// The types of kGoesByBytes.
template <class Format>
struct ByteWeights : WeightsByStrides<Format> {
  static constexpr Integers kKind = Format::kIntegers;
  static constexpr bool kLoadsTogether = true;
  static constexpr uint32_t kSlots = kSlots8;
  template <bool few_tokens>
  using Sums = ByteSums<HasValues(kKind)>;
  template <int lift>
  static HWY_INLINE VU8 LowTable() {
    return LoadTable<kKind, false, lift>();
  }
  template <int lift>
  static HWY_INLINE VU8 HighTable() {
    return LowTable<lift>();
  }
  template <size_t step>
  static HWY_INLINE VU8 Shared(const uint8_t* data, size_t row) {
    return NibbleWeights<Format>::template Shared<step>(data, row);
  }
  template <size_t step>
  static HWY_INLINE VU8 First(const uint8_t* /*data*/, size_t /*row*/, VU8 shared, VU8 low_table, VU8 /*high_table*/) {
    if constexpr (kKind == Integers::kBytes) return shared;
    return hn::TableLookupBytes(low_table, hn::And(shared, hn::Set(DU8(), uint8_t{15})));
  }
  template <size_t step>
  static HWY_INLINE VU8 Second(const uint8_t* data, size_t row, VU8 shared, VU8 low_table, VU8 /*high_table*/) {
    if constexpr (kKind == Integers::kBytes) return hn::LoadU(DU8(), data + (step + 4) * 64 + row * 4);
    return hn::TableLookupBytes(low_table, hn::ShiftRight<4>(shared));
  }
};

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_WEIGHTS_BYTES_INL_H_
