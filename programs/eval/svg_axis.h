// The axis of a chart: where numbers lie on it, and which of them it marks.
#ifndef LFM2_PROGRAMS_EVAL_SVG_AXIS_H_
#define LFM2_PROGRAMS_EVAL_SVG_AXIS_H_

#include <string>
#include <utility>
#include <vector>

namespace lfm2::tools {

class Axis {
 public:
  // From a little below `low` to a little above `high`, both at least 0, with round numbers to mark.
  static Axis Linear(double low, double high);
  // 0 < low; marks are 1, 2 and 5 times powers of ten, or the powers alone where they are many.
  static Axis Logarithmic(double low, double high);

  // 0 at the range's beginning, 1 at its end. Of a logarithmic axis, 0 also for what is not above 0.
  double Place(double value) const;
  // Values, and how they are written.
  const std::vector<std::pair<double, std::string>>& marks() const { return marks_; }

 private:
  void Mark(double value, int decimals);

  bool logarithmic_ = false;
  double low_ = 0, high_ = 0;  // of a logarithmic axis, powers of ten
  std::vector<std::pair<double, std::string>> marks_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_SVG_AXIS_H_
