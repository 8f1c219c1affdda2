// When experts are read, on a clock that only the test advances: while a drive is idle although something is missing,
// the user waits.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "lfm2/model/expert_cache.h"
#include "tests/model/cache_on_drive.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kLayers = 4, kExperts = 32, kTokens = 128;

// A chunk that uses every expert of a layer.
Use AllExperts(uint32_t moe_layer) {
  Use use;
  use.moe_layer = moe_layer;
  for (uint32_t t = 0; t < kTokens; ++t) {
    std::vector<uint16_t> token;
    for (uint32_t r = 0; r < 4; ++r) token.push_back(static_cast<uint16_t>((5 * t + 8 * r) % kExperts));
    use.tokens.push_back(token);
  }
  return use;
}

CacheOptions WithSlots(uint32_t each_layer, bool read_ahead) {
  CacheOptions options;
  options.slot_bytes = uint64_t{kLayers} * each_layer * Home().image().record_layer(0).stride;
  options.read_ahead = read_ahead;
  // In the proportions of a fast drive and LFM2-8B-A1B: several reads per record, and fewer reads than the queue
  // accepts.
  options.drive = DriveOptions(64, kBlock);
  options.drive.shuffled = false;
  options.drive.speed = {1000000000, 5000, 16};
  return options;
}

// Nanoseconds.
struct Times {
  double compute = 0, read = 0, all = 0;
  // Relative to the optimum, in which either the processor or the drive is never idle.
  double quality() const { return std::max(compute, read) / all; }
};

// A prompt of some chunks after the one that fills the slots. The operator of a layer takes `operator_share` of the
// time of its experts, and is also a sequence of products.
Times TimeOfPrefill(CacheOnDrive* c, uint64_t expert_ns, double operator_share) {
  constexpr uint32_t kChunks = 5, kProducts = 4;
  Times times;
  const auto compute = [&](uint64_t ns) {
    c->streamed.drive.Advance(ns);
    times.compute += static_cast<double>(ns);
  };
  const uint64_t operator_ns = static_cast<uint64_t>(operator_share * kExperts * static_cast<double>(expert_ns));
  c->compute = [&](const std::vector<uint16_t>& batch) {
    const uint64_t experts = batch.size();
    compute(expert_ns * experts * 2 / 3);
    c->cache.KeepReading();
    compute(expert_ns * experts / 3);
  };
  uint64_t begin = 0, bytes = 0;
  for (uint32_t chunk = 0; chunk < kChunks + 1; ++chunk) {
    if (chunk == 1) {
      begin = c->streamed.watched.queue()->NowNs();
      bytes = c->streamed.watched.bytes();
      times = Times();
    }
    for (uint32_t m = 0; m < kLayers; ++m) {
      for (uint32_t p = 0; p < kProducts; ++p) {
        c->cache.KeepReading();
        compute(operator_ns / kProducts);
      }
      LFM2_REQUIRE_OK(c->Run(AllExperts(m)));
    }
  }
  times.all = static_cast<double>(c->streamed.watched.queue()->NowNs() - begin);
  times.read = static_cast<double>(c->streamed.watched.bytes() - bytes);
  return times;
}

}  // namespace

TEST_CASE("while an expert of a prompt is not in memory, reads are pending, also while other experts are computed") {
  for (const uint32_t slots : {3u, 7u, 16u}) {
    for (const bool read_ahead : {false, true}) {
      CAPTURE(slots);
      CAPTURE(read_ahead);
      CacheOnDrive c(WithSlots(slots, read_ahead));
      uint32_t layer = 0, hits = 0;
      std::set<uint16_t> handed_out;
      c.compute = [&](const std::vector<uint16_t>& experts) {
        handed_out.insert(experts.begin(), experts.end());
        uint32_t missing = 0;
        for (uint16_t e = 0; e < kExperts; ++e) {
          if (handed_out.count(e) == 0 && !c.cache.IsResident(layer, e)) ++missing;
        }
        CAPTURE(layer);
        CAPTURE(missing);
        if (missing > 0) CHECK(c.streamed.drive.under_way() > 0);
        c.streamed.drive.Advance(1000);  // a fraction of a read's time, so that slots are never all full
      };
      for (uint32_t chunk = 0; chunk < 3; ++chunk) {
        for (layer = 0; layer < kLayers; ++layer) {
          handed_out.clear();
          LFM2_REQUIRE_OK(c.Run(AllExperts(layer)));
        }
      }
      hits = static_cast<uint32_t>(c.Total().hits);
      CHECK(hits > 0);
    }
  }
}

TEST_CASE("a prompt takes little longer than its products alone or its reads alone, whichever is more") {
  for (const uint64_t expert_ns : {1000u, 5000u, 12000u, 18000u, 25000u, 60000u}) {
    CAPTURE(expert_ns);
    CacheOnDrive c(WithSlots(7, true));
    const Times times = TimeOfPrefill(&c, expert_ns, 0.3);
    CAPTURE(times.compute);
    CAPTURE(times.read);
    CAPTURE(times.all);
    MESSAGE(times.quality());
    // If both take the same time, each waits when the other is late: here above all in the first of four layers, for
    // which nothing is read ahead.
    CHECK(times.quality() >= (expert_ns == 18000 ? 0.84 : 0.9));
    // A slot that experts pass through is one less for favourites.
    CHECK(times.read <= 1.05 * 5 * kLayers * (kExperts - 7) * static_cast<double>(c.stride()));
  }
}

}  // namespace lfm2::test
