// Which expert a cache evicts first: by how often each was chosen, with a half-life that adapts to the text.
#ifndef LFM2_MODEL_EXPERT_POLICY_H_
#define LFM2_MODEL_EXPERT_POLICY_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

// If the popularity of experts is constant, counts that never decay keep the best experts; if the text changes, counts
// that decay do. So each choice is added to several counts with different half-lives, and these are compared: by each
// count, a chosen expert had a rank just before, and the lower the rank (0 is the first), the more cache sizes would
// have had a hit. The mean rank over the last few hundred tokens, all layers together, decides which count sets the
// priorities. The one without decay does unless another is better by a margin that chance rarely reaches.
//
// Integers only, so that every machine evicts the same experts. Its data is in the session's arena; a copy is another
// view of it.
class ExpertPolicy {
 public:
  // experts: 1 to 65,536. With a counting arena this only counts. Reset is called next.
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

  // One token's choice in one MoE layer: chosen[count], best first, all different. Tokens of a layer are passed in the
  // order of the sequence; calls for different layers may be interleaved.
  void Use(uint32_t moe_layer, const uint16_t* chosen, uint32_t count) {
    LFM2_ASSERT(moe_layer < moe_layers_);
    const uint32_t first = moe_layer * kMemories;
    int64_t ranks[kMemories] = {};
    for (uint32_t m = 0; m < kMemories; ++m) {
      const Counts counts = CountsOf(first + m);
      for (uint32_t i = 0; i < count; ++i) ranks[m] += counts.rank[chosen[i]];
      uint32_t& one = memories_[first + m].one;
      // The best choice is added last, so that it ranks first among equal counts.
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

  // Tokens after which a choice counts half in the current priorities; 0: it does not decay.
  uint32_t half_life() const { return kHalfLife[pool_->memory]; }

 private:
  static constexpr uint32_t kMemories = 4;
  static constexpr uint32_t kHalfLife[kMemories] = {0, 1024, 128, 16};
  // Instead of decaying all counts, each token's choices count more than the last: by 1 / kGrowth = 2^(1 / half-life) -
  // 1.
  static constexpr uint32_t kGrowth[kMemories] = {0, 1477, 184, 23};
  // Fraction bits of the weight of the next choice. The first weight is 2^10, so that rounding does not hide the
  // slowest growth.
  static constexpr uint32_t kOneBits = 12;
  static constexpr uint32_t kLargest = 1u << 31;
  static constexpr uint32_t kRescaleBits = 8;
  // The weight of a choice is at most kLargest / 2^kOneBits, and the count of an expert at most kGrowth + 1 times that.
  static_assert((uint64_t{kGrowth[1]} + 1) * (kLargest >> kOneBits) <= UINT32_MAX, "a count may overflow");
  // Ranks are averaged over about so many tokens; averages are in units of 1 / kFraction.
  static constexpr int64_t kWindow = 1024;
  static constexpr int64_t kFraction = 1024;
  // To take over, a memory has to be better by experts / kMargin ranks per choice, that is by a hit rate of 1 / kMargin
  // averaged over all cache sizes. Half of that suffices to stay.
  static constexpr int64_t kMargin = 64;

  // The state of one half-life in one layer.
  struct Memory {
    uint32_t one = 1u << 22;  // weight of the next choice, in 2^-kOneBits
    // By how many ranks chosen experts were better than in the memory without decay, summed over a window.
    int64_t advantage = 0;
  };
  // What is decided for all layers together.
  struct Pool {
    uint32_t memory = 0;  // the one that sets the priorities
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

  // Adds to an expert's count and moves it before all whose count is not larger.
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
