// How tokens are chosen: a program's settings, or the recommendation of a model's publisher.
#ifndef LFM2_FORMAT_SAMPLING_H_
#define LFM2_FORMAT_SAMPLING_H_

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"

namespace lfm2 {

// The value of a field of Sampling that is not set; kUnsetCount in top_k.
inline constexpr float kUnset = -1e30f;
inline constexpr uint32_t kUnsetCount = 0xffffffffu;

// Options of a sampler, each of which may be left unset.
struct Sampling {
  // 0: the largest logit, always. Else 0.001 .. 100.
  float temperature = kUnset;
  // Only the top_k likeliest tokens; 0: all.
  uint32_t top_k = kUnsetCount;
  // Only the likeliest tokens that together have this probability, in (0, 1]; 1: all.
  float top_p = kUnset;
  // Only tokens at least min_p times as likely as the likeliest, in [0, 1]; 0: all.
  float min_p = kUnset;
  // Logits of tokens in the history are divided by this where positive, else multiplied; 0.0625 .. 16; 1: unchanged.
  float repetition_penalty = kUnset;
};

// Whether any field is set.
constexpr bool IsSet(const Sampling& s) {
  return s.temperature != kUnset || s.top_k != kUnsetCount || s.top_p != kUnset || s.min_p != kUnset ||
         s.repetition_penalty != kUnset;
}

// Every field of `first` that is set; the others are those of `second`.
constexpr Sampling Merged(const Sampling& first, const Sampling& second) {
  Sampling s = second;
  if (first.temperature != kUnset) s.temperature = first.temperature;
  if (first.top_k != kUnsetCount) s.top_k = first.top_k;
  if (first.top_p != kUnset) s.top_p = first.top_p;
  if (first.min_p != kUnset) s.min_p = first.min_p;
  if (first.repetition_penalty != kUnset) s.repetition_penalty = first.repetition_penalty;
  return s;
}

// Returns an error with this code, naming the field, if one is set and out of range.
constexpr Status CheckSampling(const Sampling& s, StatusCode code) {
  // The comparisons are written so that a NaN fails them.
  const float t = s.temperature, p = s.top_p, m = s.min_p, r = s.repetition_penalty;
  if (t != kUnset && !(t == 0.0f || (t >= 0.001f && t <= 100.0f))) {
    return Status(code, "temperature", "is neither 0 nor in 0.001 .. 100");
  }
  if (p != kUnset && !(p > 0.0f && p <= 1.0f)) return Status(code, "top_p", "is not in (0, 1]");
  if (m != kUnset && !(m >= 0.0f && m <= 1.0f)) return Status(code, "min_p", "is not in [0, 1]");
  if (r != kUnset && !(r >= 0.0625f && r <= 16.0f)) {
    return Status(code, "repetition_penalty", "is not in 0.0625 .. 16");
  }
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_FORMAT_SAMPLING_H_
