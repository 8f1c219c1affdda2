#include "lfm2/text/sampler.h"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

struct Draws {
  explicit Draws(const SamplerOptions& options) {
    const Status status = sampler.Configure(options);
    REQUIRE_MESSAGE(status.ok(), Sentence(status));
  }
  Status Try(const std::vector<float>& logits, const std::vector<int32_t>& history, int32_t* token) {
    std::vector<std::byte> scratch(static_cast<size_t>(Sampler::ScratchBytes(logits.size())));
    return sampler.Sample(logits, history, scratch, token);
  }
  int32_t operator()(const std::vector<float>& logits, const std::vector<int32_t>& history = {}) {
    int32_t token = -1;
    const Status status = Try(logits, history, &token);
    REQUIRE_MESSAGE(status.ok(), Sentence(status));
    REQUIRE(token >= 0);
    REQUIRE(static_cast<size_t>(token) < logits.size());
    return token;
  }
  Sampler sampler;
};

SamplerOptions Options(float temperature, uint32_t top_k, float top_p, float min_p, float penalty, uint64_t seed = 0) {
  SamplerOptions o;
  o.temperature = temperature;
  o.top_k = top_k;
  o.top_p = top_p;
  o.min_p = min_p;
  o.repetition_penalty = penalty;
  o.seed = seed;
  return o;
}

// The probabilities, in double precision, by the order of Hugging Face's logits processors.
std::vector<double> Oracle(const std::vector<float>& logits, const std::vector<int32_t>& history,
                           const SamplerOptions& o) {
  const size_t n = logits.size();
  std::vector<double> score(logits.begin(), logits.end());
  const std::set<int32_t> seen(history.begin(), history.end());
  for (const int32_t t : seen) {
    double& s = score[static_cast<size_t>(t)];
    s = s < 0 ? s * static_cast<double>(o.repetition_penalty) : s / static_cast<double>(o.repetition_penalty);
  }
  for (double& s : score) s /= static_cast<double>(o.temperature);
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score[a] > score[b]; });
  std::vector<double> weight(n);
  for (size_t i = 0; i < n; ++i) weight[i] = std::exp(score[i] - score[order[0]]);
  if (o.top_k > 0 && o.top_k < n) order.resize(o.top_k);
  const auto sum = [&] {
    return std::accumulate(order.begin(), order.end(), 0.0, [&](double s, size_t i) { return s + weight[i]; });
  };
  const double enough = sum() * static_cast<double>(o.top_p);
  double before = 0;
  size_t kept = 0;
  while (kept < order.size() && (kept == 0 || o.top_p == 1.0f || before < enough)) before += weight[order[kept++]];
  order.resize(kept);
  while (weight[order.back()] < static_cast<double>(o.min_p)) order.pop_back();
  std::vector<double> p(n, 0.0);
  const double kept_weight = sum();
  for (const size_t i : order) p[i] = weight[i] / kept_weight;
  return p;
}

TEST_CASE("equal seeds and logits draw the tokens that the documented algorithm draws, on every machine") {
  const auto json = ReadJson("sampler.json");
  REQUIRE(json["cases"].size() == 10);
  for (const auto& c : json["cases"]) {
    const auto& o = c["options"];
    CAPTURE(o.dump());
    Draws draw(Options(o["temperature"], o["top_k"], o["top_p"], o["min_p"], o["repetition_penalty"], o["seed"]));
    std::vector<int32_t> history = {3, 4}, tokens;
    for (size_t t = 0; t < c["tokens"].size(); ++t) {
      std::vector<float> logits;
      for (const uint32_t bits : c["logits"][t % 4]) logits.push_back(BitCast<float>(bits));
      tokens.push_back(draw(logits, history));
      history.push_back(tokens.back());
      if (history.size() > 12) history.erase(history.begin(), history.end() - 12);
    }
    CHECK(tokens == c["tokens"].get<std::vector<int32_t>>());
  }
}

