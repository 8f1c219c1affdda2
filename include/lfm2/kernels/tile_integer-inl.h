// Tiles of quantised weights over the hooks of dot-inl.h. `stream`: the weights come from memory, not from a cache that
// an earlier tile filled. That is so for a tile of one or two tokens, which is always the first, and the loop then
// needs no branch. Here: what all of them share, and tiles of nibbles.
#if defined(LFM2_KERNELS_TILE_INTEGER_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_INTEGER_INL_H_
#undef LFM2_KERNELS_TILE_INTEGER_INL_H_
#else
#define LFM2_KERNELS_TILE_INTEGER_INL_H_
#endif

#include "lfm2/kernels/formats.h"
#include "lfm2/kernels/scales-inl.h"
#include "lfm2/kernels/tile_shape-inl.h"

#if HWY_TARGET != HWY_SCALAR

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Asks for weights that the loop reaches some groups later. To the second-level cache: measured against asking for the
// first level, whose few outstanding requests then limit a core, 1.0 instead of .85 of the speed of just reading.
HWY_INLINE void PrefetchAhead(const void* group, size_t bytes) {
  constexpr size_t kAhead = 4096, kLine = 64;
  HWY_UNROLL(16)
  for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(static_cast<const uint8_t*>(group) + kAhead + i, 0, 2);
}

// Has R row vectors of weights loaded here and not one by one where they are used, so that GCC loads them in pairs.
template <uint32_t R>
HWY_INLINE void LoadTogether(VU8 v0, VU8 v1, VU8 v2, VU8 v3) {
#if HWY_TARGET_IS_NEON
  if constexpr (R == 4) __asm__ volatile("" : : "w"(v0.raw), "w"(v1.raw), "w"(v2.raw), "w"(v3.raw));
#else
  static_cast<void>(v0), static_cast<void>(v1), static_cast<void>(v2), static_cast<void>(v3);
#endif
}

// The values that stored bits stand for, each plus `lift`, as a table for every 16 bytes of a vector. It is looked up
// by four bits: integers of two and three bits are the lower ones, or for kHigh the upper two and then, of three,
// bit 1.
template <Integers kind, bool kHigh = false>
struct ValueTable {
  alignas(16) uint8_t bytes[16] = {};
  constexpr explicit ValueTable(int lift) {
    if constexpr (ValuesOf(kind) != nullptr) {
      for (uint32_t i = 0; i < 16; ++i) {
        const uint32_t bits = kHigh ? i >> 2 | (i & 2) << 1 : i;
        bytes[i] = static_cast<uint8_t>(ValuesOf(kind)[bits & ((1u << BitsOf(kind)) - 1)] + lift);
      }
    }
  }
};

// Integers::kNibbles.
template <class Format>
struct RowsOfNibbles {
  template <uint32_t T, uint32_t R, uint32_t P>
  static LFM2_INLINE_RUN void Run(size_t r, TileRows<typename Format::Blocks> rows, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool stream) {
    typename Format::Blocks blocks = rows.own, far = rows.far;
    float* HWY_RESTRICT const out = rows.out;
    [[maybe_unused]] float* HWY_RESTRICT const far_out = rows.far_out;
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
    const VU8 low_mask = hn::Set(du8, uint8_t{15});
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
        Sum4 a0, a1, a2, a3, a4, a5, a6, a7;
#define LFM2_BYTES(v) hn::LoadU(du8, LFM2_OF(v, data, far_data) + q * 64 + LFM2_ROW(v) * 4)
#define LFM2_LOW(v) hn::And(bytes##v, low_mask)
#define LFM2_HIGH(v) hn::ShiftRight<4>(bytes##v)
#define LFM2_DOT_LOW(k)                                                                             \
  if constexpr (k < T * R && q == 0) {                                                              \
    a##k = BeginSum4<k / R>(LFM2_PICK(k, low), p.quads, BroadcastI32<k / R, T>(p.minus_eight_sum)); \
  } else if constexpr (k < T * R) {                                                                 \
    a##k = DotQuad4<q * T + k / R>(a##k, LFM2_PICK(k, low), p.quads);                               \
  }
#define LFM2_DOT_HIGH(k)                                                     \
  if constexpr (k < T * R) {                                                 \
    a##k = DotQuad4<(q + 4) * T + k / R>(a##k, LFM2_PICK(k, high), p.quads); \
    Pin(a##k);                                                               \
  }
#define LFM2_QUADS(number)            \
  {                                   \
    constexpr size_t q = number;      \
    LFM2_ROWS(VU8, bytes, LFM2_BYTES) \
    LFM2_ROWS(VU8, low, LFM2_LOW)     \
    LFM2_ROWS(VU8, high, LFM2_HIGH)   \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_LOW)  \
    LFM2_FOR_EACH_SLOT(LFM2_DOT_HIGH) \
  }
        LFM2_QUADS(0)
        LFM2_QUADS(1)
        LFM2_QUADS(2)
        LFM2_QUADS(3)
#define LFM2_SCALE(v) Scales<Format>::template Scale<(v) % P, P>(LFM2_OF(v, block, far_block), g, r)
        LFM2_ROWS(VF, scale, LFM2_SCALE)
#define LFM2_ADD(k)                                                                             \
  if constexpr (k < T * R) {                                                                    \
    const VF dot = hn::ConvertTo(df, EndSum4(a##k, BroadcastI32<k / R, T>(p.minus_eight_sum))); \
    f##k = hn::MulAdd(dot, MulBroadcast<k / R, T>(LFM2_PICK(k, scale), p.scale), f##k);         \
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
#undef LFM2_BYTES
#undef LFM2_LOW
#undef LFM2_HIGH
#undef LFM2_DOT_LOW
#undef LFM2_DOT_HIGH
#undef LFM2_QUADS
#undef LFM2_SCALE
#undef LFM2_ADD
#undef LFM2_OFFSET
  }
};

template <class Format, uint32_t T>
void TileOfNibbles(typename Format::Blocks blocks, size_t groups, const uint8_t* panel, bool stream, float* out) {
  RunTile<RowsOfNibbles<Format>, T, kSlots4>(blocks, groups, panel, stream, out);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // HWY_TARGET != HWY_SCALAR
#endif  // LFM2_KERNELS_TILE_INTEGER_INL_H_
