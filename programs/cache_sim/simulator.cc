#include "programs/cache_sim/simulator.h"

#include <algorithm>

#include "lfm2/base/arena.h"
#include "lfm2/model/expert_policy.h"

namespace lfm2::tools {

namespace {

using TokenKind = RoutingTrace::TokenKind;

constexpr uint64_t kNever = UINT64_MAX;

// The library's policy with its own memory.
class Policy {
 public:
  explicit Policy(const RoutingTrace& trace) {
    Arena counting = Arena::Counting();
    policy_.Carve(trace.moe_layers, trace.experts, counting);
    blocks_.resize(static_cast<size_t>(counting.used() / kAlignment));
    Arena arena({reinterpret_cast<std::byte*>(blocks_.data()), blocks_.size() * kAlignment});
    policy_.Carve(trace.moe_layers, trace.experts, arena);
    policy_.Reset();
  }
  ExpertPolicy* operator->() { return &policy_; }

 private:
  struct alignas(kAlignment) Block {
    std::byte bytes[kAlignment];
  };
  std::vector<Block> blocks_;
  ExpertPolicy policy_;
};

// Maps a non-negative float to an integer in the same order.
uint64_t Ordered(float priority) { return BitCast<uint32_t>(priority); }

// The state of the experts of one layer that the rules use.
struct LayerHistory {
  std::vector<uint64_t> last_use;             // 0: never
  std::vector<uint64_t> uses;                 // so far
  std::vector<std::vector<uint64_t>> chunks;  // that need each expert, in order
  std::vector<size_t> next;                   // index into chunks: the next one
};

// The slots of one layer under one rule.
struct Cache {
  std::vector<uint8_t> resident;  // [experts]
};

class Simulation {
 public:
  Simulation(const RoutingTrace& trace, const std::vector<uint32_t>& slots, bool all_decoded)
      : trace_(trace), policy_(trace), layers_(trace.moe_layers) {
    for (size_t t = 0; t < trace.tokens(); ++t) {
      if (all_decoded || trace.kinds[t] != TokenKind::kChunkMore) chunk_begin_.push_back(t);
    }
    chunk_begin_.push_back(trace.tokens());
    for (LayerHistory& layer : layers_) {
      layer.last_use.resize(trace.experts);
      layer.uses.resize(trace.experts);
      layer.chunks.resize(trace.experts);
      layer.next.resize(trace.experts);
    }
    for (const uint32_t s : slots) {
      results_.emplace_back();
      results_.back().slots = s;
    }
    const Cache empty{std::vector<uint8_t>(trace.experts)};
    caches_.assign(slots.size() * kEvictionCount * trace.moe_layers, empty);
  }

  std::vector<SlotsResult> Run() {
    const size_t chunks = chunk_begin_.size() - 1;
    for (uint32_t layer = 0; layer < trace_.moe_layers; ++layer) {
      for (size_t c = 0; c < chunks; ++c) {
        for (const uint16_t e : Active(c, layer)) layers_[layer].chunks[e].push_back(c);
      }
    }
    for (size_t c = 0; c < chunks; ++c) {
      for (uint32_t layer = 0; layer < trace_.moe_layers; ++layer) RunChunk(c, layer);
    }
    return results_;
  }

 private:
  // Every expert that the chunk needs, without duplicates.
  std::vector<uint16_t> Active(size_t chunk, uint32_t layer) const {
    std::vector<uint16_t> active;
    for (size_t t = chunk_begin_[chunk]; t < chunk_begin_[chunk + 1]; ++t) {
      const uint16_t* const chosen = trace_.Chosen(t, layer);
      active.insert(active.end(), chosen, chosen + trace_.experts_per_token);
    }
    std::sort(active.begin(), active.end());
    active.erase(std::unique(active.begin(), active.end()), active.end());
    return active;
  }