TEST_CASE("tokens come as often as their probabilities say, and the others never") {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 2.0f);
  const SamplerOptions all[] = {
      Options(1.0f, 0, 1.0f, 0.0f, 1.0f, 11),    Options(0.3f, 0, 1.0f, 0.15f, 1.05f, 12),
      Options(1.0f, 6, 1.0f, 0.0f, 1.1f, 13),    Options(1.0f, 0, 0.7f, 0.0f, 1.0f, 14),
      Options(1.2f, 9, 0.9f, 0.0f, 1.0f, 15),    Options(1.2f, 9, 0.9f, 0.1f, 1.3f, 16),
      Options(5.0f, 0, 0.999f, 0.2f, 0.5f, 17),  Options(0.7f, 1, 1.0f, 0.0f, 1.0f, 18),
      Options(1.0f, 0, 0.0001f, 0.0f, 1.0f, 19), Options(1.0f, 0, 1.0f, 1.0f, 1.0f, 20),
      Options(1.0f, 100, 0.5f, 0.3f, 1.0f, 21),
  };
  for (const SamplerOptions& o : all) {
    CAPTURE(o.seed);
    std::vector<float> logits(30);
    for (float& l : logits) l = normal(random);
    const std::vector<int32_t> history = {2, 5, 5, 17};
    const std::vector<double> p = Oracle(logits, history, o);
    Draws draw(o);
    constexpr int kDraws = 40000;
    std::vector<int> seen(logits.size());
    for (int i = 0; i < kDraws; ++i) ++seen[static_cast<size_t>(draw(logits, history))];
    double chi_square = 0;
    int cells = 0;
    double rare_expected = 0, rare_seen = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      const double expected = p[i] * kDraws;
      if (p[i] == 0.0) {
        CHECK_MESSAGE(seen[i] == 0, "token ", i, " was cut off but drawn");
      } else if (expected < 10) {
        rare_expected += expected;
        rare_seen += seen[i];
      } else {
        CHECK_MESSAGE(seen[i] > 0, "token ", i, " was kept but never drawn");
        chi_square += (seen[i] - expected) * (seen[i] - expected) / expected;
        ++cells;
      }
    }
    if (rare_expected >= 10) {
      chi_square += (rare_seen - rare_expected) * (rare_seen - rare_expected) / rare_expected;
      ++cells;
    }
    // Five standard deviations above the mean of the distribution with cells - 1 degrees of freedom.
    CHECK(chi_square <= (cells - 1) + 5 * std::sqrt(2.0 * (cells - 1)));
  }
}

TEST_CASE("temperature 0 takes the largest logit, of equal ones the lowest id, after the repetition penalty") {
  Draws greedy(Options(0.0f, 3, 0.5f, 0.5f, 1.0f));
  CHECK(greedy({1.0f, 3.0f, 3.0f, 2.0f}) == 1);
  CHECK(greedy({-1.0f, -0.5f, -3.0f}) == 1);
  // Adjacent floats are distinguished.
  CHECK(greedy({20.0f, std::nextafter(20.0f, 30.0f)}) == 1);
  CHECK(greedy({0.001f, std::nextafter(0.001f, 1.0f), 0.001f}) == 1);
  CHECK(greedy({-std::numeric_limits<float>::infinity(), -1e30f}) == 1);
  Draws punished(Options(0.0f, 0, 1.0f, 0.0f, 2.0f));
  CHECK(punished({3.0f, 2.0f}, {0}) == 1);
  CHECK(punished({3.0f, 1.0f}, {0, 0, 0}) == 0);  // once, however often it was seen
  CHECK(punished({-3.0f, -4.0f}, {0}) == 1);      // negative ones move away from 0
}

TEST_CASE("ties at the border of top-k keep the lower ids") {
  Draws draw(Options(1.0f, 2, 1.0f, 0.0f, 1.0f, 3));
  std::set<int32_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(draw({1.0f, 2.0f, 2.0f, 2.0f, 0.0f}));
  CHECK(seen == std::set<int32_t>{1, 2});
}

TEST_CASE("forbidden tokens are never drawn, even where everything else is unlikely") {
  const float forbidden = -std::numeric_limits<float>::infinity();
  Draws draw(Options(100.0f, 0, 1.0f, 0.0f, 1.0f, 4));
  for (int i = 0; i < 1000; ++i) {
    CHECK(draw({forbidden, -80.0f, forbidden, 80.0f, std::numeric_limits<float>::lowest()}, {0, 1, 2, 3, 4}) % 2 == 1);
  }
}

