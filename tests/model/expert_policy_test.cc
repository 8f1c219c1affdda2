// Which experts a cache evicts, compared with simple counts and caches.
#include "lfm2/model/expert_policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "programs/storage/routing_trace.h"

namespace lfm2::test {
namespace {

using tools::RoutingTrace;
using Picks = std::vector<uint16_t>;

class PolicyInMemory {
 public:
  PolicyInMemory(uint32_t moe_layers, uint32_t experts) : experts_(experts) {
    Arena counting = Arena::Counting();
    policy.Carve(moe_layers, experts, counting);
    bytes = counting.used();
    memory_.resize(static_cast<size_t>(bytes) + kAlignment, std::byte{0xa5});
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.data());
    const size_t skip = RoundUp<uintptr_t>(address, kAlignment) - address;
    Arena arena({memory_.data() + skip, static_cast<size_t>(bytes)});
    policy.Carve(moe_layers, experts, arena);
    CHECK(!arena.overflowed());
    policy.Reset();
  }
  void Use(const Picks& picks, uint32_t layer = 0) {
    policy.Use(layer, picks.data(), static_cast<uint32_t>(picks.size()));
  }
  // Experts of a layer, the first to be evicted first.
  Picks Order(uint32_t layer = 0) const {
    Picks order(experts_);
    for (uint32_t e = 0; e < experts_; ++e) order[e] = static_cast<uint16_t>(e);
    std::sort(order.begin(), order.end(),
              [&](uint16_t a, uint16_t b) { return policy.Priority(layer, a) < policy.Priority(layer, b); });
    return order;
  }

  ExpertPolicy policy;
  uint64_t bytes = 0;

 private:
  uint32_t experts_;
  std::vector<std::byte> memory_;
};

// Counts of one layer's choices; with each token they decay to `keep` of their value.
struct PlainCounts {
  explicit PlainCounts(uint32_t experts, double kept = 1.0) : keep(kept), count(experts), last_use(experts) {}
  void Use(const uint16_t* picks, uint32_t n) {
    for (double& c : count) c *= keep;
    for (uint32_t i = n; i-- > 0;) {
      count[picks[i]] += 1.0;
      last_use[picks[i]] = ++clock;
    }
  }
  bool Less(uint16_t a, uint16_t b) const {
    return count[a] != count[b] ? count[a] < count[b] : last_use[a] < last_use[b];
  }
  double keep;
  std::vector<double> count;
  std::vector<uint64_t> last_use;
  uint64_t clock = 0;
};

// A cache of one layer. less(a, b): whether expert a goes before b.
struct PlainCache {
  template <class Less>
  uint32_t Hits(const uint16_t* picks, uint32_t n, size_t slots, Less&& less) {
    uint32_t hits = 0;
    const auto holds = [&](uint16_t e) { return std::find(resident.begin(), resident.end(), e) != resident.end(); };
    const auto needed = [&](uint16_t e) { return std::find(picks, picks + n, e) != picks + n; };
    for (uint32_t i = 0; i < n; ++i) hits += holds(picks[i]) ? 1 : 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (holds(picks[i])) continue;
      if (resident.size() == slots) {
        size_t victim = slots;
        for (size_t s = 0; s < slots; ++s) {
          if (needed(resident[s])) continue;
          if (victim == slots || less(resident[s], resident[victim])) victim = s;
        }
        resident.erase(resident.begin() + static_cast<std::ptrdiff_t>(victim));
      }
      resident.push_back(picks[i]);
    }
    return hits;
  }
  std::vector<uint16_t> resident;
};

struct Hits {
  uint32_t slots = 0;
  uint64_t lru = 0, lfu = 0, policy = 0;
};

RoutingTrace ReadTrace(const std::string& name) {
  RoutingTrace trace;
  const tools::Error error = tools::ReadRoutingTrace(LFM2_TEST_DATA "/routing/" + name + ".trace", &trace);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return trace;
}

