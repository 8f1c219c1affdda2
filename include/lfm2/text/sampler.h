// Chooses the next token from logits.
#ifndef LFM2_TEXT_SAMPLER_H_
#define LFM2_TEXT_SAMPLER_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/sampling.h"
#include "lfm2/text/fixed_point.h"

namespace lfm2 {

// Fields that are not set follow the recommendation of the model, or the defaults of ResolveSampling. For greedy
// decoding with any model, set temperature to 0 and repetition_penalty to 1.
struct SamplerOptions : Sampling {
  uint64_t seed = 0;  // of the random sequence
};

// Liquid AI's recommendation for LFM2; also used for models that recommend nothing.
inline constexpr Sampling kLfm2Sampling = {0.3f, 0, 1.0f, 0.15f, 1.05f};

// Options with every field set: those that are set in `options`; otherwise those of the model (Image::sampling);
// otherwise, if the model recommends nothing at all, those of kLfm2Sampling. Where a model recommends something,
// missing top_k, top_p and min_p are off (0, 1, 0), and a missing temperature or repetition_penalty is that of
// kLfm2Sampling.
constexpr SamplerOptions ResolveSampling(const SamplerOptions& options, const Sampling& model) {
  constexpr Sampling kOff = {kLfm2Sampling.temperature, 0, 1.0f, 0.0f, kLfm2Sampling.repetition_penalty};
  SamplerOptions all = options;
  static_cast<Sampling&>(all) = Merged(options, Merged(model, IsSet(model) ? kOff : kLfm2Sampling));
  return all;
}

// Applies, in the order of Hugging Face's generate(): repetition penalty, temperature, top-k, top-p, min-p; then draws.
// Top-p keeps a token if the likelier ones together have a probability below top_p. Of equal logits the lower id comes
// first, so top-k keeps exactly k tokens. All arithmetic on the logits is in integers: equal logits and seeds give
// equal tokens on every machine. Logits are rounded to 2^-40 and limited to +-8192; tokens less than 2^-40 times as
// likely as the likeliest are never drawn.
class Sampler {
 public:
  // Bytes of scratch for Sample: 4 1/8 per token.
  static constexpr uint64_t ScratchBytes(uint64_t vocab_size) {
    return (DivideUp<uint64_t>(vocab_size, 32) + vocab_size) * sizeof(uint32_t) + sizeof(uint32_t) - 1;
  }

  // kInvalidArgument, with the name of the option, if one is set and out of range.
  static Status Check(const Sampling& options) { return CheckSampling(options, StatusCode::kInvalidArgument); }

  // Sets the options and starts the random sequence of their seed. model: the recommendation for fields that are not
  // set, already checked, such as Image::sampling(). A sampler that was never configured has the options of a model
  // that recommends nothing.
  Status Configure(const SamplerOptions& options, const Sampling& model = Sampling()) {
    LFM2_RETURN_IF_ERROR(Check(options));
    *this = Sampler(ResolveSampling(options, model));
    return Status();
  }

  constexpr Sampler() = default;

  // The state of the random sequence, which can be saved and restored after Configure.
  constexpr uint64_t random_state() const { return random_.state(); }
  constexpr void SetRandomState(uint64_t state) { random_.SetState(state); }

  // Chooses *token. logits[vocab_size]; -infinity (or below -3e38) forbids a token. history: tokens so far, including
  // the prompt, for the repetition penalty. scratch: ScratchBytes(logits.size()) bytes of any alignment, used during
  // the call only. Errors, after which the random sequence has not advanced: kArenaTooSmall; kInvalidArgument for a NaN
  // or +infinity, for logits that forbid every token, and for an id in the history that is not a token.
  Status Sample(Span<const float> logits, Span<const int32_t> history, Span<std::byte> scratch, int32_t* token) {
    if (penalty_ == 0) *this = Sampler(ResolveSampling({}, {}));  // not configured
    if (logits.empty() || logits.size() > kMaxLogits) {
      return Status(StatusCode::kInvalidArgument, "logits", "have an impossible number", logits.size(), kMaxLogits);
    }
    if (scratch.size() < ScratchBytes(logits.size())) {
      return Status(StatusCode::kArenaTooSmall, "sampler scratch", "is too small: bytes", scratch.size(),
                    ScratchBytes(logits.size()));
    }
    const size_t misaligned = reinterpret_cast<uintptr_t>(scratch.data()) % sizeof(uint32_t);
    logits_ = logits;
    seen_ = reinterpret_cast<uint32_t*>(scratch.data() + (misaligned == 0 ? 0 : sizeof(uint32_t) - misaligned));
    candidates_ = seen_ + DivideUp<size_t>(logits.size(), 32);
    LFM2_RETURN_IF_ERROR(MarkSeen(history));
    uint32_t best = 0;
    LFM2_RETURN_IF_ERROR(FindBest(&best));
    *token = static_cast<int32_t>(inverse_temperature_ == 0 ? best : Draw());
    return Status();
  }

