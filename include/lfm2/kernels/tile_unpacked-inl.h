// Tiles of unpacked weights (unpack-inl.h): one for all types with the same range of integers and the same scaling.
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

#if !LFM2_DOT_MATRIX
// The groups of a slice, one block each.
template <Scaling scaling>
class UnpackedBlocks {
 public:
  explicit UnpackedBlocks(const uint8_t* first) : group_(first) {}
  static constexpr uint32_t groups() { return 1; }
  const uint8_t* operator*() const { return group_; }
  void Skip(size_t blocks) { group_ += blocks * UnpackedBytes(scaling); }

 private:
  const uint8_t* group_;
};

// Number `number` of Scaling for row vector V of R.
template <size_t V, size_t R>
HWY_INLINE VF UnpackedNumber(const uint8_t* group, size_t number, size_t r) {
  const float* const numbers = reinterpret_cast<const float*>(group + kUnpackedIntegerBytes);
  return hn::LoadU(DF(), numbers + number * kUnpackedNumbers + r + (V < R ? V : 0) * hn::Lanes(DF()));
}
// As Scales and HalfScales of weights in memory.
struct UnpackedGroupScales {
  template <size_t V, size_t R>
  static HWY_INLINE VF Scale(const uint8_t* group, uint32_t, size_t r) {
    return UnpackedNumber<V, R>(group, 0, r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Offset(const uint8_t* group, uint32_t, size_t r, VF /*scale*/) {
    return UnpackedNumber<V, R>(group, 1, r);
  }
};
struct UnpackedHalfScales {
  using Scale = VF;
  template <size_t V, size_t R>
  static HWY_INLINE VF Delta(const uint8_t* group, size_t r) {
    return UnpackedNumber<V, R>(group, 0, r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Of(const uint8_t* group, uint32_t, size_t r, uint32_t half) {
    return UnpackedNumber<V, R>(group, 1 + half, r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF MinDelta(const uint8_t* group, size_t r) {
    return UnpackedNumber<V, R>(group, 3, r);
  }
  template <size_t V, size_t R>
  static HWY_INLINE VF Min(const uint8_t* group, uint32_t, size_t r, uint32_t half) {
    return UnpackedNumber<V, R>(group, 4 + half, r);
  }
};

// Step s multiplies quads 2 s and 2 s + 1.
template <int sum_range, Scaling scaling>
struct UnpackedWeights : NoTables {
  using Blocks = UnpackedBlocks<scaling>;
  using GroupScales = UnpackedGroupScales;
  using Halves = UnpackedHalfScales;
  static constexpr bool kIsUnpacked = true, kLoadsTogether = false;
  static constexpr bool kHalfMins = scaling == Scaling::kHalvesAndMins, kOffset = scaling == Scaling::kOffset;
  static constexpr bool kHalves = scaling == Scaling::kHalves || kHalfMins;
  static constexpr uint32_t kSlots = SumsOfUnpacked<sum_range>::kSlots;
  template <bool few_tokens>
  using Sums = SumsOfUnpacked<sum_range>;
  static constexpr size_t FirstQuad(size_t step) { return 2 * step; }
  static constexpr size_t SecondQuad(size_t step) { return 2 * step + 1; }
  static constexpr bool IsHigh(size_t step) { return step >= 2; }
  static HWY_INLINE const uint8_t* Data(const uint8_t* group, uint32_t) { return group; }
  template <size_t step>
  static HWY_INLINE VU8 Shared(const uint8_t* /*data*/, size_t /*row*/) {
    return hn::Zero(DU8());
  }
  template <size_t step>
  static HWY_INLINE VU8 First(const uint8_t* data, size_t row, VU8 /*shared*/, VU8 /*low_table*/, VU8 /*high_table*/) {
    return hn::LoadU(DU8(), data + row * kGroupColumns + FirstQuad(step) * hn::Lanes(DU8()));
  }
  template <size_t step>
  static HWY_INLINE VU8 Second(const uint8_t* data, size_t row, VU8 /*shared*/, VU8 /*low_table*/, VU8 /*high_table*/) {
    return hn::LoadU(DU8(), data + row * kGroupColumns + SecondQuad(step) * hn::Lanes(DU8()));
  }
};

template <int sum_range, Scaling scaling, uint32_t T>
HWY_INLINE void TileOfUnpacked(const uint8_t* weights, size_t groups, const uint8_t* panel, bool adds, float* out) {
  using Weights = UnpackedWeights<sum_range, scaling>;
  RunTile<Weights, T>(typename Weights::Blocks(weights), groups, panel, false, adds, out);
}
#else
template <int sum_range, Scaling scaling, uint32_t T>
HWY_INLINE void TileOfUnpacked(const uint8_t* weights, size_t groups, const uint8_t* panel, bool adds, float* out) {
  TileOfMatrices<scaling, T>(weights, groups, panel, adds, out);
}
#endif

// out[tokens, 16] = the products of `groups` unpacked groups with a panel tile of `tokens` tokens; with `adds`, these
// are added to out.
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

// How a type is unpacked and multiplied.
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
