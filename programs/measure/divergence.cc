#include "programs/measure/divergence.h"

#include <algorithm>
#include <cmath>

#include "programs/measure/perplexity.h"

namespace lfm2::tools {

double KlDivergence(Span<const float> base, Span<const float> logits) {
  const double log_base = LogSumExp(base), log_model = LogSumExp(logits);
  double sum = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    const double log_p = static_cast<double>(base[i]) - log_base;
    sum += std::exp(log_p) * (log_p - (static_cast<double>(logits[i]) - log_model));
  }
  // KL is never negative, but its rounding error can be.
  return std::max(sum, 0.0);
}

double LogitError(Span<const float> base, Span<const float> logits) {
  double mean = 0;
  for (const float g : base) mean += static_cast<double>(g);
  mean /= static_cast<double>(base.size());
  double squares = 0, variance = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    const double g = static_cast<double>(base[i]), difference = static_cast<double>(logits[i]) - g;
    squares += difference * difference;
    variance += (g - mean) * (g - mean);
  }
  return squares == 0 ? 0 : squares / variance;
}

void Divergence::Add(Span<const float> base, Span<const float> logits, int32_t target) {
  const auto top = [](Span<const float> row) { return std::max_element(row.begin(), row.end()) - row.begin(); };
  values_.push_back(KlDivergence(base, logits));
  kl_.Add(values_.back());
  same_top_.Add(top(base) == top(logits) ? 1 : 0);
  error_.Add(LogitError(base, logits));
  change_.Add(NegativeLogLikelihood(base, target) - NegativeLogLikelihood(logits, target));
}

double Divergence::KlQuantile(double share) const {
  if (values_.empty()) return 0;
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const double place = share * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace lfm2::tools
