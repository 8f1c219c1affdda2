// How well a model predicts a text.
#ifndef LFM2_TOOLS_COMMON_PERPLEXITY_H_
#define LFM2_TOOLS_COMMON_PERPLEXITY_H_

#include <cstdint>

#include "lfm2/base/span.h"

namespace lfm2::tools {

// -ln softmax(logits)[target], in double. logits: one for each token of the vocabulary, target is one of them.
double NegativeLogLikelihood(Span<const float> logits, int32_t target);

// Perplexity exp(mean) of negative log likelihoods, as they come.
class PerplexityMean {
 public:
  void Add(double negative_log_likelihood);
  uint64_t count() const { return count_; }
  double mean() const { return mean_; }
  double perplexity() const;
  // By the delta method: perplexity * (sample standard deviation / sqrt(count)). 0 for fewer than two values.
  double standard_error() const;

 private:
  uint64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean (Welford 1962)
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_PERPLEXITY_H_
