// Activations to int8, one scale per group of 32, straight into the panel that the tiles read.
#if defined(LFM2_KERNELS_QUANTIZE_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_QUANTIZE_INL_H_
#undef LFM2_KERNELS_QUANTIZE_INL_H_
#else
#define LFM2_KERNELS_QUANTIZE_INL_H_
#endif

#include <cmath>

#include "lfm2/kernels/tile-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// One group: values[i] = round(x[i] * 127 / max |x|), ties to even. Returns the scale with the least squared error,
// sum(x * values) / sum(values^2): a few percent less error than max / 127, for another pass over 32 numbers in cache.
// sums[0] and sums[1] are the sums of columns 0..15 and 16..31, *x_sum is the sum of x. A group without a magnitude
// above 1e-30 becomes zeros. If a group contains an infinity or a NaN, its scale and x_sum are NaN, and so is every
// product with it.
inline float QuantizeGroup(const float* HWY_RESTRICT x, int8_t* HWY_RESTRICT values, int32_t* HWY_RESTRICT sums,
                           float* HWY_RESTRICT x_sum) {
  const DF df;
  const DI32 di;
  const size_t lanes = hn::Lanes(df);
  // The bits of floats without a sign are ordered like integers, with NaNs above everything. Unlike Max of floats, this
  // keeps NaNs.
  VI32 highest = hn::Zero(di);
  for (size_t i = 0; i < kGroupColumns; i += lanes) {
    highest = hn::Max(highest, hn::BitCast(di, hn::Abs(hn::LoadU(df, x + i))));
  }
  const float max = BitCast<float>(hn::ReduceMax(di, highest));
  if (!(max > 1e-30f && IsFinite(max))) {
    std::memset(values, 0, kGroupColumns);
    sums[0] = sums[1] = 0;
    *x_sum = IsFinite(max) ? 0.0f : NAN;
    return *x_sum;
  }
  const VF inverse = hn::Set(df, 127.0f / max);
  VF fit = hn::Zero(df), norm = hn::Zero(df), total = hn::Zero(df);
  for (size_t half = 0; half < 2; ++half) {
    VI32 sum = hn::Zero(di);
    for (size_t i = 16 * half; i < 16 * half + 16; i += lanes) {
      // In units of max / 127, where no sum can overflow.
      const VF value = hn::Mul(hn::LoadU(df, x + i), inverse);
      const VI32 q = RoundToEven(value);
      const VF rounded = hn::ConvertTo(df, q);
      sum = hn::Add(sum, q);
      fit = hn::MulAdd(rounded, value, fit);
      total = hn::Add(total, value);
      norm = hn::MulAdd(rounded, rounded, norm);
      hn::StoreU(hn::DemoteTo(hn::Rebind<int8_t, DI32>(), q), hn::Rebind<int8_t, DI32>(), values + i);
    }
    sums[half] = hn::ReduceSum(di, sum);
  }
  *x_sum = hn::ReduceSum(df, total) * (max / 127.0f);
  return hn::ReduceSum(df, fit) / hn::ReduceSum(df, norm) * (max / 127.0f);
}

// Writes token t of a tile's `tokens` into a group of the panel, laid out for matrices or not (panel.h).
HWY_INLINE void StoreGroup(const int8_t* values, const int32_t* sums, float scale, float x_sum, size_t t, size_t tokens,
                           bool for_matrices, uint8_t* group) {
  const auto store = [&](size_t part, auto number) {
    std::memcpy(group + tokens * part + t * sizeof(number), &number, sizeof(number));
  };
  if (for_matrices) {
    using Layout = MatrixPanelLayout;
    for (size_t o = 0; o < 4; ++o)
      std::memcpy(group + tokens * Layout::kOcts + (o * tokens + t) * 8, values + o * 8, 8);
    const float scales[] = {scale, scale};
    const int16_t minus_eight_sums[] = {static_cast<int16_t>(-8 * sums[0]), static_cast<int16_t>(-8 * sums[1])};
    std::memcpy(group + tokens * Layout::kScales + t * 8, scales, 8);
    store(Layout::kSum, x_sum);
    std::memcpy(group + tokens * Layout::kMinusEightSums + t * 4, minus_eight_sums, 4);
    return;
  }
  using Layout = PanelLayout;
  for (size_t q = 0; q < 8; ++q) std::memcpy(group + tokens * Layout::kQuads + (q * tokens + t) * 4, values + q * 4, 4);
  store(Layout::kMinusEightSum, int32_t{-8 * (sums[0] + sums[1])});
  store(Layout::kMinusEightSumLow, int32_t{-8 * sums[0]});
  store(Layout::kScale, scale);
  store(Layout::kSum, x_sum);
}

// Fills tiles [tile_begin, tile_end) of the panel of in.tokens x cols.
inline void PackPanel(const MatMulInput& in, uint32_t cols, uint32_t tile_begin, uint32_t tile_end, uint8_t* panel) {
  const Tiling tiling(in.tokens, kMaxTile);
  const size_t groups = cols / kGroupColumns;
  const bool for_matrices = kMultipliesMatrices && in.tokens > kMaxDirectTokens;
  for (uint32_t tile = tile_begin; tile < tile_end; ++tile) {
    const uint32_t begin = tiling.Begin(tile);
    const size_t tokens = tiling.Begin(tile + 1) - begin;
    for (size_t t = 0; t < tokens; ++t) {
      const float* x = in.Row(begin + static_cast<uint32_t>(t));
      uint8_t* group = panel + begin * groups * kPanelGroupBytes;
      for (size_t g = 0; g < groups; ++g, group += tokens * kPanelGroupBytes) {
        int8_t values[kGroupColumns];
        int32_t sums[2];
        float x_sum;
        const float scale = QuantizeGroup(x + g * kGroupColumns, values, sums, &x_sum);
        StoreGroup(values, sums, scale, x_sum, t, tokens, for_matrices, group);
      }
    }
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_QUANTIZE_INL_H_
