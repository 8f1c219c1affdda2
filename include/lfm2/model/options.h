// What a user decides about a session before it opens.
#ifndef LFM2_MODEL_OPTIONS_H_
#define LFM2_MODEL_OPTIONS_H_

#include "lfm2/base/config.h"
#include "lfm2/base/cpu_target.h"
#include "lfm2/base/status.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"

namespace lfm2 {

struct SessionOptions {
  // Positions that the session can hold: prompt plus answer. 0: the model's context_length, but at most 4,096.
  uint32_t context_length = 0;
  // Tokens that prefill computes at a time. Larger is faster and needs more memory; results do not depend on it.
  uint32_t prefill_chunk = 128;
  KvCacheType kv_cache = KvCacheType::kF16;
  // Positions whose logits are computed together where every position's are asked for (PrefillLogits).
  uint32_t logits_rows = 1;
  // The longest word (run between two splits of the tokenizer's pattern, in bytes) that a prompt may hold.
  uint32_t max_word_bytes = 1024;
  // Refused by Session::Open where this program or this processor does not have it.
  CpuTarget cpu_target = CpuTarget::kAutomatic;
};

constexpr uint32_t kDefaultContextLength = 4096;

// Fills in defaults and bounds the rest by the model: the options that a plan is made from.
constexpr SessionOptions Normalized(const ModelConfig& config, SessionOptions o) {
  if (o.context_length == 0) o.context_length = Min(config.context_length, kDefaultContextLength);
  o.prefill_chunk = Max(1u, Min(o.prefill_chunk, o.context_length));
  o.logits_rows = Max(1u, Min(o.logits_rows, o.prefill_chunk));
  return o;
}

constexpr Status CheckOptions(const ModelConfig& config, const SessionOptions& o) {
  if (o.context_length > config.context_length) {
    return Status(StatusCode::kInvalidArgument, "options.context_length", "is more than the model was trained for",
                  o.context_length, config.context_length);
  }
  if (o.prefill_chunk == 0) return Status(StatusCode::kInvalidArgument, "options.prefill_chunk", "is 0");
  if (o.logits_rows == 0) return Status(StatusCode::kInvalidArgument, "options.logits_rows", "is 0");
  if (o.max_word_bytes == 0) return Status(StatusCode::kInvalidArgument, "options.max_word_bytes", "is 0");
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_MODEL_OPTIONS_H_
