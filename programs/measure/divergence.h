// The difference between a model's predictions and those of a base model, over the positions of a text.
#ifndef LFM2_PROGRAMS_MEASURE_DIVERGENCE_H_
#define LFM2_PROGRAMS_MEASURE_DIVERGENCE_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/span.h"
#include "programs/measure/running_mean.h"

namespace lfm2::tools {

// KL(p || q) = sum(p ln(p / q)) in nats, of p = softmax(base) and q = softmax(logits), in double. Both have one finite
// logit for each token of the same vocabulary.
double KlDivergence(Span<const float> base, Span<const float> logits);

// sum((x - g)^2) / sum((g - mean of g)^2) of a base's logits g and a model's logits x, in double: the error as a share
// of the base's variance. 0 if they are equal; infinite if they are not and all elements of g are equal.
double LogitError(Span<const float> base, Span<const float> logits);

class Divergence {
 public:
  // Adds the predictions of one position; the last argument is the token that follows it.
  void Add(Span<const float> base, Span<const float> logits, int32_t target);

  // KL(base || model) of a position, in nats.
  const RunningMean& kl() const { return kl_; }
  // The quantile of all positions so far, for a share from 0 (smallest) to 1 (largest), with linear interpolation, as
  // numpy.quantile does. 0 if there are no positions.
  double KlQuantile(double share) const;
  // The share of positions at which both find the same token likeliest; of equals the first counts.
  const RunningMean& same_top() const { return same_top_; }
  // LogitError of a position. The mean is geometric: where rounding changes the choice of experts at a near tie, the
  // error of that position is a hundred times as large and would dominate an arithmetic mean.
  const GeometricMean& error() const { return error_; }
  // Log likelihood of the token that follows: the model's minus the base's, in nats.
  const RunningMean& change() const { return change_; }

 private:
  RunningMean kl_, same_top_, change_;
  GeometricMean error_;
  std::vector<double> values_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_DIVERGENCE_H_
