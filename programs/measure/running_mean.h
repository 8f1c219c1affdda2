// Means, accumulated one number at a time, with their standard errors.
#ifndef LFM2_PROGRAMS_MEASURE_RUNNING_MEAN_H_
#define LFM2_PROGRAMS_MEASURE_RUNNING_MEAN_H_

#include <cmath>
#include <cstdint>

namespace lfm2::tools {

// The mean of a sample. If every number is 0 or 1, the standard error is the binomial one: sqrt(p (1 - p) / (n - 1)).
class RunningMean {
 public:
  void Add(double value) {
    const double distance = value - mean_;
    mean_ += distance / static_cast<double>(++count_);
    squares_ += distance * (value - mean_);
  }
  uint64_t count() const { return count_; }
  double mean() const { return mean_; }
  // Sample standard deviation / sqrt(count). 0 for fewer than two numbers.
  double standard_error() const {
    if (count_ < 2) return 0;
    const double n = static_cast<double>(count_);
    return std::sqrt(squares_ / (n - 1) / n);
  }

 private:
  uint64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the deviations from the mean (Welford 1962)
};

// The geometric mean of non-negative numbers: exp of the mean of their logarithms.
class GeometricMean {
 public:
  void Add(double value) {
    if (value > 0) {
      logarithms_.Add(std::log(value));
    } else {
      has_zero_ = true;
    }
  }
  // 0 if one of the numbers is 0, or there are no numbers.
  double mean() const { return has_zero_ || logarithms_.count() == 0 ? 0 : std::exp(logarithms_.mean()); }
  // By the delta method: mean * (standard error of the mean of the logarithms).
  double standard_error() const { return mean() * logarithms_.standard_error(); }

 private:
  RunningMean logarithms_;
  bool has_zero_ = false;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_RUNNING_MEAN_H_
