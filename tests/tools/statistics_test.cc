// What is printed after "+-": by it people decide whether two models, or two machines, differ at all.
#include "programs/measure/statistics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "programs/measure/running_mean.h"

namespace lfm2::test {

using tools::GeometricMean;
using tools::MedianError;

TEST_CASE("a geometric mean and its standard error are those of the logarithms") {
  GeometricMean mean;
  CHECK(mean.mean() == 0);
  CHECK(mean.standard_error() == 0);
  mean.Add(1e-4);
  CHECK(mean.mean() == doctest::Approx(1e-4));
  CHECK(mean.standard_error() == 0);
  // One outlier of a hundred times the rest does not decide: 1e-4, 1e-4, 1e-4 and 1e-2 are 1e-3.5 together.
  for (const double value : {1e-4, 1e-4, 1e-2}) mean.Add(value);
  CHECK(mean.mean() == doctest::Approx(std::pow(10, -3.5)));
  // Logarithms of base ten lie 0.5, 0.5, 0.5 and 1.5 from their mean: squares of 3 in all.
  CHECK(mean.standard_error() == doctest::Approx(std::pow(10, -3.5) * std::log(10.0) * std::sqrt(3.0 / 3 / 4)));
  mean.Add(0);
  CHECK(mean.mean() == 0);
  CHECK(mean.standard_error() == 0);
}

TEST_CASE("the standard error of a median is that of the textbook, and no outlier moves it") {
  CHECK(MedianError({}) == 0);
  CHECK(MedianError({3}) == 0);
  CHECK(MedianError({5, 3}) == doctest::Approx(1.0));
  // Places 2 - 1.118 and 2 + 1.118 of five: 1.882, and 4 + 0.118 * 6.
  const double away = std::sqrt(5.0) / 2;
  CHECK(MedianError({10, 1, 3, 4, 2}) == doctest::Approx((4 + (away - 1) * 6 - (3 - away)) / 2));
  // 1 / (2 density(median) sqrt(n)), of numbers that lie evenly between 0 and 1.
  std::vector<double> even;
  for (int i = 0; i <= 10000; ++i) even.push_back(i / 10000.0);
  CHECK(MedianError(even) == doctest::Approx(1 / (2 * std::sqrt(10001.0))).epsilon(1e-3));
  even.back() = 1e9;
  CHECK(MedianError(even) == doctest::Approx(1 / (2 * std::sqrt(10001.0))).epsilon(1e-3));
}

}  // namespace lfm2::test
