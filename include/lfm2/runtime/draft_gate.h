// Decides how many tokens are worth guessing, from what guesses have cost and how often they were right.
#ifndef LFM2_RUNTIME_DRAFT_GATE_H_
#define LFM2_RUNTIME_DRAFT_GATE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/model/options.h"
#include "lfm2/text/prompt_lookup.h"

namespace lfm2 {

// A pass over one token and k guessed ones takes more time than one over the token alone, and saves as many passes as
// guesses turn out right. Both are measured as decoding goes on; what guesses may lose before they gain is bounded.
class DraftGate {
 public:
  // Tokens to guess, at most `most`, where the text repeats `match` tokens (PromptMatch::length): as many as are
  // expected to give the most tokens a second, or 0.
  uint32_t Choose(uint32_t match, uint32_t most) const {
    if (match == 0 || plain_passes_ < kFirstPasses || balance_ns_ <= 0.0f) return 0;
    uint32_t length = 0;
    float best = kLeastGain, chance = 1.0f, expected = 1.0f;
    for (uint32_t k = 1; k <= Min(most, kMaxDraftTokens); ++k) {
      // A guess that is right is one more token that is repeated.
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

  // Whether the token that such a repetition foresaw has come; it need not have been computed ahead.
  void Learn(uint32_t match, bool was_right) {
    const uint32_t c = ClassOf(match);
    seen_[c] = static_cast<uint8_t>(Min<uint32_t>(seen_[c] + 1u, kMemory));
    chance_[c] += ((was_right ? 1.0f : 0.0f) - chance_[c]) / static_cast<float>(seen_[c]);
  }

  // A pass over one token took so long. What counts is a pass that nothing disturbs, so that shorter ones count for
  // more: those after a prompt, which has the caches full of other things, are among the longer ones.
  void PlainPass(float ns) {
    if (plain_passes_ == 0 || ns < plain_ns_ / 2) {
      // The first one, or the first one after those that had to wait for pages of the weights.
      plain_ns_ = balance_ns_ = ns;
    } else {
      plain_ns_ += (Limited(ns, plain_ns_) - plain_ns_) * (ns < plain_ns_ ? kDown : kUp);
    }
    plain_passes_ = Min(plain_passes_ + 1, kFirstPasses);
    Earn(plain_ns_ * kLossAllowed);
    // What was measured long ago is worth another try.
    for (float& extra : extra_) {
      if (extra >= 0.0f) extra += (kFirstExtra * plain_ns_ - extra) * kForgetting;
    }
  }
  // A pass over one token and k >= 1 guessed ones took so long.
  void DraftPass(uint32_t k, float ns) {
    // No pass is shorter than one over the token alone.
    plain_ns_ = Min(plain_ns_, ns);
    const float extra = (ns - plain_ns_) / static_cast<float>(k);
    float& known = extra_[k - 1];
    known = known < 0.0f ? extra : known + (Limited(extra, known + 0.1f * plain_ns_) - known) / 4.0f;
    balance_ns_ = Max(balance_ns_ - Min(ns - plain_ns_, kMostLoss * plain_ns_), -kMostLoss * plain_ns_);
  }
  // A guessed token was right: its pass is saved.
  void Accept() { Earn(plain_ns_); }

 private:
  // By repeated tokens: 1 (after one that was not the expected one), 2, ... and kMaxPromptMatch or more.
  static constexpr uint32_t kClasses = kMaxPromptMatch;
  static constexpr uint32_t kFirstPasses = 8;  // without guesses, to know what one takes
  static constexpr float kDown = 1.0f / 8, kUp = 1.0f / 32;
  static constexpr uint32_t kMemory = 16;      // observations that an average goes back
  static constexpr float kLeastGain = 1.05f;   // tokens a second, of those without a guess
  static constexpr float kFirstExtra = 0.25f;  // cost of a guess, of a plain pass, before any was measured
  static constexpr float kForgetting = 1.0f / 1024;
  static constexpr float kLossAllowed = 1.0f / 128;  // of the time of all passes
  static constexpr float kMostBalance = 8.0f;        // plain passes
  static constexpr float kMostLoss = 4.0f;           // plain passes, of one pass: the system may have interrupted it

  static constexpr uint32_t ClassOf(uint32_t match) { return Min(match, kClasses) - 1; }
  // A pass that the system has interrupted must not count for more than twice what is known.
  static float Limited(float value, float known) { return Min(value, 2.0f * known); }

  void Earn(float ns) { balance_ns_ = Min(balance_ns_ + ns, kMostBalance * plain_ns_); }

  // Nanoseconds that k guesses add to a pass: as measured, or by those of the nearest number that was measured.
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
  // What guesses have gained, and a share of the time of plain passes that they may lose. None are made while it is 0.
  float balance_ns_ = 0.0f;
  // For each number of guesses, what one of them adds to a pass; below 0: not measured.
  float extra_[kMaxDraftTokens] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  // That the token comes which came after so many repeated ones; the first values count as two observations.
  float chance_[kClasses] = {0.3f, 0.3f, 0.4f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
  uint8_t seen_[kClasses] = {2, 2, 2, 2, 2, 2, 2, 2};
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_DRAFT_GATE_H_
