#include "programs/measure/perplexity.h"

#include <algorithm>

namespace lfm2::tools {

double LogSumExp(Span<const float> logits) {
  const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

double NegativeLogLikelihood(Span<const float> logits, int32_t target) {
  return LogSumExp(logits) - static_cast<double>(logits[static_cast<size_t>(target)]);
}

}  // namespace lfm2::tools
