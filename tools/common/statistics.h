// Means and medians of repeated measurements.
#ifndef LFM2_TOOLS_COMMON_STATISTICS_H_
#define LFM2_TOOLS_COMMON_STATISTICS_H_

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace lfm2::tools {

inline double Mean(const std::vector<double>& v) {
  return v.empty() ? 0.0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

// Of a sample: divided by one less than its size, as llama-bench does. 0 for fewer than two values.
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

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_STATISTICS_H_
