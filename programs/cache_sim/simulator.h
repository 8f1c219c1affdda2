// Replays a routing trace through expert caches of many sizes, under several eviction rules.
#ifndef LFM2_PROGRAMS_CACHE_SIM_SIMULATOR_H_
#define LFM2_PROGRAMS_CACHE_SIM_SIMULATOR_H_

#include <cstdint>
#include <vector>

#include "programs/storage/routing_trace.h"

namespace lfm2::tools {

enum class Eviction : uint8_t {
  kLru = 0,      // evict the least recently chosen
  kLfu = 1,      // evict the least often chosen so far; of equals the least recently chosen
  kShipped = 2,  // evict the lowest lfm2::ExpertPolicy::Priority
  kBelady = 3,   // evict the one whose next use is furthest away: the optimum (Belady 1966)
};
inline constexpr Eviction kEvictions[] = {Eviction::kLru, Eviction::kLfu, Eviction::kShipped, Eviction::kBelady};
inline constexpr size_t kEvictionCount = 4;
// "LRU", "LFU", "lfm2", "Belady".
const char* NameOf(Eviction eviction);

struct CacheCounts {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t bytes = 0;  // of the records that the misses read
};

struct SlotsResult {
  uint32_t slots = 0;  // of each layer
  CacheCounts counts[kEvictionCount];
};

// Every layer has `slots` slots, initially empty. A decoded token needs its chosen experts: those in a slot are hits;
// the others take free slots first, and then the slots with the lowest priority that the token does not need. A chunk
// of prefill needs every expert that one of its tokens chose, once: hits and misses are counted before anything is
// loaded, and priorities are those after the chunk's last token. Of all experts that were in a slot or were read, the
// ones with the highest priorities stay, so that a chunk which uses every expert does not evict the most frequent ones.
// all_decoded: chunks are split, as if every token had been decoded.
std::vector<SlotsResult> Simulate(const RoutingTrace& trace, const std::vector<uint32_t>& slots, bool all_decoded);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CACHE_SIM_SIMULATOR_H_
