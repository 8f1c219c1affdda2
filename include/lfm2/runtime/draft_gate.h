// Decides how many tokens to guess, from what guesses have cost and how often they were right.
#ifndef LFM2_RUNTIME_DRAFT_GATE_H_
#define LFM2_RUNTIME_DRAFT_GATE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/model/options.h"
#include "lfm2/text/prompt_lookup.h"

namespace lfm2 {

// A pass over one token and k guessed ones takes longer than a pass over the token alone, and saves as many passes as
// guesses are right. Both are measured during decoding. The time that guesses may lose before they have gained any is
// bounded.
class DraftGate {
 public:
  // Number of tokens to guess, at most `most`, where the text repeats `match` tokens (PromptMatch::length): the number
  // with the highest expected tokens per second, or 0.
  uint32_t Choose(uint32_t match, uint32_t most) const {
    if (match == 0 || plain_passes_ < kFirstPasses || balance_ns_ <= 0.0f) return 0;
    uint32_t length = 0;
    float best = kLeastGain, chance = 1.0f, expected = 1.0f;
    for (uint32_t k = 1; k <= Min(most, kMaxDraftTokens); ++k) {
      // A correct guess extends the repetition by one token.
      chance *= chance_[ClassOf(match + k - 1)];
      expected += chance;
      const float gain = expected * plain_ns_ / (plain_ns_ + Extra(k));
      if (gain > best) {
        best = gain;
        length = k;
      }
    }
    return length;
  }

  // Records whether the token predicted by such a repetition was right, whether or not it was computed in advance.
  void Learn(uint32_t match, bool was_right) {
    const uint32_t c = ClassOf(match);
    seen_[c] = static_cast<uint8_t>(Min<uint32_t>(seen_[c] + 1u, kMemory));
    chance_[c] += ((was_right ? 1.0f : 0.0f) - chance_[c]) / static_cast<float>(seen_[c]);
  }

  // A pass over one token took ns. The estimate is of an undisturbed pass, so shorter passes weigh more: the first ones
  // after a prompt, which has filled the caches with other data, are slower.
  void PlainPass(float ns) {
    if (plain_passes_ == 0 || ns < plain_ns_ / 2) {
      // The first pass, or the first one after passes that had to wait for pages of the weights.
      plain_ns_ = balance_ns_ = ns;
    } else {
      plain_ns_ += (Limited(ns, plain_ns_) - plain_ns_) * (ns < plain_ns_ ? kDown : kUp);
    }
    plain_passes_ = Min(plain_passes_ + 1, kFirstPasses);
    Earn(plain_ns_ * kLossAllowed);
    // Old measurements decay, so that guessing is tried again.
    for (float& extra : extra_) {
      if (extra >= 0.0f) extra += (kFirstExtra * plain_ns_ - extra) * kForgetting;
    }
  }
  // A pass over one token and k >= 1 guessed ones took ns.
  void DraftPass(uint32_t k, float ns) {
    // No pass is shorter than one over the token alone.
    plain_ns_ = Min(plain_ns_, ns);
    const float extra = (ns - plain_ns_) / static_cast<float>(k);
    float& known = extra_[k - 1];
    known = known < 0.0f ? extra : known + (Limited(extra, known + 0.1f * plain_ns_) - known) / 4.0f;
    balance_ns_ = Max(balance_ns_ - Min(ns - plain_ns_, kMostLoss * plain_ns_), -kMostLoss * plain_ns_);
  }
  // A guessed token was right, which saves a pass.
  void Accept() { Earn(plain_ns_); }

 private:
  // Classes by the number of repeated tokens: 1 (after an unexpected token), 2, ... kMaxPromptMatch or more.
  static constexpr uint32_t kClasses = kMaxPromptMatch;
  static constexpr uint32_t kFirstPasses = 8;  // without guesses, to measure what one takes
  static constexpr float kDown = 1.0f / 8, kUp = 1.0f / 32;
  static constexpr uint32_t kMemory = 16;      // observations in an average
  static constexpr float kLeastGain = 1.05f;   // least ratio to the speed without guesses
  static constexpr float kFirstExtra = 0.25f;  // cost of a guess in plain passes, before any was measured
  static constexpr float kForgetting = 1.0f / 1024;
  static constexpr float kLossAllowed = 1.0f / 128;  // share of the time of all passes
  static constexpr float kMostBalance = 8.0f;        // plain passes
  static constexpr float kMostLoss = 4.0f;           // plain passes, of one pass: the system may have interrupted it

  static constexpr uint32_t ClassOf(uint32_t match) { return Min(match, kClasses) - 1; }
  // A pass that the system has interrupted must not count for more than twice the estimate.
  static float Limited(float value, float known) { return Min(value, 2.0f * known); }

  void Earn(float ns) { balance_ns_ = Min(balance_ns_ + ns, kMostBalance * plain_ns_); }

  // Nanoseconds that k guesses add to a pass: as measured, or extrapolated from the nearest number that was measured.
  float Extra(uint32_t k) const {
    for (uint32_t distance = 0; distance < kMaxDraftTokens; ++distance) {
      if (k > distance && extra_[k - distance - 1] >= 0.0f) return extra_[k - distance - 1] * static_cast<float>(k);
      if (k + distance <= kMaxDraftTokens && extra_[k + distance - 1] >= 0.0f) {
        return extra_[k + distance - 1] * static_cast<float>(k);
      }
    }
    return kFirstExtra * plain_ns_ * static_cast<float>(k);
  }

  float plain_ns_ = 0.0f;
  uint32_t plain_passes_ = 0;
  // The gain of guesses so far plus a share of the time of plain passes that they may lose. At 0 or below nothing is
  // guessed.
  float balance_ns_ = 0.0f;
  // By number of guesses: what each of them adds to a pass, in ns; below 0: not measured.
  float extra_[kMaxDraftTokens] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  // By class: the probability that a predicted token is right; the initial values count as two observations.
  float chance_[kClasses] = {0.3f, 0.3f, 0.4f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
  uint8_t seen_[kClasses] = {2, 2, 2, 2, 2, 2, 2, 2};
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_DRAFT_GATE_H_
