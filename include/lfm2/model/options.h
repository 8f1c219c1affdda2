// The options of a session.
#ifndef LFM2_MODEL_OPTIONS_H_
#define LFM2_MODEL_OPTIONS_H_

#include "lfm2/base/config.h"
#include "lfm2/base/cpu_target.h"
#include "lfm2/base/status.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"

namespace lfm2 {

struct KernelTable;

// Options of a session, for Session::Open, which fills in a default where 0 or null stands for one.
struct SessionOptions {
  // Positions that the session has room for: prompt plus answer. 0: the model's context_length, but at most 4,096.
  uint32_t context_length = 0;
  // Tokens that prefill computes at a time. Larger is faster and needs more memory; results do not depend on it.
  uint32_t prefill_chunk = 128;
  KvCacheType kv_cache = KvCacheType::kF16;
  // Positions whose logits are computed together when the logits of all positions are requested (PrefillLogits).
  uint32_t logits_rows = 1;
  // The longest word, in bytes, that a prompt may contain (a word is what the tokenizer's pattern does not split).
  uint32_t max_word_bytes = 1024;
  // Size of the arena for a model whose experts are read on demand, including the image's front part. What the fixed
  // regions leave becomes expert slots: the more of them, the less is read. 0: experts_per_token slots for each layer.
  // Ignored for other images, whose plan has a fixed size.
  uint64_t arena_bytes = 0;
  // How often a record, or a piece of it, is read again after an error or a wrong CRC. Timeouts are not repeated.
  uint32_t read_retries = 2;
  // While the drive is idle, reads what the next layer will probably (in decode) or almost certainly (in prefill) need.
  // More bytes in total, fewer waits; results do not depend on it.
  bool read_ahead = true;
  // Two ways to read less that change the results, off at 0; docs/streaming.md has their cost. Both apply to tokens
  // that are computed one at a time. For both, an expert counts as in memory if it would be there when every read
  // completed at once and nothing was read ahead: equal calls give equal tokens, however fast the drive is, as long as
  // no call fails. An expert in memory is chosen before one that is not and whose router score (0 to 1) plus bias is at
  // most this much higher.
  float prefer_resident = 0.0f;
  // An expert that is not in memory is left out if its share of the token's router weights is smaller than this; never
  // the best one.
  float drop_below = 0.0f;
  // Exact speculation: the most tokens, up to kMaxDraftTokens, that are guessed from repetitions in the sequence and
  // computed together with a decoded one. If the next tokens are the guessed ones, their logits have been computed
  // already; results are bit-equal. How many are guessed depends on measured times, and is 0 where guessing does not
  // pay. Each takes memory for logits and for a state of the convolutions. Needs now_ns. Nothing is guessed where
  // experts are read, nor while there is an observer. 0: off. Not available with LFM2_NO_DRAFTS.
  uint32_t draft_tokens = 0;
  // A clock for draft_tokens, in nanoseconds since an arbitrary moment. Called during calls of the session, on their
  // thread.
  uint64_t (*now_ns)(void* context) = nullptr;
  void* clock_context = nullptr;  // passed to now_ns; outlives the session
  // Session::Open returns kUnsupported if this program or processor does not have it.
  CpuTarget cpu_target = CpuTarget::kAutomatic;
  // Kernels to use in place of those of cpu_target, such as ReferenceKernelTable(); nullptr: none. Outlives the
  // session.
  const KernelTable* kernels = nullptr;
};

// The longest context that SessionOptions::context_length = 0 stands for.
constexpr uint32_t kDefaultContextLength = 4096;
// The largest SessionOptions::draft_tokens.
constexpr uint32_t kMaxDraftTokens = 16;

// LFM2_NO_DRAFTS, defined in all translation units or in none: leaves out the code for draft_tokens, 3 KB.
#if defined(LFM2_NO_DRAFTS)
constexpr bool kHasDrafts = false;
#else
constexpr bool kHasDrafts = true;
#endif

// Fills in defaults and limits the rest to what the model allows: the options that a plan is made from.
constexpr SessionOptions Normalized(const ModelConfig& config, SessionOptions o) {
  if (o.context_length == 0) o.context_length = Min(config.context_length, kDefaultContextLength);
  o.prefill_chunk = Max<uint32_t>(1, Min(o.prefill_chunk, o.context_length));
  o.logits_rows = Max<uint32_t>(1, Min(o.logits_rows, o.prefill_chunk));
  o.draft_tokens = Min(o.draft_tokens, Min(kMaxDraftTokens, o.prefill_chunk - 1));
  return o;
}

// What Session::Open checks, except for cpu_target. Errors: kInvalidArgument or kUnsupported, naming the option.
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
    return Status(StatusCode::kUnsupported, "options.draft_tokens", "is not 0, but LFM2_NO_DRAFTS is set");
  }
  if (o.draft_tokens > kMaxDraftTokens) {
    return Status(StatusCode::kInvalidArgument, "options.draft_tokens", "is too large", o.draft_tokens,
                  kMaxDraftTokens);
  }
  if (o.draft_tokens > 0 && o.now_ns == nullptr) {
    return Status(StatusCode::kInvalidArgument, "options.now_ns", "is null: draft_tokens needs a clock");
  }
  if (o.max_word_bytes == 0) return Status(StatusCode::kInvalidArgument, "options.max_word_bytes", "is 0");
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_MODEL_OPTIONS_H_