// Of every cache size from experts_per_token + 1 to experts - 1.
std::vector<Hits> ReplayAllSizes(const RoutingTrace& t) {
  const uint32_t per_token = t.experts_per_token, first = per_token + 1;
  const size_t sizes = t.experts - first;
  std::vector<Hits> hits(sizes);
  for (uint32_t i = 0; i < sizes; ++i) hits[i].slots = first + i;
  PolicyInMemory shipped(t.moe_layers, t.experts);
  std::vector<PlainCounts> counts(t.moe_layers, PlainCounts(t.experts));
  std::vector<PlainCache> caches(t.moe_layers * sizes * 3);
  for (size_t token = 0; token < t.tokens(); ++token) {
    for (uint32_t layer = 0; layer < t.moe_layers; ++layer) {
      const uint16_t* const picks = t.Chosen(token, layer);
      PlainCounts& plain = counts[layer];
      plain.Use(picks, per_token);
      shipped.policy.Use(layer, picks, per_token);
      for (size_t i = 0; i < sizes; ++i) {
        PlainCache* const cache = &caches[(layer * sizes + i) * 3];
        const size_t slots = hits[i].slots;
        hits[i].lru += cache[0].Hits(picks, per_token, slots,
                                     [&](uint16_t a, uint16_t b) { return plain.last_use[a] < plain.last_use[b]; });
        hits[i].lfu += cache[1].Hits(picks, per_token, slots, [&](uint16_t a, uint16_t b) { return plain.Less(a, b); });
        hits[i].policy += cache[2].Hits(picks, per_token, slots, [&](uint16_t a, uint16_t b) {
          return shipped.policy.Priority(layer, a) < shipped.policy.Priority(layer, b);
        });
      }
    }
  }
  return hits;
}

// `count` different experts; expert e of popularity 1 / (1 + rank of e), where ranks are rotated by `shift`.
Picks Draw(std::mt19937* random, uint32_t experts, uint32_t count, uint32_t shift) {
  Picks picks;
  while (picks.size() < count) {
    const double u = static_cast<double>((*random)()) / 4294967296.0;
    const uint32_t rank = static_cast<uint32_t>(std::pow(experts, u)) - 1;
    const uint16_t e = static_cast<uint16_t>((rank + shift) % experts);
    if (std::find(picks.begin(), picks.end(), e) == picks.end()) picks.push_back(e);
  }
  return picks;
}

}  // namespace

TEST_CASE("experts chosen more often stay, of equals the later one, and within a token the better one") {
  PolicyInMemory p(2, 6);
  CHECK(p.Order() == Picks{5, 4, 3, 2, 1, 0});
  p.Use({4, 2});
  CHECK(p.Order() == Picks{5, 3, 1, 0, 2, 4});
  p.Use({5, 2});
  CHECK(p.Order() == Picks{3, 1, 0, 4, 5, 2});
  p.Use({4, 0});
  CHECK(p.Order() == Picks{3, 1, 5, 0, 2, 4});
  CHECK(p.Order(1) == Picks{5, 4, 3, 2, 1, 0});
  for (uint32_t e = 0; e < 6; ++e) CHECK(p.policy.Priority(0, p.Order()[e]) == static_cast<float>(e));
  p.policy.Reset();
  CHECK(p.Order() == Picks{5, 4, 3, 2, 1, 0});
}

TEST_CASE("a copy is a view of the same policy") {
  PolicyInMemory p(1, 8);
  ExpertPolicy copy = p.policy;
  const uint16_t picks[] = {6, 3};
  copy.Use(0, picks, 2);
  CHECK(p.policy.Priority(0, 6) == 7.0f);
}

TEST_CASE("the whole policy is small compared with one expert") {
  CHECK(PolicyInMemory(22, 32).bytes < 25000);  // LFM2-8B-A1B; an expert has 6 MB
  CHECK(PolicyInMemory(64, 128).bytes < 300000);
}

