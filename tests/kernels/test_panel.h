// Activations for the kernels' tests, and a panel read back as kernels/panel.h describes it.
#ifndef LFM2_TESTS_KERNELS_TEST_PANEL_H_
#define LFM2_TESTS_KERNELS_TEST_PANEL_H_

#include <vector>

#include "lfm2/kernels/kernels-inl.h"
#include "lfm2/kernels/panel.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

using Simd = HWY_NAMESPACE::SimdKernels;

enum class Activation {
  kNormal,
  kHighest,      // all equal: every quantised value is 127
  kLowest,       // every quantised value is -127
  kAlternating,  // 127 and -127 alternately
  kZero,
  kOutlier,  // one value a thousand times the others
  kDenormal,
  kHuge,
  kMixed,  // for every 32 columns one of these, or any magnitude from the denormal to 1e24
};
inline constexpr Activation kAllActivations[] = {Activation::kNormal,      Activation::kHighest, Activation::kLowest,
                                                 Activation::kAlternating, Activation::kZero,    Activation::kOutlier,
                                                 Activation::kDenormal,    Activation::kHuge};

inline float RandomActivation(Activation kind, uint32_t col, Random& random) {
  switch (kind) {
    case Activation::kHighest: return 0.7f;
    case Activation::kLowest: return -0.7f;
    case Activation::kAlternating: return col % 2 == 0 ? 0.7f : -0.7f;
    case Activation::kZero: return 0.0f;
    case Activation::kOutlier: return random.Normal() * (col % 32 == 5 ? 1000.0f : 1.0f);
    case Activation::kDenormal: return random.Normal() * 1e-40f;
    case Activation::kHuge: return random.Normal() * 1e27f;
    case Activation::kNormal:
    case Activation::kMixed: break;
  }
  return random.Normal();
}

// x[cols]. kHuge is not part of kMixed: with the largest weights, sums over many columns would be infinite.
inline void FillActivations(Activation kind, uint32_t cols, Random& random, float* x) {
  const bool is_mixed = kind == Activation::kMixed;
  float factor = 1.0f;
  for (uint32_t c = 0; c < cols; ++c) {
    if (is_mixed && c % 32 == 0) {
      kind = kAllActivations[random.Bits() % 7];
      factor = random.Bits() % 2 == 0 ? 1.0f : std::pow(10.0f, random.Uniform(-44.0f, 24.0f));
    }
    x[c] = factor * RandomActivation(kind, c, random);
  }
}

// x[tokens, cols], packed. Rows begin at odd multiples of 4 bytes and are further apart than they are long.
class TestInput {
 public:
  TestInput(uint32_t tokens, uint32_t cols, Activation kind, uint64_t seed) : TestInput(tokens, cols) {
    Random random(seed);
    for (uint32_t t = 0; t < tokens; ++t) FillActivations(kind, cols, random, Row(t));
    Pack();
  }
  TestInput(uint32_t tokens, uint32_t cols)
      : cols_(cols), x_(1 + size_t{tokens} * (cols + 3)), panel_(static_cast<size_t>(PanelBytes(tokens, cols))) {
    input_.x = x_.data() + 1;
    input_.stride = cols + 3;
    input_.tokens = tokens;
    input_.panel = panel_.data();
  }

  float* Row(uint32_t t) { return x_.data() + 1 + t * input_.stride; }
  const float* Row(uint32_t t) const { return input_.Row(t); }
  const MatMulInput& input() const { return input_; }
  uint32_t cols() const { return cols_; }
  void Pack() {
    const Tiling tiling(input_.tokens, Simd::kMaxTile);
    Simd::PackPanel(input_, cols_, 0, tiling.tiles(), panel_.data());
  }

  // Of token t: the quantised value of a column, and of a group -8 times the sum of these, the same of the first 16,
  // the scale and the sum of the activations.
  int quad(uint32_t t, uint32_t col) const {
    const Place p = Find(t, col / 32);
    const uint32_t columns = for_matrices() ? 8 : 4;
    return static_cast<int8_t>(p.group[(col % 32 / columns * p.tokens + p.t) * columns + col % columns]);
  }
  int32_t minus_eight_sum(uint32_t t, uint32_t g) const {
    if (!for_matrices()) return Number<int32_t>(t, g, PanelLayout::kMinusEightSum);
    return minus_eight_sum_low(t, g) + Number<int16_t>(t, g, MatrixPanelLayout::kMinusEightSums, 2, 1);
  }
  int32_t minus_eight_sum_low(uint32_t t, uint32_t g) const {
    if (!for_matrices()) return Number<int32_t>(t, g, PanelLayout::kMinusEightSumLow);
    return Number<int16_t>(t, g, MatrixPanelLayout::kMinusEightSums, 2);
  }
  float scale(uint32_t t, uint32_t g) const {
    if (!for_matrices()) return Number<float>(t, g, PanelLayout::kScale);
    return Number<float>(t, g, MatrixPanelLayout::kScales, 2);
  }
  float sum(uint32_t t, uint32_t g) const {
    return Number<float>(t, g, for_matrices() ? MatrixPanelLayout::kSum : PanelLayout::kSum);
  }

 private:
  struct Place {
    const uint8_t* group;
    size_t tokens, t;
  };
  Place Find(uint32_t t, uint32_t g) const {
    // Tiles of at most kMaxTile tokens, split evenly.
    const uint64_t n = input_.tokens, tiles = (n + Simd::kMaxTile - 1) / Simd::kMaxTile;
    uint64_t tile = 0;
    while (n * (tile + 1) / tiles <= t) ++tile;
    const size_t begin = static_cast<size_t>(n * tile / tiles), end = static_cast<size_t>(n * (tile + 1) / tiles);
    return {panel_.data() + (begin * (cols_ / 32) + g * (end - begin)) * kPanelGroupBytes, end - begin, t - begin};
  }
  bool for_matrices() const { return HWY_NAMESPACE::kMultipliesMatrices && input_.tokens > 4; }
  // Number i of the `numbers` that token t has in a part of the group.
  template <class T>
  T Number(uint32_t t, uint32_t g, size_t part, size_t numbers = 1, size_t i = 0) const {
    const Place p = Find(t, g);
    return LoadAs<T>(p.group + p.tokens * part + (p.t * numbers + i) * sizeof(T));
  }

  uint32_t cols_;
  std::vector<float> x_;
  AlignedBuffer<uint8_t> panel_;
  MatMulInput input_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_TEST_PANEL_H_
