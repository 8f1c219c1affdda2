// prefer_resident and drop_below answer by what was asked and not by how fast a drive is, and do what they say.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>
#include <vector>

#include "tests/model/cache_on_drive.h"
#include "tests/pack/image_copy.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

SessionOptions OptionsOf(uint32_t chunk, float prefer_resident, float drop_below) {
  SessionOptions options = OptionsWithChunk(chunk);
  options.prefer_resident = prefer_resident;
  options.drop_below = drop_below;
  options.arena_bytes = ArenaFor(Home().image(), options, 26);  // 6 or 7 of 32 in each layer
  return options;
}

// One token's experts in one layer.
struct Routing {
  std::vector<uint16_t> experts;
  std::vector<float> weights;

  float sum() const { return std::accumulate(weights.begin(), weights.end(), 0.0f); }
};

// What the first layer with experts chose for each token. No choice of experts has changed what comes into it.
struct FirstLayer {
  explicit FirstLayer(Session* session) {
    observer.context = this;
    observer.routing = [](void* context, uint32_t layer, uint32_t, const uint16_t* experts, const float* weights) {
      const ModelConfig& c = Home().config();
      if (layer != c.dense_layers) return;
      static_cast<FirstLayer*>(context)->tokens.push_back(
          {{experts, experts + c.experts_per_token}, {weights, weights + c.experts_per_token}});
    };
    session->SetObserver(&observer);
  }
  FirstLayer(const FirstLayer&) = delete;
  FirstLayer& operator=(const FirstLayer&) = delete;
  Observer observer;
  std::vector<Routing> tokens;
};

std::vector<Routing> ResidentRouting(const Image& image, const std::vector<int32_t>& ids) {
  const OpenSession open(image, OptionsWithChunk(1));
  const FirstLayer seen(open.session.get());
  AllLogits(*open.session, ids);
  return seen.tokens;
}

// The home model without the biases that are added to router scores when experts are chosen, which are 0 to 1: its
// biases let an expert be ahead by more than that.
struct WithoutBias {
  WithoutBias() : copy({reinterpret_cast<const char*>(Bytes().data()), Bytes().size()}) {
    ImageHeader header = LoadAs<ImageHeader>(copy.data());
    for (uint32_t i = 0; i < header.tensor_count; ++i) {
      const TensorEntry entry = Home().image().tensor(i);
      if (entry.role != static_cast<uint16_t>(TensorRole::kExpertBias)) continue;
      std::memset(copy.data() + header.pinned_offset + entry.offset, 0, static_cast<size_t>(entry.bytes));
      ++changed;
    }
    header.pinned_crc = Crc32c(0, copy.data() + header.pinned_offset, static_cast<size_t>(header.pinned_bytes));
    header.metadata_crc = 0;
    std::memcpy(copy.data(), &header, sizeof(header));
    header.metadata_crc = Crc32c(0, copy.data(), static_cast<size_t>(header.metadata_bytes));
    std::memcpy(copy.data(), &header, sizeof(header));
    LFM2_REQUIRE_OK(image.Open(copy.storage()));
    REQUIRE(changed == image.config().moe_layers());
  }
  static Span<const std::byte> Bytes() { return Home().image().memory(); }
  ImageCopy copy;
  Image image;
  uint32_t changed = 0;
};

}  // namespace

