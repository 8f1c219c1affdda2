#include "programs/eval/svg_axis.h"

#include <algorithm>
#include <cmath>

#include "programs/console/console.h"

namespace lfm2::tools {

Axis Axis::Linear(double low, double high) {
  Axis axis;
  const double room = high > low ? 0.08 * (high - low) : std::max(0.1 * high, 1e-9);
  axis.low_ = std::max(0.0, low - room);
  axis.high_ = high + room;
  const double rough = (axis.high_ - axis.low_) / 5, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  for (double n = std::ceil(axis.low_ / step); n * step <= axis.high_; ++n) axis.Mark(n * step, decimals);
  return axis;
}

Axis Axis::Logarithmic(double low, double high) {
  Axis axis;
  axis.logarithmic_ = true;
  axis.low_ = std::log10(low / 1.4);
  axis.high_ = std::log10(high * 1.4);
  const bool many = axis.high_ - axis.low_ > 4;
  for (int power = static_cast<int>(std::floor(axis.low_)); power <= axis.high_; ++power) {
    for (const double digit : {1, 2, 5}) {
      const double value = digit * std::pow(10, power), place = axis.Place(value);
      if (place >= 0 && place <= 1 && (digit == 1 || !many)) axis.Mark(value, std::max(0, -power));
    }
  }
  return axis;
}

double Axis::Place(double value) const {
  if (!logarithmic_) return (value - low_) / (high_ - low_);
  return value > 0 ? (std::log10(value) - low_) / (high_ - low_) : 0;
}

void Axis::Mark(double value, int decimals) { marks_.emplace_back(value, Fixed(value, decimals)); }

}  // namespace lfm2::tools
