// Which expert of a cache is worth least: how often each was chosen, over a memory that finds its own length.
#ifndef LFM2_MODEL_EXPERT_POLICY_H_
#define LFM2_MODEL_EXPERT_POLICY_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

// Where popularity stands still, counts that forget nothing keep the best experts; where the text changes, counts that
// fade do. So every choice is counted several times over, each count with a half-life of its own, and all of them are
// put to the test: an expert that is chosen had a rank by each count just before, and the lower the rank (0 is the
// first), the more cache sizes it would have been a hit in. The mean rank of the last few hundred tokens, all layers
// together, decides which count gives the priorities. The one that never forgets has them unless another is better by a
// margin that chance hardly reaches.
//
// Integers only, so that every machine evicts alike. Lies in the session's arena; a copy is another view of the same.
class ExpertPolicy {
 public:
  // experts: 1 to 65,536. With a counting arena it only counts. Reset comes before anything else.
  constexpr void Carve(uint32_t moe_layers, uint32_t experts, Arena& arena) {
    moe_layers_ = moe_layers;
    experts_ = experts;
    const uint64_t rows = uint64_t{moe_layers} * kMemories;
    pool_ = arena.Carve<Pool>(1);
    memories_ = arena.Carve<Memory>(rows);
    counts_ = arena.Carve<uint32_t>(rows * experts);
    order_ = arena.Carve<uint16_t>(rows * experts);
    rank_ = arena.Carve<uint16_t>(rows * experts);
  }

  // Forgets everything.
  void Reset() {
    *pool_ = Pool();
    for (uint32_t row = 0; row < moe_layers_ * kMemories; ++row) {
      memories_[row] = Memory();
      const Counts counts = CountsOf(row);
      for (uint32_t e = 0; e < experts_; ++e) {
        counts.count[e] = 0;
        counts.order[e] = counts.rank[e] = static_cast<uint16_t>(e);
      }
    }
  }

  // One token's choice in one MoE layer: chosen[count], best first, all different. Tokens of a layer come in the order
  // of the sequence; layers may take turns after any number of tokens.
  void Use(uint32_t moe_layer, const uint16_t* chosen, uint32_t count) {
    LFM2_ASSERT(moe_layer < moe_layers_);
    const uint32_t first = moe_layer * kMemories;
    int64_t ranks[kMemories] = {};
    for (uint32_t m = 0; m < kMemories; ++m) {
      const Counts counts = CountsOf(first + m);
      for (uint32_t i = 0; i < count; ++i) ranks[m] += counts.rank[chosen[i]];
      uint32_t& one = memories_[first + m].one;
      // The best choice comes last, as the latest of its equals.
      for (uint32_t i = count; i-- > 0;) Add(counts, chosen[i], one >> kOneBits);
      if (m > 0) one += one / kGrowth[m];
      const bool full = m > 0 ? one >= kLargest : counts.count[counts.order[0]] >= kLargest;
      if (!full) continue;
      if (m > 0) one >>= kRescaleBits;
      for (uint32_t e = 0; e < experts_; ++e) counts.count[e] >>= kRescaleBits;
    }
    ChooseMemory(first, ranks, count);
  }

  // 0 to experts - 1, different for every expert of a layer. A cache evicts the expert of the lowest priority, except
  // those it needs now. Of two that count the same, the one chosen later has the higher priority.
  float Priority(uint32_t moe_layer, uint32_t expert) const {
    LFM2_ASSERT(moe_layer < moe_layers_ && expert < experts_);
    const Counts counts = CountsOf(moe_layer * kMemories + pool_->memory);
    return static_cast<float>(static_cast<int32_t>(experts_ - 1 - counts.rank[expert]));
  }

  // Tokens after which a choice counts half in the priorities of now; 0: it always counts the same.
  uint32_t half_life() const { return kHalfLife[pool_->memory]; }

