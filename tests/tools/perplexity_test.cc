// Perplexity and its standard error: what a user compares with other engines.
#include "programs/measure/perplexity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace lfm2::test {

using tools::NegativeLogLikelihood;
using tools::PerplexityMean;

TEST_CASE("a model that knows nothing has the perplexity of its vocabulary, however large its logits are") {
  for (const float level : {0.0f, 1e4f, -1e4f}) {
    const std::vector<float> logits(1000, level);
    CHECK(NegativeLogLikelihood(logits, 999) == doctest::Approx(std::log(1000.0)));
  }
}

TEST_CASE("likelihoods are those of the softmax") {
  // Odds of 1 : 2 : 5.
  const std::vector<float> logits = {0.0f, std::log(2.0f), std::log(5.0f)};
  CHECK(NegativeLogLikelihood(logits, 0) == doctest::Approx(-std::log(1.0 / 8)));
  CHECK(NegativeLogLikelihood(logits, 1) == doctest::Approx(-std::log(2.0 / 8)));
  CHECK(NegativeLogLikelihood(logits, 2) == doctest::Approx(-std::log(5.0 / 8)));
  const std::vector<float> sure = {200.0f, 0.0f};
  CHECK(NegativeLogLikelihood(sure, 1) == doctest::Approx(200.0));
  CHECK(NegativeLogLikelihood(sure, 0) == doctest::Approx(0.0));
}

TEST_CASE("the mean and its standard error are those of the textbook") {
  PerplexityMean mean;
  CHECK(mean.standard_error() == 0);
  mean.Add(2.0);
  CHECK(mean.perplexity() == doctest::Approx(std::exp(2.0)));
  CHECK(mean.standard_error() == 0);
  for (const double v : {4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) mean.Add(v);
  // Eight values with mean 5 and squared distances of 32 in all.
  CHECK(mean.count() == 8);
  CHECK(mean.mean() == doctest::Approx(5.0));
  CHECK(mean.standard_error() == doctest::Approx(std::exp(5.0) * std::sqrt(32.0 / 7 / 8)));
}

}  // namespace lfm2::test
