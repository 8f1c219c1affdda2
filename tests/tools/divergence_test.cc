// KL divergence and what is told with it: by these figures people choose between quantisations.
#include "programs/measure/divergence.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "programs/measure/perplexity.h"

namespace lfm2::test {
namespace {

using tools::Divergence;
using tools::KlDivergence;
using tools::LogitError;

// Logits whose softmax is these odds, each in its share; `level` changes nothing.
std::vector<float> Odds(std::initializer_list<double> odds, double level = 0) {
  std::vector<float> logits;
  for (const double o : odds) logits.push_back(static_cast<float>(std::log(o) + level));
  return logits;
}

}  // namespace

TEST_CASE("KL divergence is that of the textbook, and has a direction") {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2): sum p ln(p / q) = ln(2) / 2 - ln(2) / 4.
  const std::vector<float> p = Odds({2, 1, 1}), q = Odds({1, 1, 2}, 50), even = Odds({1, 1, 1});
  CHECK(KlDivergence(p, q) == doctest::Approx(std::log(2.0) / 4));
  // ln 3 minus the entropy of p, which is 1.5 ln 2; the other way round -ln 3 - (ln(1/2) + 2 ln(1/4)) / 3.
  CHECK(KlDivergence(p, even) == doctest::Approx(std::log(3.0) - 1.5 * std::log(2.0)));
  CHECK(KlDivergence(even, p) == doctest::Approx(5.0 / 3 * std::log(2.0) - std::log(3.0)));
}

TEST_CASE("equal predictions diverge by nothing, and certain ones by a finite amount") {
  const std::vector<float> p = Odds({5, 1, 3}), higher = Odds({5, 1, 3}, 20);
  CHECK(KlDivergence(p, p) == 0);
  CHECK(KlDivergence(p, higher) < 1e-12);
  const std::vector<float> sure = {1000.0f, 0.0f}, of_another = {0.0f, 1000.0f};
  CHECK(KlDivergence(sure, of_another) == doctest::Approx(1000.0));
}

TEST_CASE("the error is a share of the variance of what is right, whatever their level") {
  // Squares of 1 + 0 + 4 + 0, over squared distances of 1, 2, 3, 4 from 2.5.
  const std::vector<float> right = {1, 2, 3, 4}, other = {2, 2, 1, 4}, higher = {101, 102, 103, 104};
  const std::vector<float> other_higher = {102, 102, 101, 104};
  CHECK(LogitError(right, other) == doctest::Approx(5.0 / 5.0));
  CHECK(LogitError(other, right) == doctest::Approx(5.0 / 4.75));
  CHECK(LogitError(higher, other_higher) == doctest::Approx(1.0));
  // A softmax would see nothing of a level; the logits are those of another model all the same.
  CHECK(LogitError(right, higher) == doctest::Approx(40000.0 / 5));
  CHECK(LogitError(right, right) == 0);
  const std::vector<float> flat = {7, 7}, not_flat = {7, 8};
  CHECK(LogitError(flat, flat) == 0);
  CHECK(std::isinf(LogitError(flat, not_flat)));
}

TEST_CASE("mean, quantiles, agreement and change are those of the positions") {
  Divergence divergence;
  CHECK(divergence.KlQuantile(0.5) == 0);
  const std::vector<float> base = Odds({2, 1, 1}), other = Odds({1, 1, 2});
  divergence.Add(base, base, 0);
  divergence.Add(base, other, 0);
  divergence.Add(base, other, 2);
  divergence.Add(base, other, 1);
  const double kl = std::log(2.0) / 4;
  CHECK(divergence.kl().mean() == doctest::Approx(kl * 3 / 4));
  // Squared distances from the mean: once (3/4)^2 and three times (1/4)^2 of kl^2, in all 3/4.
  CHECK(divergence.kl().standard_error() == doctest::Approx(kl * std::sqrt(0.75 / 3 / 4)));
  // Sorted: 0, kl, kl, kl. numpy.quantile([0, 1, 1, 1], [0, 0.1, 0.5, 1]) is [0, 0.3, 1, 1].
  CHECK(divergence.KlQuantile(0) == 0);
  CHECK(divergence.KlQuantile(0.1) == doctest::Approx(0.3 * kl));
  CHECK(divergence.KlQuantile(0.5) == doctest::Approx(kl));
  CHECK(divergence.KlQuantile(1) == doctest::Approx(kl));
  // Of (ln 2, 0, 0) and (0, 0, ln 2): 2 ln(2)^2 over ln(2)^2 (4 / 9 + 1 / 9 + 1 / 9); where one is 0, so is the mean.
  CHECK(divergence.error().mean() == 0);
  Divergence different;
  for (int i = 0; i < 3; ++i) different.Add(base, other, 0);
  CHECK(different.error().mean() == doctest::Approx(3.0));
  CHECK(different.error().standard_error() < 1e-9);
  CHECK(divergence.same_top().mean() == doctest::Approx(0.25));
  CHECK(divergence.same_top().standard_error() == doctest::Approx(std::sqrt(0.25 * 0.75 / 3)));
  // The token that follows becomes half as likely, twice as likely, and as likely as before.
  CHECK(divergence.change().mean() == doctest::Approx(0.0));
  CHECK(divergence.change().standard_error() == doctest::Approx(std::log(2.0) * std::sqrt(2.0 / 3 / 4)));
}

}  // namespace lfm2::test
