// How well a model predicts a text.
#ifndef LFM2_PROGRAMS_MEASURE_PERPLEXITY_H_
#define LFM2_PROGRAMS_MEASURE_PERPLEXITY_H_

#include <cmath>
#include <cstdint>

#include "lfm2/base/span.h"
#include "programs/measure/running_mean.h"

namespace lfm2::tools {

// ln sum(exp(logits)), in double, without overflow. At least one logit.
double LogSumExp(Span<const float> logits);

// -ln softmax(logits)[target], in double. logits: one for each token of the vocabulary; target is one of them.
double NegativeLogLikelihood(Span<const float> logits, int32_t target);

// Perplexity, exp(mean) of negative log likelihoods, accumulated one at a time.
class PerplexityMean {
 public:
  void Add(double negative_log_likelihood) { nll_.Add(negative_log_likelihood); }
  uint64_t count() const { return nll_.count(); }
  double mean() const { return nll_.mean(); }
  double perplexity() const { return std::exp(nll_.mean()); }
  // By the delta method: perplexity * (sample standard deviation / sqrt(count)). 0 for fewer than two values.
  double standard_error() const { return perplexity() * nll_.standard_error(); }

 private:
  RunningMean nll_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_PERPLEXITY_H_