TEST_CASE("if popularity is constant nothing is forgotten") {
  for (const uint32_t experts : {4u, 32u, 128u}) {
    CAPTURE(experts);
    const uint32_t count = experts == 128 ? 8 : experts / 8 + 1;
    std::mt19937 random(experts);
    PolicyInMemory p(1, experts);
    PlainCounts plain(experts);
    for (uint32_t token = 0; token < 6000; ++token) {
      const Picks picks = Draw(&random, experts, count, 0);
      p.Use(picks);
      plain.Use(picks.data(), count);
      if (token % 37 != 0) continue;
      const Picks order = p.Order();
      bool same = true;
      for (uint32_t i = 0; i + 1 < experts; ++i) {
        const bool unknown = plain.last_use[order[i]] == 0 && plain.last_use[order[i + 1]] == 0;
        same = same && (unknown || plain.Less(order[i], order[i + 1]));
      }
      REQUIRE(same);
    }
    CHECK(p.policy.half_life() == 0);
  }
}

TEST_CASE("if favourites change the half-life becomes short enough, and counts decay by it") {
  constexpr uint32_t kExperts = 32, kPicks = 4;
  for (const uint32_t phase : {60u, 600u}) {
    CAPTURE(phase);
    std::mt19937 random(phase);
    PolicyInMemory p(1, kExperts);
    std::vector<PlainCounts> faded;
    for (const double half_life : {16.0, 128.0, 1024.0}) {
      faded.emplace_back(kExperts, std::pow(0.5, 1.0 / half_life));
    }
    PlainCounts plain(kExperts);
    PlainCache by_policy, by_counts;
    uint64_t hits = 0, plain_hits = 0, compared = 0, wrong = 0, short_memory = 0;
    constexpr uint32_t kTokens = 20000;
    for (uint32_t token = 0; token < kTokens; ++token) {
      const Picks picks = Draw(&random, kExperts, kPicks, token / phase * 11);
      p.Use(picks);
      plain.Use(picks.data(), kPicks);
      for (PlainCounts& f : faded) f.Use(picks.data(), kPicks);
      hits += by_policy.Hits(picks.data(), kPicks, 8,
                             [&](uint16_t a, uint16_t b) { return p.policy.Priority(0, a) < p.policy.Priority(0, b); });
      plain_hits += by_counts.Hits(picks.data(), kPicks, 8, [&](uint16_t a, uint16_t b) { return plain.Less(a, b); });
      const uint32_t half_life = p.policy.half_life();
      short_memory += half_life == 16 || half_life == 128 ? 1 : 0;
      if (half_life == 0) continue;
      const PlainCounts& f = faded[half_life == 16 ? 0 : half_life == 128 ? 1 : 2];
      const Picks order = p.Order();
      for (uint32_t i = 0; i + 1 < kExperts; ++i) {
        // Integers are rounded: experts with nearly equal counts may be in either order.
        const double less = f.count[order[i]], more = f.count[order[i + 1]];
        ++compared;
        wrong += less > 1.05 * more + 0.01 ? 1 : 0;
      }
    }
    CHECK(compared > kTokens);
    CHECK(wrong == 0);
    CHECK(short_memory > kTokens / 2);
    CHECK(hits > plain_hits + plain_hits / 5);
  }
}

TEST_CASE("on recorded traces it hits more than LRU, and no less than counts that never decay, at every size") {
  for (const char* name : {"home-commands", "synthetic-skew15"}) {
    CAPTURE(name);
    for (const Hits& hits : ReplayAllSizes(ReadTrace(name))) {
      CAPTURE(hits.slots);
      CHECK(hits.policy > hits.lru);
      CHECK(hits.policy >= hits.lfu);
    }
  }
}

TEST_CASE("on a recorded trace whose text changes it hits more than counts that never decay, at every size") {
  for (const Hits& hits : ReplayAllSizes(ReadTrace("home-change"))) {
    CAPTURE(hits.slots);
    CHECK(hits.policy > hits.lfu);
    // LRU follows a change at once, which matters most if nearly everything fits.
    if (hits.slots <= 26) CHECK(hits.policy > hits.lru);
  }
}

}  // namespace lfm2::test