  void Note(size_t chunk, uint32_t layer, const std::vector<uint16_t>& active) {
    LayerHistory& history = layers_[layer];
    for (size_t t = chunk_begin_[chunk]; t < chunk_begin_[chunk + 1]; ++t) {
      const uint16_t* const chosen = trace_.Chosen(t, layer);
      policy_->Use(layer, chosen, trace_.experts_per_token);
      // The best choice is recorded as the latest.
      for (uint32_t i = trace_.experts_per_token; i-- > 0;) {
        history.last_use[chosen[i]] = ++clock_;
        ++history.uses[chosen[i]];
      }
    }
    for (const uint16_t e : active) ++history.next[e];
  }

  // Whether expert a has a lower priority than b.
  bool Less(Eviction eviction, uint32_t layer, uint16_t a, uint16_t b) {
    const LayerHistory& h = layers_[layer];
    const bool earlier = h.last_use[a] < h.last_use[b];
    switch (eviction) {
      case Eviction::kLru: return earlier;
      case Eviction::kLfu: return h.uses[a] != h.uses[b] ? h.uses[a] < h.uses[b] : earlier;
      case Eviction::kShipped: return Ordered(policy_->Priority(layer, a)) < Ordered(policy_->Priority(layer, b));
      case Eviction::kBelady: return NextUse(h, a) != NextUse(h, b) ? NextUse(h, a) > NextUse(h, b) : earlier;
    }
    return false;
  }

  static uint64_t NextUse(const LayerHistory& h, uint16_t e) {
    return h.next[e] < h.chunks[e].size() ? h.chunks[e][h.next[e]] : kNever;
  }

  void RunChunk(size_t chunk, uint32_t layer) {
    const std::vector<uint16_t> active = Active(chunk, layer);
    Note(chunk, layer, active);
    const bool one_token = chunk_begin_[chunk + 1] - chunk_begin_[chunk] == 1;
    std::vector<uint8_t> needed(trace_.experts);
    for (const uint16_t e : active) needed[e] = 1;
    for (const Eviction eviction : kEvictions) {
      // In descending order of priority; experts that the token needs are kept whatever their priority.
      std::vector<uint16_t> order(trace_.experts);
      for (uint32_t e = 0; e < trace_.experts; ++e) order[e] = static_cast<uint16_t>(e);
      std::stable_sort(order.begin(), order.end(), [&](uint16_t a, uint16_t b) {
        if (one_token && needed[a] != needed[b]) return needed[a] > needed[b];
        return Less(eviction, layer, b, a);
      });
      for (size_t s = 0; s < results_.size(); ++s) {
        const size_t rule = static_cast<size_t>(eviction);
        CacheCounts& counts = results_[s].counts[rule];
        std::vector<uint8_t>& resident = caches_[(s * kEvictionCount + rule) * trace_.moe_layers + layer].resident;
        for (const uint16_t e : active) {
          if (resident[e] != 0) {
            ++counts.hits;
          } else {
            ++counts.misses;
            counts.bytes += trace_.record_bytes[layer];
          }
        }
        uint32_t room = results_[s].slots;
        for (const uint16_t e : order) {
          const bool stays = room > 0 && (resident[e] != 0 || needed[e] != 0);
          resident[e] = stays ? 1 : 0;
          room -= stays ? 1 : 0;
        }
      }
    }
  }

  const RoutingTrace& trace_;
  Policy policy_;
  std::vector<size_t> chunk_begin_;  // first token of each chunk; and the number of tokens
  std::vector<LayerHistory> layers_;
  std::vector<Cache> caches_;  // [slots, evictions, layers]
  std::vector<SlotsResult> results_;
  uint64_t clock_ = 0;
};

}  // namespace

const char* NameOf(Eviction eviction) {
  switch (eviction) {
    case Eviction::kLru: return "LRU";
    case Eviction::kLfu: return "LFU";
    case Eviction::kShipped: return "lfm2";
    case Eviction::kBelady: return "Belady";
  }
  return "";
}

std::vector<SlotsResult> Simulate(const RoutingTrace& trace, const std::vector<uint32_t>& slots, bool all_decoded) {
  return Simulation(trace, slots, all_decoded).Run();
}

}  // namespace lfm2::tools
