// Experts in memory: each one that a layer uses is returned once, with its own weights, whatever the drive does; and
// the reads are those of a simple simulation of the slots.
#include "lfm2/model/expert_cache.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/model/cache_on_drive.h"

namespace lfm2::test {

TEST_CASE("decode hits and misses as a simple simulation of the slots does, and reads just the misses") {
  for (const uint32_t slots : {4u, 5u, 9u, 32u}) {
    CAPTURE(slots);
    CacheOptions options;
    options.slot_bytes = uint64_t{4} * slots * Home().image().record_layer(0).stride;
    CacheOnDrive c(options);
    NaiveSlots naive(c.config(), slots);
    XorShift random(slots);
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
    // If everything has a slot, everything is read at most once.
    if (slots == 32) CHECK(read <= 128);
  }
}

TEST_CASE(
    "with any number of slots, any drive and any mix of prompts and answers every expert is returned once and whole") {
  const uint64_t stride = Home().image().record_layer(0).stride;
  for (const uint32_t slots : {1u, 2u, 3u, 4u, 8u, 12u, 16u, 17u, 21u, 40u, 128u}) {
    for (const uint32_t capacity : {1u, 2u, 64u}) {
      CAPTURE(slots);
      CAPTURE(capacity);
      CacheOptions options;
      options.slot_bytes = slots * stride;
      options.drive = DriveOptions(capacity, (slots % 2 == 0 ? 2 : 256) * kBlock, slots);
      options.read_ahead = capacity != 2;
      CacheOnDrive c(options);
      CHECK(c.plan().total == slots);
      XorShift random(slots * 100 + capacity);
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

TEST_CASE("a prompt reads each of its experts once, although there are fewer slots") {
  CacheOptions options;
  options.slot_bytes = 4 * 6 * Home().image().record_layer(0).stride;
  CacheOnDrive c(options);
  XorShift random(1);
  for (uint32_t m = 0; m < 4; ++m) {
    const Use use = Tokens(&random, m, 60);
    REQUIRE(use.active().size() > 20);
    LFM2_REQUIRE_OK(c.Run(use));
    CHECK(c.cache.layer_statistics(m).bytes == use.active().size() * c.stride());
  }
}

TEST_CASE("whatever is guessed, the returned experts are right, and only wrong guesses are wasted") {
  CacheOptions options;
  options.read_ahead = true;
  options.slot_bytes = 4 * 8 * Home().image().record_layer(0).stride;
  for (const bool right : {true, false}) {
    CacheOnDrive c(options);
    XorShift random(3);
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
    // A guess that arrives before its layer starts is a hit.
    if (right) CHECK(total.wasted == 0);
    if (!right) CHECK(total.ahead == 0);
    CHECK(total.bytes > total.misses * c.stride());
    CHECK(c.cache.layer_statistics(0).ahead == 0);
  }
}

TEST_CASE("layers that share slots read nothing ahead, and no layer follows the last one") {
  CacheOptions options;
  options.read_ahead = true;
  const uint64_t stride = Home().image().record_layer(0).stride;
  options.slot_bytes = 12 * stride;  // 4 shared slots, two layers with their own
  CacheOnDrive shared(options);
  CHECK(shared.cache.reads_ahead(0));
  CHECK(!shared.cache.reads_ahead(1));
  CHECK(!shared.cache.reads_ahead(3));
  options.slot_bytes = 0;
  CacheOnDrive own(options);
  CHECK(own.cache.reads_ahead(2));
  CHECK(!own.cache.reads_ahead(3));
  options.read_ahead = false;
  CacheOnDrive off(options);
  CHECK(!off.cache.reads_ahead(0));
}

TEST_CASE("an error loses nothing but the call: the next one is right, and finds what had arrived") {
  for (const Fault fault : {Fault::kIoError, Fault::kShortRead, Fault::kBadBits, Fault::kVanished, Fault::kTimeout}) {
    for (uint32_t at = 0; at < 40; at += 3) {
      CAPTURE(static_cast<int>(fault));
      CAPTURE(at);
      CacheOptions options;
      options.drive = DriveOptions(5, kBlock, at + 1);
      options.read_ahead = true;
      CacheOnDrive c(options);
      XorShift random(7);
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
          // While the drive is still silent, the next call reports nothing else.
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
            CHECK(status.offset() >= c.OffsetOf(1, record % 32));
            CHECK(status.offset() < c.OffsetOf(1, record % 32) + c.stride());
          }
        }
      }
      if (failures == 0) continue;  // the fault was in the guess or the padding
      if (fault == Fault::kTimeout) CHECK(failed.code() == StatusCode::kTimeout);
      if (fault == Fault::kBadBits) CHECK(failed.code() == StatusCode::kCorrupt);
      if (fault != Fault::kTimeout) CHECK(failures == 1);
    }
  }
}

TEST_CASE("each call waits for a drive that does not answer once, and none waits twice") {
  uint32_t failures = 0;
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    for (const uint32_t tokens : {1u, 12u}) {
      CAPTURE(seed);
      CAPTURE(tokens);
      CacheOptions options;
      options.drive = DriveOptions(5, kBlock, seed);
      CacheOnDrive c(options);
      XorShift random(seed);
      const Use use = Tokens(&random, 1, tokens);
      c.streamed.drive.FailRead(c.streamed.drive.reads() + seed % 9, Fault::kTimeout);
      const auto now = [&c] { return c.streamed.watched.queue()->NowNs(); };
      for (;;) {
        const uint64_t begin = now();
        const Status status = c.Run(use);
        if (status.ok()) break;
        CHECK(status.code() == StatusCode::kTimeout);
        CHECK(now() - begin == options.drive.timeout_ns);
        ++failures;
      }
    }
  }
  CHECK(failures > 60);  // some reads take more than one call
}

