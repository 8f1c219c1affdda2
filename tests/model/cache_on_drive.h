// A cache of experts on a simulated drive, used as a session's layers use it; everything that it returns is checked.
#ifndef LFM2_TESTS_MODEL_CACHE_ON_DRIVE_H_
#define LFM2_TESTS_MODEL_CACHE_ON_DRIVE_H_

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "lfm2/model/expert_cache.h"
#include "tests/model/streamed_image.h"
#include "tests/pack/tiny_gguf.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {

struct CacheOptions {
  SimulatedDeviceOptions drive = DriveOptions(8, 4 * kBlock);
  uint64_t slot_bytes = 0;  // 0: the default
  uint32_t retries = 0;
  bool read_ahead = false;
  float prefer_resident = 0.0f;
};

// One layer's work: the experts that its tokens chose.
struct Use {
  uint32_t moe_layer = 0;
  std::vector<std::vector<uint16_t>> tokens;

  std::vector<uint16_t> active() const {
    std::set<uint16_t> all;
    for (const auto& token : tokens) all.insert(token.begin(), token.end());
    return {all.begin(), all.end()};
  }
};

// The cache of the home model: 4 layers of 32 experts, 4 per token.
class CacheOnDrive {
 public:
  explicit CacheOnDrive(const CacheOptions& options)
      : shape_(StreamShapeOf(Home().image(), true)),
        plan_(MakeSlotPlan(config(), shape_,
                           options.slot_bytes > 0 ? options.slot_bytes : DefaultSlotBytes(config(), shape_))),
        streamed(Home().image(), options.drive, shape_.front_bytes + plan_.bytes),
        tables_(4 << 20) {
    LFM2_REQUIRE_OK(streamed.opened);
    Arena slots(streamed.rest), tables(tables_.span());
    cache.CarveSlots(plan_, slots);
    cache.CarveTables(config(), plan_, tables);
    REQUIRE(!slots.overflowed());
    REQUIRE(!tables.overflowed());
    SessionOptions session;
    session.read_retries = options.retries;
    session.read_ahead = options.read_ahead;
    session.prefer_resident = options.prefer_resident;
    cache.Bind(streamed.image, shape_, plan_, session);
    first_read = streamed.watched.reads();
    front_bytes = streamed.watched.bytes();
  }
  ~CacheOnDrive() {
    CHECK(streamed.watched.mistakes() == "");
    CHECK(streamed.IsClean());
    CHECK(tables_.RimIsIntact());
  }

  const ModelConfig& config() const { return Home().config(); }
  const SlotPlan& plan() const { return plan_; }
  uint64_t stride() const { return shape_.record_bytes[0]; }
  uint64_t OffsetOf(uint32_t moe_layer, uint32_t expert) const {
    return Home().image().record_layer(moe_layer).offset + expert * stride();
  }

  // Begin and Next until the last batch, each batch checked. Returns the first error.
  Status Run(const Use& use, const std::vector<uint16_t>& guesses = {}) {
    std::vector<uint16_t> chosen;
    for (const auto& token : use.tokens) chosen.insert(chosen.end(), token.begin(), token.end());
    const std::vector<uint16_t> active = use.active();
    cache.KeepReading();
    LFM2_RETURN_IF_ERROR(cache.Begin({use.moe_layer, static_cast<uint32_t>(use.tokens.size()),
                                      static_cast<uint32_t>(use.tokens[0].size()), chosen.data(), active.data(),
                                      static_cast<uint32_t>(active.size())}));
    if (!guesses.empty() && cache.reads_ahead(use.moe_layer)) {
      LFM2_RETURN_IF_ERROR(cache.ReadAhead(guesses.data(), static_cast<uint32_t>(guesses.size())));
    }
    std::vector<uint32_t> times(active.size());
    for (;;) {
      ExpertBatch batch;
      LFM2_RETURN_IF_ERROR(cache.Next(&batch));
      if (batch.count == 0) break;
      for (uint32_t n = 0; n < batch.count; ++n) {
        const uint32_t i = batch.index[n];
        REQUIRE(i < active.size());
        ++times[i];
        CHECK(Holds(batch.data[i], use.moe_layer, active[i]));
      }
      if (!compute) continue;
      std::vector<uint16_t> experts;
      for (uint32_t n = 0; n < batch.count; ++n) experts.push_back(active[batch.index[n]]);
      compute(experts);
    }
    CHECK(times == std::vector<uint32_t>(active.size(), 1));
    return Status();
  }
  StreamStatistics Total() const { return cache.TotalStatistics(); }