TEST_CASE("logits of a broken model are refused, not drawn from") {
  Draws draw(SamplerOptions{});
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  int32_t token = -5;
  const auto refused = [&](const std::vector<float>& logits, const std::vector<int32_t>& history = {}) {
    const Status status = draw.Try(logits, history, &token);
    CHECK(token == -5);
    return status.code() == StatusCode::kInvalidArgument;
  };
  CHECK(refused({1.0f, nan}));
  CHECK(refused({-nan, 1.0f}));
  CHECK(refused({1.0f, infinity}));
  CHECK(refused({-infinity, -infinity}));
  CHECK(refused({}));
  CHECK(refused({1.0f, 2.0f}, {2}));
  CHECK(refused({1.0f, 2.0f}, {-1}));
  // None of this moved the random sequence.
  Draws fresh(SamplerOptions{});
  const std::vector<float> flat(50, 1.0f);
  for (int i = 0; i < 20; ++i) CHECK(draw(flat) == fresh(flat));
}

TEST_CASE("huge finite logits are drawn from like any other") {
  const float largest = std::numeric_limits<float>::max();
  Draws draw(Options(1.0f, 2, 0.9f, 0.1f, 16.0f, 6));
  CHECK(draw({largest, 0.0f, 1e-45f, -1e-45f}) == 0);
  CHECK(draw({0.0f, largest}, {0, 1}) == 1);
  CHECK(draw({-8191.0f, -8190.0f}, {0, 1}) == 1);
}

TEST_CASE("options out of range are refused by name") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto name = [](const SamplerOptions& o) {
    Sampler sampler;
    const Status status = sampler.Configure(o);
    CHECK(status.code() == (status.ok() ? StatusCode::kOk : StatusCode::kInvalidArgument));
    return std::string(status.where());
  };
  for (const float bad : {-0.1f, 0.0005f, 101.0f, nan}) CHECK(name(Options(bad, 0, 1.0f, 0.0f, 1.0f)) == "temperature");
  for (const float bad : {-0.1f, 0.0f, 1.1f, nan}) CHECK(name(Options(1.0f, 0, bad, 0.0f, 1.0f)) == "top_p");
  for (const float bad : {-0.1f, 1.1f, nan}) CHECK(name(Options(1.0f, 0, 1.0f, bad, 1.0f)) == "min_p");
  for (const float bad : {-1.0f, 0.0f, 17.0f, nan})
    CHECK(name(Options(1.0f, 0, 1.0f, 0.0f, bad)) == "repetition_penalty");
  CHECK(name(SamplerOptions{}).empty());
  CHECK(name(Options(0.0f, 0, 1.0f, 1.0f, 0.0625f)).empty());
}

TEST_CASE(
    "what is not set is the model's, and of a model that recommends something the filters that it leaves out are off") {
  const auto is = [](const SamplerOptions& o, const Sampling& want) {
    return o.temperature == want.temperature && o.top_k == want.top_k && o.top_p == want.top_p &&
           o.min_p == want.min_p && o.repetition_penalty == want.repetition_penalty && o.seed == 9;
  };
  SamplerOptions nothing;
  nothing.seed = 9;
  // Model cards: LFM2; LFM2.5-8B-A1B; LFM2.5's texts.
  CHECK(is(ResolveSampling(nothing, {}), {0.3f, 0, 1.0f, 0.15f, 1.05f}));
  CHECK(is(ResolveSampling(nothing, {0.2f, 80, kUnset, kUnset, 1.05f}), {0.2f, 80, 1.0f, 0.0f, 1.05f}));
  CHECK(is(ResolveSampling(nothing, {0.1f, 50, 0.1f, kUnset, 1.05f}), {0.1f, 50, 0.1f, 0.0f, 1.05f}));
  // As llama.cpp's converter writes it into a GGUF file, which leaves the penalty out.
  CHECK(is(ResolveSampling(nothing, {0.2f, 80, kUnset, kUnset, kUnset}), {0.2f, 80, 1.0f, 0.0f, 1.05f}));
  // A model without a temperature, and one that is greedy.
  CHECK(is(ResolveSampling(nothing, {kUnset, 40, kUnset, kUnset, kUnset}), {0.3f, 40, 1.0f, 0.0f, 1.05f}));
  CHECK(is(ResolveSampling(nothing, {0.0f, kUnsetCount, kUnset, kUnset, 1.0f}), {0.0f, 0, 1.0f, 0.0f, 1.0f}));
  // What a program sets counts, whatever the model says: one thing, or everything.
  SamplerOptions warm = nothing;
  warm.temperature = 0.7f;
  CHECK(is(ResolveSampling(warm, {0.2f, 80, kUnset, kUnset, 1.05f}), {0.7f, 80, 1.0f, 0.0f, 1.05f}));
  CHECK(is(ResolveSampling(warm, {}), {0.7f, 0, 1.0f, 0.15f, 1.05f}));
  CHECK(is(ResolveSampling(Options(0.0f, 0, 1.0f, 0.0f, 1.0f, 9), {0.2f, 80, 0.5f, 0.1f, 1.5f}),
           {0.0f, 0, 1.0f, 0.0f, 1.0f}));
  // A sampler that is given a model follows it: the second likeliest is never drawn from one token.
  Draws draw(nothing);
  REQUIRE(draw.sampler.Configure(nothing, {100.0f, 1, kUnset, kUnset, 1.0f}).ok());
  for (int i = 0; i < 50; ++i) CHECK(draw({1.0f, 1.5f, 1.4f}) == 1);
}