 private:
  static constexpr uint32_t kMemories = 4;
  static constexpr uint32_t kHalfLife[kMemories] = {0, 1024, 128, 16};
  // Instead of every older choice fading, the next one counts more: by 1 / kGrowth = 2^(1 / half-life) - 1 each token.
  static constexpr uint32_t kGrowth[kMemories] = {0, 1477, 184, 23};
  // Fraction bits of what the next choice counts. The first one counts 2^10, so that the slowest growth does not drown
  // in rounding.
  static constexpr uint32_t kOneBits = 12;
  static constexpr uint32_t kLargest = 1u << 31;
  static constexpr uint32_t kRescaleBits = 8;
  // A choice counts at most kLargest / 2^kOneBits, and all choices of an expert together kGrowth + 1 times that.
  static_assert((uint64_t{kGrowth[1]} + 1) * (kLargest >> kOneBits) <= UINT32_MAX, "a count may overflow");
  // Ranks are compared over about so many tokens; an average has kFraction as its 1.
  static constexpr int64_t kWindow = 1024;
  static constexpr int64_t kFraction = 1024;
  // To take over, a memory has to be better by experts / kMargin ranks a choice, that is by hits in that fraction of
  // choices, averaged over all cache sizes. Half of it is enough to stay.
  static constexpr int64_t kMargin = 64;

  // One half-life's view of a layer.
  struct Memory {
    uint32_t one = 1u << 22;  // what the next choice counts, in 2^-kOneBits
    // How many ranks lower than by the memory that never forgets the chosen experts were, summed over a window.
    int64_t advantage = 0;
  };
  // What all layers decide together.
  struct Pool {
    uint32_t memory = 0;  // that gives the priorities
    int64_t advantage[kMemories] = {};
  };
  struct Counts {
    uint32_t* count;  // [experts]
    uint16_t* order;  // [experts] by count, the largest first
    uint16_t* rank;   // [experts] place in order
  };

  Counts CountsOf(uint32_t row) const {
    const size_t at = size_t{row} * experts_;
    return {counts_ + at, order_ + at, rank_ + at};
  }

  // Moves the expert before all that do not count more.
  static void Add(const Counts& counts, uint16_t expert, uint32_t value) {
    const uint32_t count = counts.count[expert] += value;
    uint32_t at = counts.rank[expert];
    for (; at > 0 && counts.count[counts.order[at - 1]] <= count; --at) {
      const uint16_t other = counts.order[at - 1];
      counts.order[at] = other;
      counts.rank[other] = static_cast<uint16_t>(at);
    }
    counts.order[at] = expert;
    counts.rank[expert] = static_cast<uint16_t>(at);
  }

  // ranks[kMemories]: of one token's `count` choices, summed, in the layer whose memories begin at row `first`.
  void ChooseMemory(uint32_t first, const int64_t* ranks, uint32_t count) {
    Pool& pool = *pool_;
    uint32_t best = 0;
    for (uint32_t m = 1; m < kMemories; ++m) {
      int64_t& advantage = memories_[first + m].advantage;
      const int64_t change = (ranks[0] - ranks[m]) * kFraction - advantage / kWindow;
      advantage += change;
      pool.advantage[m] += change;
      if (pool.advantage[m] > pool.advantage[best]) best = m;
    }
    const int64_t margin = int64_t{experts_} * count * moe_layers_ * kFraction * kWindow / kMargin;
    if (pool.advantage[pool.memory] < margin / 2) pool.memory = 0;
    const int64_t needed = pool.memory == 0 ? margin : pool.advantage[pool.memory] + margin / 4;
    if (pool.advantage[best] > needed) pool.memory = best;
  }

  Pool* pool_ = nullptr;
  Memory* memories_ = nullptr;  // [moe_layers, kMemories]
  uint32_t* counts_ = nullptr;  // [moe_layers, kMemories, experts]
  uint16_t* order_ = nullptr;   // the same
  uint16_t* rank_ = nullptr;    // the same
  uint32_t moe_layers_ = 0;
  uint32_t experts_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_MODEL_EXPERT_POLICY_H_