 private:
  static constexpr uint32_t kMaxLogits = 1u << 23;  // with weights up to 2^40, their sum fits 64 bits
  static constexpr uint32_t kLogitBits = 40;
  static constexpr uint32_t kPenaltyBits = 28;
  static constexpr int64_t kForbidden = INT64_MIN;

  // o: every field is set.
  explicit Sampler(const SamplerOptions& o)
      : random_(o.seed),
        top_k_(o.top_k),
        top_p_(FixedFromFloat(o.top_p, 32)),
        min_weight_(Max<uint64_t>(FixedFromFloat(o.min_p, 40), 1)),
        penalty_(FixedFromFloat(o.repetition_penalty, kPenaltyBits)),
        inverse_penalty_((uint64_t{1} << (2 * kPenaltyBits)) / penalty_) {
    // log2(e) / temperature in 28 bits of fraction: 1663314137230540311 is log2(e) * 2^60.
    if (o.temperature > 0.0f) inverse_temperature_ = 1663314137230540311u / FixedFromFloat(o.temperature, 32);
  }

  Status MarkSeen(Span<const int32_t> history) {
    for (size_t i = 0; i < DivideUp<size_t>(logits_.size(), 32); ++i) seen_[i] = 0;
    for (size_t i = 0; i < history.size(); ++i) {
      const uint32_t id = static_cast<uint32_t>(history[i]);
      if (id >= logits_.size()) {
        return Status(StatusCode::kInvalidArgument, "sampler history", "has an id that is not a token", id,
                      logits_.size())
            .At(static_cast<uint32_t>(i));
      }
      seen_[id / 32] |= 1u << (id % 32);
    }
    return Status();
  }

  // value * factor / 2^kPenaltyBits, for value < 2^54 and factor <= 2^32.
  static uint64_t Scale(uint64_t value, uint64_t factor) {
    return (((value >> 32) * factor) << (32 - kPenaltyBits)) + (((value & 0xffffffffu) * factor) >> kPenaltyBits);
  }

  // The logit of a token after the repetition penalty, as an integer in units of 2^-40.
  int64_t Score(uint32_t id) const {
    const float logit = logits_[id];
    const bool negative = logit < 0.0f;
    const float size = negative ? -logit : logit;
    if (negative && size > 3.0e38f) return kForbidden;  // -infinity, and the lowest float, which some masks use
    uint64_t score = FixedFromFloat(size < 8192.0f ? size : 8192.0f, kLogitBits);
    if ((seen_[id / 32] >> (id % 32) & 1u) != 0) score = Scale(score, negative ? penalty_ : inverse_penalty_);
    return negative ? -static_cast<int64_t>(score) : static_cast<int64_t>(score);
  }

  Status FindBest(uint32_t* best) {
    best_score_ = kForbidden;
    for (uint32_t id = 0; id < logits_.size(); ++id) {
      const uint32_t bits = BitCast<uint32_t>(logits_[id]);
      if ((bits & 0x7fffffffu) > 0x7f800000u)
        return Status(StatusCode::kInvalidArgument, "logits", "hold a NaN").At(id);
      if (bits == 0x7f800000u) return Status(StatusCode::kInvalidArgument, "logits", "hold an infinity").At(id);
      const int64_t score = Score(id);
      if (score > best_score_) {
        best_score_ = score;
        *best = id;
      }
    }
    if (best_score_ == kForbidden) return Status(StatusCode::kInvalidArgument, "logits", "forbid every token");
    return Status();
  }

