#include "tools/common/perplexity.h"

#include <algorithm>
#include <cmath>

namespace lfm2::tools {

double NegativeLogLikelihood(Span<const float> logits, int32_t target) {
  const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum) - static_cast<double>(logits[static_cast<size_t>(target)]);
}

void PerplexityMean::Add(double negative_log_likelihood) {
  const double distance = negative_log_likelihood - mean_;
  mean_ += distance / static_cast<double>(++count_);
  squares_ += distance * (negative_log_likelihood - mean_);
}

double PerplexityMean::perplexity() const { return std::exp(mean_); }

double PerplexityMean::standard_error() const {
  if (count_ < 2) return 0;
  const double n = static_cast<double>(count_);
  return perplexity() * std::sqrt(squares_ / (n - 1) / n);
}

}  // namespace lfm2::tools