 private:
  static bool Holds(const uint8_t* data, uint32_t moe_layer, uint32_t expert) {
    const Image& image = Home().image();
    const size_t bytes = static_cast<size_t>(image.record_layer(moe_layer).bytes);
    return std::memcmp(data, image.Record(moe_layer, expert), bytes) == 0;
  }

  StreamShape shape_;
  SlotPlan plan_;

 public:
  StreamedImage streamed;
  ExpertCache cache;
  uint64_t first_read = 0, front_bytes = 0;
  std::function<void(const std::vector<uint16_t>& experts)> compute;  // called for every batch

 private:
  BlockArena tables_;
};

// Choices with favourites, as in real text: low numbers are more frequent.
inline std::vector<uint16_t> Choice(XorShift* random, uint32_t experts = 32, uint32_t count = 4) {
  std::vector<uint16_t> choice;
  while (choice.size() < count) {
    const uint16_t e = static_cast<uint16_t>(random->Below(1 + random->Below(experts)));
    if (std::find(choice.begin(), choice.end(), e) == choice.end()) choice.push_back(e);
  }
  return choice;
}

inline Use Tokens(XorShift* random, uint32_t moe_layer, uint32_t tokens) {
  Use use;
  use.moe_layer = moe_layer;
  for (uint32_t t = 0; t < tokens; ++t) use.tokens.push_back(Choice(random));
  return use;
}

// A simple simulation of slots: which experts stay depends on the policy alone.
class NaiveSlots {
 public:
  NaiveSlots(const ModelConfig& c, uint32_t slots) : slots_(slots), layers_(c.moe_layers()), memory_(1 << 20) {
    Arena arena({memory_.data() + (64 - reinterpret_cast<uintptr_t>(memory_.data()) % 64), memory_.size() - 64});
    policy_.Carve(c.moe_layers(), c.experts, arena);
    policy_.Reset();
  }
  // Returns the hits.
  uint32_t Step(const Use& use) {
    std::set<uint16_t>& here = layers_[use.moe_layer];
    const std::vector<uint16_t> picks = use.active();
    for (const auto& token : use.tokens) policy_.Use(use.moe_layer, token.data(), static_cast<uint32_t>(token.size()));
    uint32_t hits = 0;
    for (const uint16_t e : picks) hits += static_cast<uint32_t>(here.count(e));
    here.insert(picks.begin(), picks.end());
    while (here.size() > slots_) {
      auto least = here.end();
      for (auto e = here.begin(); e != here.end(); ++e) {
        // Experts of the current use are evicted last: a prompt may use more than there are slots.
        const auto worth = [&](uint16_t x) {
          return std::make_pair(std::binary_search(picks.begin(), picks.end(), x), policy_.Priority(use.moe_layer, x));
        };
        if (least == here.end() || worth(*e) < worth(*least)) least = e;
      }
      here.erase(least);
    }
    return hits;
  }
  const std::set<uint16_t>& layer(uint32_t moe_layer) const { return layers_[moe_layer]; }

 private:
  size_t slots_;
  std::vector<std::set<uint16_t>> layers_;
  std::vector<std::byte> memory_;
  ExpertPolicy policy_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_MODEL_CACHE_ON_DRIVE_H_
