// What a user decides about a session before it opens.
#ifndef LFM2_MODEL_OPTIONS_H_
#define LFM2_MODEL_OPTIONS_H_

#include "lfm2/base/config.h"
#include "lfm2/base/cpu_target.h"
#include "lfm2/base/status.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"

namespace lfm2 {

struct KernelTable;

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
  // The budget of an arena for a model whose experts are read as they are needed: all of it, the image's front part
  // included. What is left beside the fixed regions becomes expert slots, and the more of them, the less is read.
  // 0: experts_per_token slots for each layer. Other images need what their plan says, and ignore it.
  uint64_t arena_bytes = 0;
  // How often a record is read again, or a piece of it, after an error or a wrong CRC. A timeout is not repeated.
  uint32_t read_retries = 2;
  // Reads what the next layer will need while the drive has nothing else to do: in decode a guess, in prefill nearly
  // certain. More bytes in all, fewer waits; results do not depend on it.
  bool read_ahead = true;
  // Two ways to read less that change the results, off at 0; docs/streaming.md has what they cost. Both act on tokens
  // that are computed one at a time. In memory is for both what would be if every read ended at once and nothing was
  // read ahead: equal calls give equal tokens, however fast the drive is, as long as no call fails. An expert in memory
  // is chosen before one that is not and whose router score (0 to 1) with its bias is at most this much higher.
  float prefer_resident = 0.0f;
  // An expert that is not in memory is left out where its share of the token's experts is smaller; never the best one.
  float drop_below = 0.0f;
  // Exact speculation: tokens at most, up to kMaxDraftTokens, that are guessed from what the sequence repeats and are
  // computed together with a decoded one. Where the next tokens are those, their logits are there already; results are
  // the same bits. How many are guessed is decided by measured times, and none are where that does not pay. Each takes
  // memory for logits and for a state of the convolutions. Needs now_ns. Nothing is guessed where experts are read, nor
  // while there is an observer. 0: off. Not in programs with LFM2_NO_DRAFTS.
  uint32_t draft_tokens = 0;
  // A clock for draft_tokens, in nanoseconds from anywhere. Called within calls of the session, on their thread.
  uint64_t (*now_ns)(void* context) = nullptr;
  void* clock_context = nullptr;  // handed to now_ns; outlives the session
  // Refused by Session::Open where this program or this processor does not have it.
  CpuTarget cpu_target = CpuTarget::kAutomatic;
  // Other kernels than those of cpu_target, such as ReferenceKernelTable(); nullptr: none. Outlives the session.
  const KernelTable* kernels = nullptr;
};

constexpr uint32_t kDefaultContextLength = 4096;
constexpr uint32_t kMaxDraftTokens = 16;

// LFM2_NO_DRAFTS, defined in all translation units or in none: leaves out what draft_tokens needs, 3 KB of code.
#if defined(LFM2_NO_DRAFTS)
constexpr bool kHasDrafts = false;
#else
constexpr bool kHasDrafts = true;
#endif

// Fills in defaults and bounds the rest by the model: the options that a plan is made from.
constexpr SessionOptions Normalized(const ModelConfig& config, SessionOptions o) {
  if (o.context_length == 0) o.context_length = Min(config.context_length, kDefaultContextLength);
  o.prefill_chunk = Max<uint32_t>(1, Min(o.prefill_chunk, o.context_length));
  o.logits_rows = Max<uint32_t>(1, Min(o.logits_rows, o.prefill_chunk));
  o.draft_tokens = Min(o.draft_tokens, Min(kMaxDraftTokens, o.prefill_chunk - 1));
  return o;
}

// What Session::Open refuses, but for the processor. Errors: kInvalidArgument naming the option.
constexpr Status CheckOptions(const ModelConfig& config, const SessionOptions& o) {
  if (o.context_length > config.context_length) {
    return Status(StatusCode::kInvalidArgument, "options.context_length", "is more than the model was trained for",
                  o.context_length, config.context_length);
  }
  if (BytesOf(o.kv_cache) == 0) {
    return Status(StatusCode::kInvalidArgument, "options.kv_cache", "is unknown", static_cast<uint8_t>(o.kv_cache));
  }
  if (o.prefill_chunk == 0) return Status(StatusCode::kInvalidArgument, "options.prefill_chunk", "is 0");
  if (o.logits_rows == 0) return Status(StatusCode::kInvalidArgument, "options.logits_rows", "is 0");
  if (!(o.prefer_resident >= 0.0f && o.prefer_resident <= 1.0f)) {
    return Status(StatusCode::kInvalidArgument, "options.prefer_resident", "is not between 0 and 1");
  }
  if (!(o.drop_below >= 0.0f && o.drop_below <= 1.0f)) {
    return Status(StatusCode::kInvalidArgument, "options.drop_below", "is not between 0 and 1");
  }
  if (o.draft_tokens > 0 && !kHasDrafts) {
    return Status(StatusCode::kUnsupported, "options.draft_tokens", "is what LFM2_NO_DRAFTS leaves out");
  }
  if (o.draft_tokens > kMaxDraftTokens) {
    return Status(StatusCode::kInvalidArgument, "options.draft_tokens", "is more than a session can guess at a time",
                  o.draft_tokens, kMaxDraftTokens);
  }
  if (o.draft_tokens > 0 && o.now_ns == nullptr) {
    return Status(StatusCode::kInvalidArgument, "options.now_ns", "is null: draft_tokens needs a clock");
  }
  if (o.max_word_bytes == 0) return Status(StatusCode::kInvalidArgument, "options.max_word_bytes", "is 0");
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_MODEL_OPTIONS_H_
