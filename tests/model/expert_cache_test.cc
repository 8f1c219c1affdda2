// Experts in memory: every one that a layer uses is handed out once, with its own weights, whatever the drive does; and
// what is read is what a plain simulation of the slots says.
#include "lfm2/model/expert_cache.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "tests/model/streamed_image.h"
#include "tests/pack/tiny_gguf.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

struct Options {
  SimulatedDeviceOptions drive = DriveOptions(8, 4 * kBlock);
  uint64_t slot_bytes = 0;  // 0: the default
  uint32_t retries = 0;
  bool read_ahead = false;
};

// One layer's work as a session has it: what its tokens chose.
struct Use {
  uint32_t moe_layer = 0;
  std::vector<std::vector<uint16_t>> tokens;

  std::vector<uint16_t> active() const {
    std::set<uint16_t> all;
    for (const auto& token : tokens) all.insert(token.begin(), token.end());
    return {all.begin(), all.end()};
  }
};

// The cache of the home model: 4 layers of 32 experts, 4 a token.
class Caching {
 public:
  explicit Caching(const Options& options)
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
    cache.Bind(streamed.image, shape_, plan_, session);
    first_read = streamed.watched.reads();
    front_bytes = streamed.watched.bytes();
  }
  ~Caching() {
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

  // Begin and all of Next, each batch checked. On an error: the Status, when nothing wrong was handed out before.
  Status Run(const Use& use, const std::vector<uint16_t>& guesses = {}) {
    std::vector<uint16_t> chosen;
    for (const auto& token : use.tokens) chosen.insert(chosen.end(), token.begin(), token.end());
    const std::vector<uint16_t> active = use.active();
    LFM2_RETURN_IF_ERROR(cache.Poll());
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

 private:
  BlockArena tables_;
};

// Choices with favourites, as text has them: low numbers more often.
std::vector<uint16_t> Choice(Random* random, uint32_t experts = 32, uint32_t count = 4) {
  std::vector<uint16_t> choice;
  while (choice.size() < count) {
    const uint16_t e = static_cast<uint16_t>(random->Below(1 + random->Below(experts)));
    if (std::find(choice.begin(), choice.end(), e) == choice.end()) choice.push_back(e);
  }
  return choice;
}

Use Tokens(Random* random, uint32_t moe_layer, uint32_t tokens) {
  Use use;
  use.moe_layer = moe_layer;
  for (uint32_t t = 0; t < tokens; ++t) use.tokens.push_back(Choice(random));
  return use;
}

// Slots as a naive reader would manage them in decode: which experts stay is a matter of the policy alone.
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
    policy_.Use(use.moe_layer, use.tokens[0].data(), static_cast<uint32_t>(use.tokens[0].size()));
    uint32_t hits = 0;
    for (const uint16_t e : picks) hits += static_cast<uint32_t>(here.count(e));
    here.insert(picks.begin(), picks.end());
    while (here.size() > slots_) {
      auto least = here.end();
      for (auto e = here.begin(); e != here.end(); ++e) {
        if (std::find(picks.begin(), picks.end(), *e) != picks.end()) continue;
        const auto priority = [&](uint16_t x) { return policy_.Priority(use.moe_layer, x); };
        if (least == here.end() || priority(*e) < priority(*least)) least = e;
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

}  // namespace

TEST_CASE("decode hits and misses as a plain simulation of the slots does, and reads just the misses") {
  for (const uint32_t slots : {4u, 5u, 9u, 32u}) {
    CAPTURE(slots);
    Options options;
    options.slot_bytes = uint64_t{4} * slots * Home().image().record_layer(0).stride;
    Caching c(options);
    NaiveSlots naive(c.config(), slots);
    Random random(slots);
    std::vector<uint64_t> hits(4), misses(4);
    for (uint32_t token = 0; token < 60; ++token) {
      for (uint32_t m = 0; m < 4; ++m) {
        const Use use = Tokens(&random, m, 1);
        const uint32_t hit = naive.Step(use);
        hits[m] += hit;
        misses[m] += 4 - hit;
        LFM2_REQUIRE_OK(c.Run(use));
        for (uint16_t e = 0; e < 32; ++e) CHECK(c.cache.IsResident(m, e) == (naive.layer(m).count(e) == 1));
      }
    }
    uint64_t read = 0;
    for (uint32_t m = 0; m < 4; ++m) {
      const StreamStatistics& s = c.cache.layer_statistics(m);
      CHECK(s.hits == hits[m]);
      CHECK(s.misses == misses[m]);
      CHECK(s.bytes == misses[m] * c.stride());
      CHECK(s.retries + s.ahead + s.wasted == 0);
      read += misses[m];
    }
    CHECK(c.Total().bytes == read * c.stride());
    CHECK(c.streamed.watched.reads() - c.first_read == 2 * read);  // 7 blocks in pieces of 4
    CHECK(c.streamed.watched.under_way() == 0);
    // Where everything has a slot, everything is read once at most.
    if (slots == 32) CHECK(read <= 128);
  }
}

TEST_CASE("with any number of slots, any drive and any mix of prompts and answers every expert comes once and whole") {
  const uint64_t stride = Home().image().record_layer(0).stride;
  for (const uint32_t slots : {1u, 2u, 3u, 4u, 8u, 12u, 16u, 17u, 21u, 40u, 128u}) {
    for (const uint32_t capacity : {1u, 2u, 64u}) {
      CAPTURE(slots);
      CAPTURE(capacity);
      Options options;
      options.slot_bytes = slots * stride;
      options.drive = DriveOptions(capacity, (slots % 2 == 0 ? 2 : 256) * kBlock, slots);
      options.read_ahead = capacity != 2;
      Caching c(options);
      CHECK(c.plan().total == slots);
      Random random(slots * 100 + capacity);
      uint64_t active = 0, missing = 0;
      for (const uint32_t tokens : {1u, 1u, 9u, 1u, 40u, 2u, 1u, 1u}) {
        for (uint32_t m = 0; m < 4; ++m) {
          const Use use = Tokens(&random, m, tokens);
          active += use.active().size();
          for (const uint16_t e : use.active()) missing += c.cache.IsResident(m, e) ? 0 : 1;
          LFM2_REQUIRE_OK(c.Run(use, tokens == 1 ? Choice(&random) : std::vector<uint16_t>()));
        }
      }
      const StreamStatistics total = c.Total();
      CHECK(total.hits + total.misses == active);
      CHECK(total.bytes == c.streamed.watched.bytes() - c.front_bytes);
      if (options.read_ahead) continue;
      CHECK(total.misses == missing);
      CHECK(total.bytes == missing * stride);
    }
  }
}

TEST_CASE("a prompt reads each of its experts once, though they are more than the slots") {
  Options options;
  options.slot_bytes = 4 * 6 * Home().image().record_layer(0).stride;
  Caching c(options);
  Random random(1);
  for (uint32_t m = 0; m < 4; ++m) {
    const Use use = Tokens(&random, m, 60);
    REQUIRE(use.active().size() > 20);
    LFM2_REQUIRE_OK(c.Run(use));
    CHECK(c.cache.layer_statistics(m).bytes == use.active().size() * c.stride());
  }
}

TEST_CASE("whatever is guessed, what is handed out is right, and only guesses that were wrong are wasted") {
  Options options;
  options.read_ahead = true;
  options.slot_bytes = 4 * 8 * Home().image().record_layer(0).stride;
  for (const bool right : {true, false}) {
    Caching c(options);
    Random random(3);
    for (uint32_t token = 0; token < 30; ++token) {
      std::vector<Use> uses;
      for (uint32_t m = 0; m < 4; ++m) uses.push_back(Tokens(&random, m, 1));
      for (uint32_t m = 0; m < 4; ++m) {
        std::vector<uint16_t> guesses = m < 3 ? uses[m + 1].tokens[0] : std::vector<uint16_t>();
        if (!right) {
          for (uint16_t& e : guesses) {
            while (std::count(uses[m + 1].tokens[0].begin(), uses[m + 1].tokens[0].end(), e) > 0) {
              e = static_cast<uint16_t>(random.Below(32));
            }
          }
        }
        LFM2_REQUIRE_OK(c.Run(uses[m], guesses));
      }
    }
    const StreamStatistics total = c.Total();
    CHECK(total.hits + total.misses == 30 * 4 * 4);
    CHECK(total.bytes == c.streamed.watched.bytes() - c.front_bytes);
    // A guess that is there before its layer comes is a hit.
    if (right) CHECK(total.wasted == 0);
    if (!right) CHECK(total.ahead == 0);
    CHECK(total.bytes > total.misses * c.stride());
    CHECK(c.cache.layer_statistics(0).ahead == 0);
  }
}

TEST_CASE("layers that share slots read nothing ahead, and the last layer has nobody behind it") {
  Options options;
  options.read_ahead = true;
  const uint64_t stride = Home().image().record_layer(0).stride;
  options.slot_bytes = 12 * stride;  // 4 shared ones, two layers with their own
  Caching shared(options);
  CHECK(shared.cache.reads_ahead(0));
  CHECK(!shared.cache.reads_ahead(1));
  CHECK(!shared.cache.reads_ahead(3));
  options.slot_bytes = 0;
  Caching own(options);
  CHECK(own.cache.reads_ahead(2));
  CHECK(!own.cache.reads_ahead(3));
  options.read_ahead = false;
  Caching off(options);
  CHECK(!off.cache.reads_ahead(0));
}

TEST_CASE("behind an error nothing is lost but the call: the next one is right, and finds what had come") {
  for (const Fault fault : {Fault::kIoError, Fault::kShortRead, Fault::kBadBits, Fault::kVanished, Fault::kTimeout}) {
    for (uint32_t at = 0; at < 40; at += 3) {
      CAPTURE(static_cast<int>(fault));
      CAPTURE(at);
      Options options;
      options.drive = DriveOptions(5, kBlock, at + 1);
      options.read_ahead = true;
      Caching c(options);
      Random random(7);
      LFM2_REQUIRE_OK(c.Run(Tokens(&random, 1, 1)));
      c.streamed.drive.FailRead(c.streamed.drive.reads() + at, fault);
      Status failed;
      uint32_t failures = 0;
      for (const uint32_t tokens : {1u, 12u, 1u}) {
        const Use use = Tokens(&random, 1, tokens);
        const std::vector<uint16_t> active = use.active();
        const std::vector<uint16_t> guesses = tokens == 1 ? Choice(&random) : std::vector<uint16_t>();
        for (;;) {
          const Status status = c.Run(use, guesses);
          if (status.ok()) break;
          failed = status;
          REQUIRE(++failures < 6);
          const std::string text = Text(status);
          CAPTURE(text);
          // Where a drive is still silent, the next call says no more than that.
          if (status.code() == StatusCode::kTimeout && failures > 1) continue;
          CHECK(text.find("expert record [") != std::string::npos);
          const uint32_t record = status.index();
          // A guess may be the oldest read that a drive does not answer.
          if (fault != Fault::kTimeout) {
            REQUIRE(record / 32 == 1);
            CHECK(std::count(active.begin(), active.end(), record % 32) == 1);
            CHECK(!c.cache.IsResident(1, record % 32));
          }
          if (fault != Fault::kBadBits && fault != Fault::kTimeout) {
            CHECK(status.code() == StatusCode::kIo);
            CHECK(status.limit() >= c.OffsetOf(1, record % 32));
            CHECK(status.limit() < c.OffsetOf(1, record % 32) + c.stride());
          }
        }
      }
      if (failures == 0) continue;  // the guess, or the padding, had the fault
      if (fault == Fault::kTimeout) CHECK(failed.code() == StatusCode::kTimeout);
      if (fault == Fault::kBadBits) CHECK(failed.code() == StatusCode::kCorrupt);
      if (fault != Fault::kTimeout) CHECK(failures == 1);
    }
  }
}

TEST_CASE("repetitions are counted, and no more of them than were asked for") {
  for (const uint32_t retries : {0u, 1u, 2u}) {
    for (uint32_t failures = 1; failures <= 3; ++failures) {
      CAPTURE(retries);
      CAPTURE(failures);
      Options options;
      options.retries = retries;
      options.drive = DriveOptions(3, kBlock);
      Caching c(options);
      c.streamed.drive.FailAt(c.OffsetOf(2, 11) + 2 * kBlock, Fault::kIoError, failures);
      Use use;
      use.moe_layer = 2;
      use.tokens = {{3, 11, 30, 8}};
      const Status status = c.Run(use);
      CHECK(status.ok() == (failures <= retries));
      CHECK(c.cache.layer_statistics(2).retries == std::min(failures, retries));
      if (status.ok()) continue;
      CHECK(status.index() == 2 * 32 + 11);
      CHECK(status.limit() == c.OffsetOf(2, 11) + 2 * kBlock);
      c.streamed.drive.Heal();
      LFM2_REQUIRE_OK(c.Run(use));
    }
  }
}

}  // namespace lfm2::test
