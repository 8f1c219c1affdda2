// How many tokens and rows a tile computes at once, and the names of its accumulators.
#if defined(LFM2_KERNELS_TILE_SHAPE_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_SHAPE_INL_H_
#undef LFM2_KERNELS_TILE_SHAPE_INL_H_
#else
#define LFM2_KERNELS_TILE_SHAPE_INL_H_
#endif

#include "lfm2/format/tensor_type.h"
#include "lfm2/kernels/dot-inl.h"
#include "lfm2/kernels/panel.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// Helium with floats, which Highway does not support yet.
#if HWY_TARGET == HWY_SCALAR && defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#define LFM2_HAVE_MVE 1
#else
#define LFM2_HAVE_MVE 0
#endif

// Whether one token is multiplied with two row blocks at once. Two streams that are read alternately let a processor
// prefetch more than one does (AVX2 on Zen 3, two threads that only read: 29 -> 41 GB/s).
#define LFM2_GOES_BY_PAIRS (HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE)

// Tokens in a tile, and slots: pairs of a token and a vector of rows whose sums are in registers at the same time.
#if HWY_TARGET == HWY_SCALAR
inline constexpr uint32_t kMaxTile = 4;  // the stack of a microcontroller is small
#elif HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
inline constexpr uint32_t kMaxTile = 6, kSlots4 = 6, kSlots8 = 4, kSlots6 = 8;
#elif LFM2_DOT_WIDEN && HWY_ARCH_ARM_V7
inline constexpr uint32_t kMaxTile = 4, kSlots4 = 4, kSlots8 = 4, kSlots6 = 4;
#elif LFM2_DOT_WIDEN
inline constexpr uint32_t kMaxTile = 4, kSlots4 = 8, kSlots8 = 8, kSlots6 = 4;
#else
inline constexpr uint32_t kMaxTile = 8, kSlots4 = 8, kSlots8 = 8, kSlots6 = 8;
#endif

// Up to this number of tokens are multiplied with the weights as they are stored, in one tile. For more, the weights
// are unpacked once (unpack-inl.h), and Tiling makes no tiles of fewer than kMinUnpackedTile tokens.
inline constexpr uint32_t kMaxDirectTokens = 4;
inline constexpr uint32_t kMinUnpackedTile = Min(kMaxDirectTokens + 1, (kMaxTile + 1) / 2);

// Whether panels of more tokens than that, and unpacked weights, have the layout of matrix instructions.
inline constexpr bool kMultipliesMatrices = LFM2_DOT_MATRIX != 0;

// One group of a panel tile, as PanelLayout has it.
struct PanelGroup {
  const uint8_t* quads;
  const uint8_t* minus_eight_sum;
  const uint8_t* minus_eight_sum_low;
  const uint8_t* scale;
  const uint8_t* sum;

  PanelGroup(const uint8_t* group, size_t tokens)
      : quads(group + tokens * PanelLayout::kQuads),
        minus_eight_sum(group + tokens * PanelLayout::kMinusEightSum),
        minus_eight_sum_low(group + tokens * PanelLayout::kMinusEightSumLow),
        scale(group + tokens * PanelLayout::kScale),
        sum(group + tokens * PanelLayout::kSum) {}
};

// One group of a panel tile, as MatrixPanelLayout has it.
struct MatrixPanelGroup {
  const uint8_t* octs;
  const float* scales;
  const float* sum;
  const float* minus_eight_sums;  // pairs of 16 bits

  MatrixPanelGroup(const uint8_t* group, size_t tokens)
      : octs(group + tokens * MatrixPanelLayout::kOcts),
        scales(reinterpret_cast<const float*>(group + tokens * MatrixPanelLayout::kScales)),
        sum(reinterpret_cast<const float*>(group + tokens * MatrixPanelLayout::kSum)),
        minus_eight_sums(reinterpret_cast<const float*>(group + tokens * MatrixPanelLayout::kMinusEightSums)) {}
};

// A tile multiplies R vectors of rows at once, which share the activations: slot k of T * R is token k / R and row
// vector k % R. The first P row vectors belong to one row block; where R is 2 * P, the others are the same rows of
// another block. Slots are named variables: SVE and RVV forbid arrays of vectors, and GCC spills them.
#define LFM2_FOR_EACH_SLOT(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)
#define LFM2_TOKEN(k) ((k) < T * R ? (k) / R : 0)
#define LFM2_ZERO(k) VF f##k = hn::Zero(df);
#define LFM2_STORE(k) \
  if constexpr (k < T * R) hn::StoreU(f##k, df, LFM2_OF(k % R, out, far_out) + k / R * kBlockRows + LFM2_ROW(k % R));
// Four variables, M(v) for each row vector; those from R on repeat the first and are unused.
#define LFM2_ROWS(type, name, M) const type name##0 = M(0), name##1 = M(1), name##2 = M(2), name##3 = M(3);
// The first row of vector v in its row block; the one of two values that belongs to v's block; the one of four
// variables that slot k uses.
#define LFM2_ROW(v) (r + (v) % P * lanes)
#define LFM2_OF(v, own, far) ((v) % R < P ? (own) : (far))
#define LFM2_PICK(k, name) Pick<(k) % R>(name##0, name##1, name##2, name##3)

template <size_t V, class Vec>
HWY_INLINE Vec Pick(Vec v0, Vec v1, Vec v2, Vec v3) {
  if constexpr (V == 0) return v0;
  if constexpr (V == 1) return v1;
  if constexpr (V == 2) return v2;
  return v3;
}

// Run is inlined so that r is a constant where one call computes all rows. Not where the length of vectors is unknown:
// a tile then has three calls, and GCC runs out of registers.
#if HWY_HAVE_SCALABLE
#define LFM2_INLINE_RUN
#else
#define LFM2_INLINE_RUN HWY_INLINE
#endif

// The weights of a tile, and its results: [T][kBlockRows] floats. `far` and far_out are those of the second row block;
// of a tile with only one, the same as the others.
template <class Blocks>
struct TileRows {
  Blocks own;
  Blocks far;
  float* out;
  float* far_out;
};

// Calls Rows::Run<T, R, P>(r, ...) for the 16 rows of a block, R row vectors from row r on at a time: as many as there
// are slots for.
template <class Rows, uint32_t T, uint32_t Slots, class... Arguments>
HWY_INLINE void RunRows(Arguments... arguments) {
  constexpr uint32_t kFit = 4 * T <= Slots ? 4 : 2 * T <= Slots ? 2 : 1;
  const size_t lanes = hn::Lanes(DF());
#if HWY_HAVE_SCALABLE
  if constexpr (kFit == 4) {
    if (lanes == 4) return Rows::template Run<T, 4, 4>(0, arguments...);
    if (lanes == 8) return Rows::template Run<T, 2, 2>(0, arguments...);
    return Rows::template Run<T, 1, 1>(0, arguments...);
  } else if constexpr (kFit == 2) {
    if (lanes == 16) return Rows::template Run<T, 1, 1>(0, arguments...);
  }
  constexpr uint32_t R = kFit;
#else
  constexpr uint32_t R = Min(kFit, static_cast<uint32_t>(kBlockRows / hn::MaxLanes(DF())));
#endif
  for (size_t r = 0; r < kBlockRows; r += R * lanes) Rows::template Run<T, R, R>(r, arguments...);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_TILE_SHAPE_INL_H_
