// Means and medians of repeated measurements.
#ifndef LFM2_PROGRAMS_MEASURE_STATISTICS_H_
#define LFM2_PROGRAMS_MEASURE_STATISTICS_H_

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace lfm2::tools {

inline double Mean(const std::vector<double>& v) {
  return v.empty() ? 0.0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

// Sample standard deviation: divides by the size minus one, as llama-bench does. 0 for fewer than two values.
inline double StandardDeviation(const std::vector<double>& v) {
  if (v.size() < 2) return 0.0;
  const double mean = Mean(v);
  double sum = 0.0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return std::sqrt(sum / static_cast<double>(v.size() - 1));
}

inline double Median(std::vector<double> v) {
  if (v.empty()) return 0.0;
  std::sort(v.begin(), v.end());
  const size_t half = v.size() / 2;
  return v.size() % 2 == 1 ? v[half] : (v[half - 1] + v[half]) / 2;
}

// Standard error of the median: half of the distance between the values sqrt(n) / 2 places before and after the middle,
// because the number of values below the true median has that deviation for any distribution. 0 for fewer than two
// values.
inline double MedianError(std::vector<double> v) {
  if (v.size() < 2) return 0.0;
  std::sort(v.begin(), v.end());
  const double middle = static_cast<double>(v.size() - 1) / 2, away = std::sqrt(static_cast<double>(v.size())) / 2;
  // With linear interpolation.
  const auto at = [&](double place) {
    const size_t below = std::min(static_cast<size_t>(std::max(place, 0.0)), v.size() - 2);
    const double share = std::min(std::max(place, 0.0) - static_cast<double>(below), 1.0);
    return v[below] + share * (v[below + 1] - v[below]);
  };
  return (at(middle + away) - at(middle - away)) / 2;
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_STATISTICS_H_
