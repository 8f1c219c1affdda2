// Replays a routing trace through expert caches of many sizes, under several rules for whom to evict.
#ifndef LFM2_PROGRAMS_CACHE_SIM_SIMULATOR_H_
#define LFM2_PROGRAMS_CACHE_SIM_SIMULATOR_H_

#include <cstdint>
#include <vector>

#include "programs/storage/routing_trace.h"

namespace lfm2::tools {

enum class Eviction : uint8_t {
  kLru = 0,      // the least recently chosen
  kLfu = 1,      // the least often chosen so far; of those the least recently chosen
  kShipped = 2,  // the lowest lfm2::ExpertPolicy::Priority
  kBelady = 3,   // the one not needed for the longest time: no rule can have more hits (Belady 1966)
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

// Every layer has `slots` slots, empty at first. A decoded token needs its chosen experts: those in a slot are hits,
// and the others take free slots, then those of the lowest priority that the token does not need. A chunk of prefill
// needs each expert that one of its tokens chose, once: hits and misses are counted before anything is loaded, the
// priorities are those behind the chunk's last token, and of all experts that were in a slot or were read the highest
// priorities stay. So a chunk that passes every expert by leaves the favourites where they were. all_decoded: chunks
// are taken apart, as if every token had been decoded.
std::vector<SlotsResult> Simulate(const RoutingTrace& trace, const std::vector<uint32_t>& slots, bool all_decoded);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CACHE_SIM_SIMULATOR_H_
