// Weights that are multiplied two quads of a half of a group at a time: those of two, three, five and six bits, small
// tables, and all types whose halves have separate scales.
#if defined(LFM2_KERNELS_WEIGHTS_PAIRS_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_WEIGHTS_PAIRS_INL_H_
#undef LFM2_KERNELS_WEIGHTS_PAIRS_INL_H_
#else
#define LFM2_KERNELS_WEIGHTS_PAIRS_INL_H_
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/sums-inl.h"
#include "lfm2/kernels/weights_bytes-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Bits of `yes` where the mask is set, of `no` elsewhere.
HWY_INLINE VU8 SelectBits(uint8_t mask, VU8 yes, VU8 no) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // Overwrites `no`, which is not needed again; GCC otherwise copies the mask each time.
  return VU8{_mm512_ternarylogic_epi64(no.raw, yes.raw, hn::Set(DU8(), mask).raw, 0xd8)};
#else
  return hn::BitwiseIfThenElse(hn::Set(DU8(), mask), yes, no);
#endif
}
HWY_INLINE VU8 MaskBits(VU8 v, uint8_t mask) { return hn::And(v, hn::Set(DU8(), mask)); }

// The nibbles in bits 0..3, and the bits of `bits` that `mask` selects.
HWY_INLINE VU8 JoinBits(VU8 nibbles, VU8 bits, uint8_t mask) {
  const VU8 mask_v = hn::Set(DU8(), mask);
#if HWY_TARGET_IS_NEON
  return VU8(vbslq_u8(mask_v.raw, bits.raw, nibbles.raw));
#else
  return hn::Or(nibbles, hn::And(bits, mask_v));
#endif
}

// Shifts left by kLeft, or right by -kLeft. Lanes have 16 bits: callers mask the bits that cross from byte to byte.
template <int kLeft>
HWY_INLINE VU8 ShiftBits(VU8 v) {
  const hn::Repartition<uint16_t, DU8> du16;
  if constexpr (kLeft > 0) return hn::BitCast(DU8(), hn::ShiftLeft<kLeft>(hn::BitCast(du16, v)));
  if constexpr (kLeft < 0) return hn::BitCast(DU8(), hn::ShiftRight<-kLeft>(hn::BitCast(du16, v)));
  return v;
}

// What is loaded for quads q, q + 1, q + 4 and q + 5, q even, of rows that begin at `row`: nibbles of q and q + 4, of q
// + 1 and q + 5, and their upper bits; or bit pairs of all four, and third bits.
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
// Whether JoinPairs clears bits 3 and 7 of indices of three bits, so that the look-up, which uses bits 0..3 and 7,
// needs no other mask (measured for T3G64, AVX2, one token from cache: 33 -> 38 GMAC/s).
template <Integers kind>
inline constexpr bool kClearsIndex = HWY_ARCH_X86 != 0 && (HWY_TARGET > HWY_AVX3_DL) && BitsOf(kind) == 3 &&
                                     HasValues(kind);

// Of types with pairs: the integers of quads q and q + 1 (those of q + 4 and q + 5 for kHigh) in the lower and upper
// halves of bytes, whose other bits are still to be cleared. Those of tables are in the bits that ValueTable is indexed
// by.
template <Integers kind, size_t q, bool kHigh>
HWY_INLINE VU8 JoinPairs(VU8 pairs, [[maybe_unused]] VU8 third) {
  constexpr int kLeft = q == 0 ? 0 : 2;
  if constexpr (kClearsIndex<kind>) {
    const VU8 own = MaskBits(ShiftBits < kHigh ? -2 : 0 > (pairs), 0x33);
    return hn::Or(own, MaskBits(ShiftBits<kLeft - (kHigh ? 1 : 0)>(third), 0x44));
  }
  if constexpr (HasValues(kind)) {
    if constexpr (BitsOf(kind) == 2) return pairs;
    return SelectBits(kHigh ? 0xcc : 0x33, pairs, ShiftBits<kLeft - (kHigh ? 2 : 0)>(third));
  }
  const VU8 own = ShiftBits < kHigh ? -2 : 0 > (pairs);
  if constexpr (BitsOf(kind) == 3) return SelectBits(0x33, own, ShiftBits<kLeft - (kHigh ? 1 : 0)>(third));
  return own;
}

// Weights of a quad, 0..7, as SumsOfPairs takes them: integers, those of five bits plus 16, or values of the table.
// joined: what JoinPairs made of this half of the group.
template <Integers kind, size_t quad>
HWY_INLINE VU8 QuadBits([[maybe_unused]] VU8 first, [[maybe_unused]] VU8 second, [[maybe_unused]] VU8 upper,
                        [[maybe_unused]] VU8 joined, [[maybe_unused]] VU8 table) {
  constexpr bool kTable = HasValues(kind);
  if constexpr (kHasPairs<kind> && !kTable) {
    constexpr int kPlace = quad % 2 == 0 ? 0 : 4;
    return MaskBits(ShiftBits<-kPlace>(joined), (1 << BitsOf(kind)) - 1);
  }
  const VU8 nibbles = kHasPairs<kind> ? joined : quad % 2 == 0 ? first : second;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
  // This look-up ignores the upper bits of an index, so they need not be cleared (measured for T3G64: decode from
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

// Steps 0 and 2 multiply quads 0 and 1, 2 and 3; steps 1 and 3 those four quads later.
template <class Format>
struct PairWeights : WeightsInMemory<Format> {
  static constexpr Integers kKind = Format::kIntegers;
  static constexpr uint32_t kSlots = kSlots6;
  template <bool few_tokens>
  using Sums = SumsOfPairs<kKind, kCenter<Format>, few_tokens>;
  static constexpr bool IsHigh(size_t step) { return step % 2 == 1; }
  static constexpr size_t FirstQuad(size_t step) { return step / 2 * 2 + (IsHigh(step) ? 4 : 0); }
  static constexpr size_t SecondQuad(size_t step) { return FirstQuad(step) + 1; }
  template <int lift>
  static HWY_INLINE VU8 LowTable() {
    return LoadTable<kKind, false, lift>();
  }
  template <int lift>
  static HWY_INLINE VU8 HighTable() {
    return LoadTable < kKind, kHasPairs<kKind> && !kClearsIndex<kKind>, lift > ();
  }
  template <size_t step>
  static HWY_INLINE VU8 Shared(const uint8_t* data, size_t row) {
    return UpperBits<kKind, step / 2 * 2>(data, row * 4);
  }
  template <size_t step>
  static HWY_INLINE VU8 First(const uint8_t* data, size_t row, VU8 shared, VU8 low_table, VU8 high_table) {
    return Quad<step, FirstQuad(step)>(data, row * 4, shared, low_table, high_table);
  }
  template <size_t step>
  static HWY_INLINE VU8 Second(const uint8_t* data, size_t row, VU8 shared, VU8 low_table, VU8 high_table) {
    return Quad<step, SecondQuad(step)>(data, row * 4, shared, low_table, high_table);
  }

 private:
  template <size_t step, size_t quad>
  static HWY_INLINE VU8 Quad(const uint8_t* data, size_t row, VU8 upper, VU8 low_table, VU8 high_table) {
    constexpr size_t q = step / 2 * 2;
    const VU8 first = FirstBits<kKind, q>(data, row), second = SecondBits<kKind, q>(data, row);
    const VU8 joined = JoinPairs<kKind, q, IsHigh(step)>(first, upper);
    return QuadBits<kKind, quad>(first, second, upper, joined, IsHigh(step) ? high_table : low_table);
  }
};

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_WEIGHTS_PAIRS_INL_H_