TEST_CASE("a large vocabulary needs no more scratch than was said, at any address") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.0f, 3.0f);
  std::vector<float> logits(65536);
  for (float& l : logits) l = normal(random);
  for (const SamplerOptions& o : {Options(1.0f, 0, 0.95f, 0.0f, 1.1f, 1), Options(1.0f, 50, 1.0f, 0.0f, 1.1f, 1),
                                  Options(1.0f, 65535, 1.0f, 0.0f, 1.0f, 1), Options(50.0f, 0, 1.0f, 0.0f, 1.0f, 1)}) {
    const std::vector<double> p = Oracle(logits, {}, o);
    std::vector<std::byte> scratch(static_cast<size_t>(Sampler::ScratchBytes(logits.size())) + 3);
    int32_t first = -1;
    for (size_t offset = 0; offset < 4; ++offset) {
      Draws draw(o);
      int32_t token = -1;
      const Span<std::byte> part = Span<std::byte>(scratch).subspan(offset, scratch.size() - 3);
      REQUIRE(draw.sampler.Sample(logits, {}, part, &token).ok());
      CHECK(p[static_cast<size_t>(token)] > 0.0);
      if (offset == 0) first = token;
      CHECK(token == first);
    }
    Draws draw(o);
    int32_t token = -1;
    const Status status = draw.sampler.Sample(logits, {}, {scratch.data(), scratch.size() - 4}, &token);
    CHECK(status.code() == StatusCode::kArenaTooSmall);
    CHECK(status.limit() == Sampler::ScratchBytes(logits.size()));
  }
}

TEST_CASE("the integer exponential is within 2e-9 of the real one and never grows") {
  uint64_t last = uint64_t{1} << 40;
  CHECK(ExpWeight(0) == last);
  for (uint64_t x = 0; x < uint64_t{42} << 48; x += 12345678912345u) {
    const uint64_t weight = ExpWeight(x);
    const double exact = std::exp2(40.0 - static_cast<double>(x) / 281474976710656.0);
    if (weight > last || std::fabs(static_cast<double>(weight) - exact) > exact * 2e-9 + 1.0) FAIL_CHECK("at ", x);
    last = weight;
  }
}

TEST_CASE("fixed point from floats is exact where it fits") {
  CHECK(FixedFromFloat(1.0f, 40) == uint64_t{1} << 40);
  CHECK(FixedFromFloat(0.0f, 40) == 0);
  CHECK(FixedFromFloat(8192.0f, 40) == uint64_t{1} << 53);
  CHECK(FixedFromFloat(0.15f, 32) == 644245120);  // 0.1500000059604645 * 2^32 = 644245120
  CHECK(FixedFromFloat(1e-45f, 40) == 0);
  CHECK(FixedFromFloat(1e-45f, 63) == 0);
  CHECK(MulHigh(UINT64_MAX, UINT64_MAX) == UINT64_MAX - 1);
  CHECK(MulHigh(uint64_t{1} << 63, 6) == 3);
  CHECK(MulHigh(0x123456789abcdef0u, 0xfedcba9876543210u) == 0x121fa00ad77d7422u);
}

}  // namespace
}  // namespace lfm2::test
