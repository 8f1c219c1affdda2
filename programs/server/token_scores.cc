#include "programs/server/token_scores.h"

#include <algorithm>
#include <numeric>

#include "programs/measure/perplexity.h"

namespace lfm2::tools {

TokenScore ScoreToken(Span<const float> logits, int32_t token, uint32_t top) {
  // For a token that is impossible: JSON has no infinity.
  constexpr double kLeast = -9999.0;
  const double log_sum = LogSumExp(logits);
  const auto log_probability = [&](int32_t id) {
    return static_cast<float>(std::max(static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum, kLeast));
  };
  TokenScore score;
  score.token = token;
  score.logprob = log_probability(token);
  if (top == 0) return score;
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto last = ids.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(top, ids.size()));
  // Of equal ones the lower id first, as in the sampler.
  std::partial_sort(ids.begin(), last, ids.end(), [&](int32_t a, int32_t b) {
    const float logit_a = logits[static_cast<size_t>(a)], logit_b = logits[static_cast<size_t>(b)];
    return logit_a != logit_b ? logit_a > logit_b : a < b;
  });
  for (auto id = ids.begin(); id != last; ++id) score.top.emplace_back(*id, log_probability(*id));
  return score;
}

}  // namespace lfm2::tools
