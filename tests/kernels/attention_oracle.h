// Attention by its definition, in double, and how far results in floats may differ from it.
#ifndef LFM2_TESTS_KERNELS_ATTENTION_ORACLE_H_
#define LFM2_TESTS_KERNELS_ATTENTION_ORACLE_H_

#include <algorithm>
#include <vector>

#include "lfm2/kernels/kv_cache.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

inline constexpr KvCacheType kKvTypes[] = {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8};

// The largest error that the cache's type may add to a number of x[n]: half a unit in its last place, or of the
// smallest number that the type has.
inline double StorageError(KvCacheType type, const float* x, uint32_t n) {
  double largest = 0;
  // Not std::fmax: GCC 12 for 64-bit Arm crashes when it vectorises that.
  for (uint32_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(static_cast<double>(x[i])));
  switch (type) {
    case KvCacheType::kF16: return std::fmax(largest / 2048, std::ldexp(1.0, -25));
    case KvCacheType::kF32: return 0;
    case KvCacheType::kInt8: return largest > 1e-30 ? largest / 253 : largest;
  }
  return 0;
}

// How far the kernel's floats may be from exact arithmetic over positions 0 .. n - 1, in parts of `part`: the roundings
// of a score act on its exponential, every position of a part adds a rounding, and so do the products, the sum and the
// exponential, off by up to 2e-7, with which a part is joined. type: the type of the cache, whose rounding counts as
// well; kF32 has none. keys and values [n, dim].
inline double Tolerance(const std::vector<float>& keys, const std::vector<float>& values, const float* q, uint32_t dim,
                        KvCacheType type, uint32_t part = kAttentionPart) {
  double score_error = 0, value = 0, value_error = 0, queries = 0;
  for (uint32_t d = 0; d < dim; ++d) queries += std::fabs(static_cast<double>(q[d]));
  for (size_t at = 0; at < keys.size(); at += dim) {
    double sum = 0;
    for (uint32_t d = 0; d < dim; ++d) {
      sum += std::fabs(static_cast<double>(q[d]) * static_cast<double>(keys[at + d]));
      value = std::fmax(value, std::fabs(static_cast<double>(values[at + d])));
    }
    const double error = sum * (dim + 4) * kEpsilon + queries * StorageError(type, &keys[at], dim);
    score_error = std::fmax(score_error, error / std::sqrt(static_cast<double>(dim)));
    value_error = std::fmax(value_error, StorageError(type, &values[at], dim));
  }
  const double n = static_cast<double>(keys.size() / dim), parts = std::ceil(n / part);
  const double roundings = std::fmin(n, part) + 6 * (parts - 1);
  return value * (std::expm1(2 * score_error) + (2 * roundings + 16) * kEpsilon + 6e-7) + value_error +
         4 * kSmallestNormal;
}

// out[dim] of one query by the definition, over the positions of keys and values [n, dim].
inline std::vector<double> Softmax(const std::vector<float>& keys, const std::vector<float>& values, const float* q,
                                   uint32_t dim) {
  std::vector<double> score(keys.size() / dim), out(dim);
  double highest = -1e300, sum = 0;
  for (size_t j = 0; j < score.size(); ++j) {
    for (uint32_t d = 0; d < dim; ++d) score[j] += static_cast<double>(q[d]) * static_cast<double>(keys[j * dim + d]);
    score[j] /= std::sqrt(static_cast<double>(dim));
    highest = std::fmax(highest, score[j]);
  }
  for (size_t j = 0; j < score.size(); ++j) {
    const double p = std::exp(score[j] - highest);
    sum += p;
    for (uint32_t d = 0; d < dim; ++d) out[d] += p * static_cast<double>(values[j * dim + d]);
  }
  for (double& v : out) v /= sum;
  return out;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_ATTENTION_ORACLE_H_
