// Tiles of weights that are bytes: stored so, or looked up by nibbles.
#if defined(LFM2_KERNELS_TILE_BYTES_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_BYTES_INL_H_
#undef LFM2_KERNELS_TILE_BYTES_INL_H_
#else
#define LFM2_KERNELS_TILE_BYTES_INL_H_
#endif

#include "lfm2/kernels/tile_integer-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Tables of six bits, too, where products of bytes cost no more than those of less: they are looked up faster here than
// in tile_pairs-inl.h.
template <Integers kind>
inline constexpr bool kGoesByBytes = kind == Integers::kBytes || kind == Integers::kIQ4_NL ||
                                     kind == Integers::kIQ3_XXS ||
                                     (kind == Integers::kT4 && !LFM2_DOT_PAIRS && !LFM2_DOT_WIDEN);

#if HWY_TARGET != HWY_SCALAR

// Quads q and q + 4 of the rows whose bytes begin at `row`.
template <Integers kind, size_t q>
HWY_INLINE VU8 FirstBytes(const uint8_t* data, size_t row, VU8 table) {
  if constexpr (kind == Integers::kBytes) return hn::LoadU(DU8(), data + q * 64 + row);
  return hn::TableLookupBytes(table, hn::And(hn::LoadU(DU8(), data + q * 64 + row), hn::Set(DU8(), uint8_t{15})));
}
template <Integers kind, size_t q>
HWY_INLINE VU8 SecondBytes(const uint8_t* data, size_t row, VU8 table) {
  if constexpr (kind == Integers::kBytes) return hn::LoadU(DU8(), data + (q + 4) * 64 + row);
  return hn::TableLookupBytes(table, hn::ShiftRight<4>(hn::LoadU(DU8(), data + q * 64 + row)));
}

template <class Format>
struct RowsOfBytes {
  template <uint32_t T, uint32_t R, uint32_t P>
  static LFM2_INLINE_RUN void Run(size_t r, TileRows<typename Format::Blocks> rows, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream) {
    typename Format::Blocks blocks = rows.own, far = rows.far;
    float* HWY_RESTRICT const out = rows.out;
    [[maybe_unused]] float* HWY_RESTRICT const far_out = rows.far_out;
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    LFM2_FOR_EACH_SLOT(LFM2_ZERO)
    constexpr Integers kKind = Format::kIntegers;
    constexpr bool kTable = ValuesOf(kKind) != nullptr;
    static constexpr ValueTable<kKind> kValues(kTableLift8);
    const VU8 table = hn::LoadDup128(du8, kValues.bytes);
    for (; groups != 0; groups -= blocks.groups(), blocks.Skip(1), far.Skip(1)) {
      const auto& block = *blocks;
      [[maybe_unused]] const auto& far_block = *far;
      for (uint32_t g = 0; g < blocks.groups(); ++g, panel += T * kPanelGroupBytes) {
        const uint8_t* const data = Format::Data(block, g);
        [[maybe_unused]] const uint8_t* const far_data = Format::Data(far_block, g);
        if (stream && r == 0) PrefetchAhead(blocks.Share(g), Format::kGroupBytes);
        if (stream && r == 0 && P < R) PrefetchAhead(far.Share(g), Format::kGroupBytes);
        const PanelGroup p(panel, T);
#define LFM2_BEGIN(k) Sum8 a##k = BeginSum8(BroadcastI32<LFM2_TOKEN(k), T>(p.minus_eight_sum));
        LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_FIRST(v) FirstBytes<kKind, q>(LFM2_OF(v, data, far_data), LFM2_ROW(v) * 4, table)
#define LFM2_SECOND(v) SecondBytes<kKind, q>(LFM2_OF(v, data, far_data), LFM2_ROW(v) * 4, table)
#define LFM2_DOT_FIRST(k) \
  if constexpr (k < T * R) a##k = DotFirst8<q * T + k / R, kTable>(a##k, LFM2_PICK(k, first), p.quads);
#define LFM2_DOT_SECOND(k)                                                                                            \
  if constexpr (k < T * R) {                                                                                          \
    a##k = DotSecond8<T, q * T + k / R, (q + 4) * T + k / R, kTable>(a##k, LFM2_PICK(k, first), LFM2_PICK(k, second), \
                                                                     p.quads);                                        \
    Pin(a##k);                                                                                                        \
  }
#define LFM2_QUADS(number)                               \
  {                                                      \
    constexpr size_t q = number;                         \
    LFM2_ROWS(VU8, first, LFM2_FIRST)                    \
    LoadTogether<R>(first0, first1, first2, first3);     \
    LFM2_ROWS(VU8, second, LFM2_SECOND)                  \
    LoadTogether<R>(second0, second1, second2, second3); \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_FIRST)                   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_SECOND)                  \
  }
        LFM2_QUADS(0)
        LFM2_QUADS(1)
        LFM2_QUADS(2)
        LFM2_QUADS(3)
#define LFM2_SCALE(v) Scales<Format>::template Scale<(v) % P, P>(LFM2_OF(v, block, far_block), g, r)
        LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                     \
  if constexpr (k < T * R) {                                                            \
    const VF dot = hn::ConvertTo(df, EndSum8(a##k));                                    \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k); \
  }
        LFM2_FOR_EACH_SLOT(LFM2_ADD)
        if constexpr (kHasOffset<Format>) {
#define LFM2_OFFSET(v) Scales<Format>::template Offset<(v) % P, P>(LFM2_OF(v, block, far_block), g, r, scale##v)
          LFM2_ROWS(VF, offset, LFM2_OFFSET)
          LFM2_FOR_EACH_SLOT(LFM2_ADD_OFFSET)
        }
      }
    }
    LFM2_FOR_EACH_SLOT(LFM2_STORE)
#undef LFM2_BEGIN
#undef LFM2_FIRST
#undef LFM2_SECOND
#undef LFM2_DOT_FIRST
#undef LFM2_DOT_SECOND
#undef LFM2_QUADS
#undef LFM2_SCALE
#undef LFM2_ADD
#undef LFM2_OFFSET
  }
};

template <class Format, uint32_t T>
void TileOfBytes(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunTile<RowsOfBytes<Format>, T, kSlots8>(blocks, groups, panel, stream, out);
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_TILE_BYTES_INL_H_
