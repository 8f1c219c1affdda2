// Log probabilities that clients are given.
#include "programs/server/token_scores.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "lfm2/text/log_probability.h"

namespace lfm2::tools {

TEST_CASE("scores are those of the library's own integer arithmetic, and the likeliest come first") {
  const std::vector<float> logits = {1.5f, -3.0f, 9.25f, 9.25f, 0.0f, -std::numeric_limits<float>::infinity(), 8.0f};
  const Span<const float> all(logits.data(), logits.size());
  for (int32_t token = 0; token < 7; ++token) {
    const TokenScore score = ScoreToken(all, token, 4);
    CHECK(score.token == token);
    // JSON has no infinity.
    if (token == 5) {
      CHECK(score.logprob == -9999.0f);
    } else {
      CHECK(std::fabs(score.logprob - LogProbability(all, token)) < 1e-6f);
    }
    REQUIRE(score.top.size() == 4);
    // Equal ones in the order of their ids, as the sampler takes them.
    const int32_t expected[] = {2, 3, 6, 0};
    for (size_t i = 0; i < 4; ++i) {
      CHECK(score.top[i].first == expected[i]);
      CHECK(std::fabs(score.top[i].second - LogProbability(all, expected[i])) < 1e-6f);
    }
  }
  CHECK(ScoreToken(all, 0, 0).top.empty());
  CHECK(ScoreToken(all, 0, 20).top.size() == 7);
}

}  // namespace lfm2::tools