TEST_CASE("what counts as resident depends on the uses alone, as if nothing were read ahead and nothing were late") {
  std::vector<std::vector<bool>> first;
  bool differs = false;
  for (const uint64_t speed : {uint64_t{0}, uint64_t{2000000}, uint64_t{200000000}}) {
    CAPTURE(speed);
    CacheOptions options;
    options.slot_bytes = uint64_t{4} * 7 * Home().image().record_layer(0).stride;
    options.read_ahead = true;
    options.prefer_resident = 0.1f;
    options.drive.speed = {speed, 20000, 4};
    CacheOnDrive c(options);
    c.compute = [&c](const std::vector<uint16_t>&) { c.streamed.drive.Advance(30000); };
    NaiveSlots naive(c.config(), 7);
    XorShift random(11);
    std::vector<std::vector<bool>> seen;
    for (const uint32_t tokens : {1u, 1u, 1u, 70u, 1u, 1u, 9u, 1u, 1u, 1u, 1u}) {
      for (uint32_t m = 0; m < 4; ++m) {
        const Use use = Tokens(&random, m, tokens);
        LFM2_REQUIRE_OK(c.Run(use, tokens == 1 ? Choice(&random) : std::vector<uint16_t>()));
        naive.Step(use);
        seen.emplace_back();
        for (uint16_t e = 0; e < 32; ++e) {
          const bool counts = c.cache.CountsAsResident(m, e);
          CHECK(counts == (naive.layer(m).count(e) == 1));
          differs = differs || counts != c.cache.IsResident(m, e);
          seen.back().push_back(counts);
        }
      }
    }
    if (first.empty()) first = seen;
    CHECK(seen == first);
  }
  CHECK(differs);
}

TEST_CASE("repetitions are counted, and do not exceed read_retries") {
  for (const uint32_t retries : {0u, 1u, 2u}) {
    for (uint32_t failures = 1; failures <= 3; ++failures) {
      CAPTURE(retries);
      CAPTURE(failures);
      CacheOptions options;
      options.retries = retries;
      options.drive = DriveOptions(3, kBlock);
      CacheOnDrive c(options);
      c.streamed.drive.FailAt(c.OffsetOf(2, 11) + 2 * kBlock, Fault::kIoError, failures);
      Use use;
      use.moe_layer = 2;
      use.tokens = {{3, 11, 30, 8}};
      const Status status = c.Run(use);
      CHECK(status.ok() == (failures <= retries));
      CHECK(c.cache.layer_statistics(2).retries == std::min(failures, retries));
      if (status.ok()) continue;
      CHECK(status.index() == 2 * 32 + 11);
      CHECK(status.offset() == c.OffsetOf(2, 11) + 2 * kBlock);
      c.streamed.drive.Heal();
      LFM2_REQUIRE_OK(c.Run(use));
    }
  }
}

}  // namespace lfm2::test