  // In units of 2^-40 of the likeliest token's weight.
  uint64_t Weight(uint32_t id) const {
    const int64_t score = Score(id);
    if (score == kForbidden) return 0;
    const uint64_t below = static_cast<uint64_t>(best_score_ - score) >> (kLogitBits - 20);
    // Beyond 41 halvings the weight is 0. Tested first, so that the product does not overflow.
    if (below > (uint64_t{41} << 48) / inverse_temperature_) return 0;
    return ExpWeight(below * inverse_temperature_);
  }

  bool Likelier(uint32_t a, uint32_t b) const {
    const int64_t score_a = Score(a), score_b = Score(b);
    return score_a != score_b ? score_a > score_b : a < b;
  }

  // candidates_[0 .. size) is a heap with the likeliest at the top, except below `at`.
  void SiftDown(uint32_t at, uint32_t size) {
    const uint32_t moved = candidates_[at];
    for (;;) {
      uint32_t child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && Likelier(candidates_[child + 1], candidates_[child])) ++child;
      if (!Likelier(candidates_[child], moved)) break;
      candidates_[at] = candidates_[child];
      at = child;
    }
    candidates_[at] = moved;
  }

  // Moves the likeliest of a heap of `size` candidates to its last place.
  void PopHeap(uint32_t size) {
    const uint32_t top = candidates_[0];
    candidates_[0] = candidates_[size - 1];
    candidates_[size - 1] = top;
    if (size > 1) SiftDown(0, size - 1);
  }

  uint32_t Draw() {
    const bool ranked = top_k_ != 0 || top_p_ < (uint64_t{1} << 32);
    // Top-p comes before min-p, so it counts the tokens that min-p removes.
    const uint64_t least = ranked ? 1 : min_weight_;
    uint32_t count = 0;
    uint64_t total = 0;
    for (uint32_t id = 0; id < logits_.size(); ++id) {
      const uint64_t weight = Weight(id);
      if (weight < least) continue;
      candidates_[count++] = id;
      total += weight;
    }
    uint32_t first = 0;
    if (ranked) {
      first = Rank(count, total, &total);
    }
    // Ranked candidates are at the end, the likeliest last; others in the order of their ids.
    uint64_t point = MulHigh(random_.Next(), total);
    for (uint32_t i = ranked ? count - 1 : 0;; i = ranked ? i - 1 : i + 1) {
      const uint64_t weight = Weight(candidates_[i]);
      if (point < weight || i == (ranked ? first : count - 1)) return candidates_[i];
      point -= weight;
    }
  }

  // Top-k, top-p and min-p: sorts the tokens that are kept to the end of the candidates, the likeliest last. Returns
  // their first index; *kept is their total weight.
  uint32_t Rank(uint32_t count, uint64_t total, uint64_t* kept) {
    for (uint32_t i = count / 2; i-- > 0;) SiftDown(i, count);
    uint32_t end = 0;  // size of the heap after the last token that is kept
    if (top_k_ != 0 && top_k_ < count) {
      end = count - top_k_;
      total = 0;
      for (uint32_t size = count; size > end; --size) {
        PopHeap(size);
        total += Weight(candidates_[size - 1]);
      }
    }
    const bool popped = end > 0;
    const uint64_t enough = top_p_ >> 32 != 0 ? total : (MulHigh(total, top_p_ << 32));
    *kept = 0;
    uint32_t first = count;
    while (first > end) {
      if (!popped) PopHeap(first);
      const uint64_t weight = Weight(candidates_[first - 1]);
      const bool is_best = first == count;
      if (!is_best && (*kept >= enough || weight < min_weight_)) break;
      *kept += weight;
      --first;
    }
    return first;
  }

  Random random_;
  uint32_t top_k_ = 0;
  uint64_t top_p_ = 0;       // 32 bits of fraction
  uint64_t min_weight_ = 0;  // 40 bits of fraction, at least 1
  uint64_t penalty_ = 0;     // kPenaltyBits of fraction; 0: not configured
  uint64_t inverse_penalty_ = 0;
  uint64_t inverse_temperature_ = 0;  // log2(e) / temperature, 28 bits of fraction; 0: greedy

  // Arguments of the current call.
  Span<const float> logits_;
  uint32_t* seen_ = nullptr;        // one bit for each token, set if it is in the history
  uint32_t* candidates_ = nullptr;  // ids
  int64_t best_score_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_SAMPLER_H_
