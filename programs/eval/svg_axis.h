// The axis of a chart: the position of numbers on it, and its marks.
#ifndef LFM2_PROGRAMS_EVAL_SVG_AXIS_H_
#define LFM2_PROGRAMS_EVAL_SVG_AXIS_H_

#include <string>
#include <utility>
#include <vector>

namespace lfm2::tools {

class Axis {
 public:
  // From slightly below `low` to slightly above `high`, both at least 0, with marks at round numbers.
  static Axis Linear(double low, double high);
  // low > 0; the marks are 1, 2 and 5 times powers of ten, or only the powers if there are many.
  static Axis Logarithmic(double low, double high);

  // 0 at the start of the range, 1 at its end. On a logarithmic axis, also 0 for values that are not positive.
  double Place(double value) const;
  // Values of the marks, and their labels.
  const std::vector<std::pair<double, std::string>>& marks() const { return marks_; }

 private:
  void Mark(double value, int decimals);

  bool logarithmic_ = false;
  double low_ = 0, high_ = 0;  // of a logarithmic axis, powers of ten
  std::vector<std::pair<double, std::string>> marks_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_SVG_AXIS_H_