TEST_CASE("equal calls give equal logits, whatever the drive and whatever it reads ahead") {
  const std::vector<int32_t> ids = TestPrompt(48);
  SimulatedDeviceOptions drives[5];
  drives[0] = DriveOptions(64, 256 * kBlock, 1);
  drives[1] = DriveOptions(1, kBlock, 2);
  for (uint32_t i = 2; i < 5; ++i) {
    drives[i] = DriveOptions(8, 2 * kBlock, i);
    drives[i].speed = {i == 2 ? 1000000u : i == 3 ? 50000000u : 3000000000u, 100000, 4};
  }
  for (const bool prefer : {true, false}) {
    for (const bool read_ahead : {true, false}) {
      CAPTURE(prefer);
      CAPTURE(read_ahead);
      SessionOptions options = OptionsOf(16, prefer ? 0.2f : 0.0f, prefer ? 0.0f : 0.4f);
      options.read_ahead = read_ahead;
      std::vector<std::vector<float>> first;
      for (const SimulatedDeviceOptions& drive : drives) {
        StreamedSession open(Home().image(), drive, options);
        std::vector<std::vector<float>> all;
        // Prompts and answers by turns, so that each finds what the other has left in the slots.
        const size_t sizes[] = {9, 1, 1, 1, 20, 1, 1, 1, 1, 1};
        for (size_t at = 0, n = 0; at < ids.size(); ++n) {
          const size_t size = std::min(sizes[n % 10], ids.size() - at);
          LFM2_REQUIRE_OK(open.session->Prefill({ids.data() + at, size}));
          all.push_back(Logits(*open.session));
          at += size;
        }
        if (first.empty()) first = all;
        CHECK(all == first);
      }
    }
  }
}

TEST_CASE("drop_below leaves out just the experts that are not in memory and whose share is smaller") {
  const std::vector<int32_t> ids = TestPrompt(40);
  const std::vector<Routing> exact = ResidentRouting(Home().image(), ids);
  for (const float least : {0.2f, 0.3f, 1.0f}) {
    CAPTURE(least);
    const SessionOptions options = OptionsOf(1, 0.0f, least);
    StreamedSession open(Home().image(), DriveOptions(8, kBlock), options);
    NaiveSlots slots(Home().config(), StreamedPlan(Home().image(), options).slots.own[0]);
    const FirstLayer seen(open.session.get());
    AllLogits(*open.session, ids);
    REQUIRE(seen.tokens.size() == ids.size());
    uint32_t dropped = 0;
    for (size_t t = 0; t < ids.size(); ++t) {
      CAPTURE(t);
      std::vector<uint16_t> want;
      float kept = 0.0f;
      for (size_t r = 0; r < exact[t].experts.size(); ++r) {
        const uint16_t e = exact[t].experts[r];
        const bool small = r > 0 && exact[t].weights[r] < least * exact[t].sum();
        if (small && slots.layer(0).count(e) == 0) continue;
        want.push_back(e);
        kept += exact[t].weights[r];
      }
      dropped += static_cast<uint32_t>(exact[t].experts.size() - want.size());
      Use use;
      use.tokens = {want};
      slots.Step(use);
      const Routing& got = seen.tokens[t];
      CHECK(std::equal(want.begin(), want.end(), got.experts.begin()));
      // The others grow to the same sum, and the rest counts nothing.
      for (size_t r = want.size(); r < got.weights.size(); ++r) CHECK(got.weights[r] == 0.0f);
      CHECK(got.sum() == doctest::Approx(static_cast<double>(exact[t].sum())).epsilon(1e-5));
      CHECK(got.weights[0] ==
            doctest::Approx(static_cast<double>(exact[t].weights[0] * exact[t].sum() / kept)).epsilon(1e-5));
    }
    CHECK(dropped > 0);
  }
}

TEST_CASE("the largest prefer_resident keeps to the experts of the first token, and reads no other") {
  const WithoutBias model;
  const std::vector<int32_t> ids = TestPrompt(30);
  const std::vector<Routing> exact = ResidentRouting(model.image, ids);
  SessionOptions options = OptionsOf(1, 1.0f, 0.0f);
  options.read_ahead = false;
  StreamedSession open(model.image, DriveOptions(8, kBlock), options);
  const FirstLayer seen(open.session.get());
  AllLogits(*open.session, ids);
  const auto set = [](const Routing& r) { return std::set<uint16_t>(r.experts.begin(), r.experts.end()); };
  uint32_t others = 0;
  for (size_t t = 0; t < ids.size(); ++t) {
    CHECK(set(seen.tokens[t]) == set(exact[0]));
    others += set(exact[t]) == set(exact[0]) ? 0 : 1;
  }
  CHECK(others > 0);
  const StreamStatistics total = open.session->statistics();
  CHECK(total.misses == uint64_t{Home().config().moe_layers()} * Home().config().experts_per_token);
}

}  // namespace lfm2::test
