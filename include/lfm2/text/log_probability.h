// The log probability of a token.
#ifndef LFM2_TEXT_LOG_PROBABILITY_H_
#define LFM2_TEXT_LOG_PROBABILITY_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/text/fixed_point.h"

namespace lfm2 {

// log(exp(logits[token]) / sum over i of exp(logits[i])): the natural logarithm of the probability, before any options
// of a sampler. In integer arithmetic like the sampler: equal logits give equal results on every machine. The error is
// at most 1e-8, plus 2^-40 for each logit (6e-8 for 65,536), plus the rounding to float. Logits are limited to +-2^20;
// -infinity (or below -3e38) is a probability of 0. Returns NaN for an id that is not a token, for logits that contain
// a NaN or +infinity or forbid every token, and for more than 2^22 logits.
inline float LogProbability(Span<const float> logits, int32_t token) {
  constexpr uint32_t kBits = 40;  // of fraction
  constexpr uint32_t kInfinity = 0x7f800000u;
  constexpr int64_t kImpossible = INT64_MIN;
  const float nan = BitCast<float>(0x7fc00000u);
  const auto score = [&](size_t i) {
    const float logit = logits[i];
    const float size = logit < 0.0f ? -logit : logit;
    if (size > 3.0e38f) return kImpossible;
    const int64_t fixed = static_cast<int64_t>(FixedFromFloat(size < 1048576.0f ? size : 1048576.0f, kBits));
    return logit < 0.0f ? -fixed : fixed;
  };
  if (token < 0 || static_cast<size_t>(token) >= logits.size() || logits.size() > (size_t{1} << 22)) return nan;
  int64_t best = kImpossible;
  for (size_t i = 0; i < logits.size(); ++i) {
    const uint32_t bits = BitCast<uint32_t>(logits[i]);
    if (bits == kInfinity || (bits & 0x7fffffffu) > kInfinity) return nan;
    best = Max(best, score(i));
  }
  if (best == kImpossible) return nan;
  const int64_t own = score(static_cast<size_t>(token));
  if (own == kImpossible) return BitCast<float>(kInfinity | 0x80000000u);
  uint64_t sum = 0;  // of exp(logit - best); the best one's is 2^40, and what is below 2^-41 of it adds nothing
  for (size_t i = 0; i < logits.size(); ++i) {
    const int64_t one = score(i);
    const uint64_t below = one == kImpossible ? UINT64_MAX : static_cast<uint64_t>(best - one);
    if (below >> (kBits + 5) != 0) continue;  // 32 nats
    // 6653256548922161245 is log2(e) * 2^62.
    sum += ExpWeight(MulHigh(below << 18, 6653256548922161245u) >> 8);
  }
  // ln(sum) from its base 2 logarithm, at most 22: 12786308645202655659 is ln(2) * 2^64.
  const uint64_t log2_sum = Log2(sum) - (uint64_t{kBits} << 32);
  const uint64_t log_sum = MulHigh(log2_sum << 24, 12786308645202655659u) >> 16;
  return -static_cast<float>(static_cast<uint64_t>(best - own) + log_sum) * 9.094947017729282379e-13f;  // 2^-40
}

}  // namespace lfm2

#endif  // LFM2_TEXT_LOG_PROBABILITY_H_
