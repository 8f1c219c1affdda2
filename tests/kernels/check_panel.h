// Compares a group of a panel with the activations that it was made from.
#ifndef LFM2_TESTS_KERNELS_CHECK_PANEL_H_
#define LFM2_TESTS_KERNELS_CHECK_PANEL_H_

#include <doctest/doctest.h>

#include "tests/kernels/test_panel.h"

namespace lfm2::test {

// sum((x - scale * q)^2) of one group.
inline double SquaredError(const TestInput& in, uint32_t t, uint32_t g, double scale) {
  double sum = 0;
  for (uint32_t c = g * 32; c < g * 32 + 32; ++c) {
    const double error = static_cast<double>(in.Row(t)[c]) - scale * in.quad(t, c);
    sum += error * error;
  }
  return sum;
}

inline double Highest(const TestInput& in, uint32_t t, uint32_t g) {
  double max = 0;
  for (uint32_t c = g * 32; c < g * 32 + 32; ++c) max = std::fmax(max, std::fabs(static_cast<double>(in.Row(t)[c])));
  return max;
}

inline void CheckGroup(const TestInput& in, uint32_t t, uint32_t g) {
  const double max = Highest(in, t, g), scale = static_cast<double>(in.scale(t, g));
  double fit = 0, norm = 0, float_sum = 0, magnitude = 0;
  int sum = 0, sum_low = 0;
  Worst rounding;
  for (uint32_t c = 0; c < 32; ++c) {
    const int q = in.quad(t, g * 32 + c);
    const double x = static_cast<double>(in.Row(t)[g * 32 + c]);
    if (max > 1e-30) {
      rounding.Add(q, x * 127 / max, 0.5 + 1e-4);
    } else {
      CHECK(q == 0);
    }
    fit += x * q;
    float_sum += x;
    magnitude += std::fabs(x);
    norm += static_cast<double>(q) * q;
    sum += q;
    if (c < 16) sum_low += q;
  }
  CHECK(rounding.share() <= 1.0);
  CHECK(in.minus_eight_sum(t, g) == -8 * sum);
  CHECK(in.minus_eight_sum_low(t, g) == -8 * sum_low);
  if (max > 1e-30) {
    CHECK(std::fabs(static_cast<double>(in.sum(t, g)) - float_sum) <= 20 * kEpsilon * magnitude);
    CHECK(std::fabs(scale - fit / norm) <= 40 * kEpsilon * scale);
    CHECK(SquaredError(in, t, g, scale) <= SquaredError(in, t, g, max / 127) * (1 + 1e-6) + max * max * 1e-10);
  } else {
    CHECK(in.scale(t, g) == 0.0f);
    CHECK(in.sum(t, g) == 0.0f);
  }
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_CHECK_PANEL_H_
