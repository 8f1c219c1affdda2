// How far a model's predictions are from those of another one, its base, over the positions of a text.
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

// sum((x - g)^2) / sum((g - mean of g)^2) of a base's logits g and a model's x, in double: the error as a share of what
// the base says. 0 where they are equal; infinite where they are not, and all of g is one number.
double LogitError(Span<const float> base, Span<const float> logits);

class Divergence {
 public:
  // The predictions of one position, and the token that follows it.
  void Add(Span<const float> base, Span<const float> logits, int32_t target);

  // KL(base || model) of a position, in nats.
  const RunningMean& kl() const { return kl_; }
  // Of all positions so far, the value that a share of them does not exceed, from 0 (least) to 1 (largest): between two
  // values in a straight line, as numpy.quantile does. 0 where there are none.
  double KlQuantile(double share) const;
  // The share of positions at which both find the same token likeliest; of equals the first counts.
  const RunningMean& same_top() const { return same_top_; }
  // LogitError of a position. Their geometric mean, because where rounding flips a choice of experts at a near tie the
  // error of that position is a hundred times as large, and must not decide.
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
