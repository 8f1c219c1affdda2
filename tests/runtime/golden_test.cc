// Every model file against an exact engine: Hugging Face transformers in float32 over the same weights. If one of these
// fails, the library gives a user wrong answers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/runtime/golden_models.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

SessionOptions OptionsFor(size_t tokens) {
  SessionOptions options;
  options.context_length = static_cast<uint32_t>(tokens);
  return options;
}

std::vector<std::vector<float>> ReferenceLogits(const Image& image, const std::vector<int32_t>& ids,
                                                const Observer* observer = nullptr) {
  SessionOptions options = OptionsFor(ids.size());
  options.kv_cache = KvCacheType::kF32;
  options.kernels = ReferenceKernelTable();
  OpenSession open(image, options);
  open.session->SetObserver(observer);
  return AllLogits(*open.session, ids);
}

// hidden[tokens][hidden_size] after the final norm.
std::vector<float> ReferenceHidden(const Image& image, const std::vector<int32_t>& ids) {
  SessionOptions options = OptionsFor(ids.size());
  options.kv_cache = KvCacheType::kF32;
  options.kernels = ReferenceKernelTable();
  OpenSession open(image, options);
  std::vector<float> rows;
  LFM2_REQUIRE_OK(open.session->PrefillHidden({ids.data(), ids.size()}, [&](uint32_t, Span<const float> hidden) {
    rows.insert(rows.end(), hidden.begin(), hidden.end());
  }));
  return rows;
}

// What the unquantised model shows of itself on its way through the layers.
struct Trace {
  std::vector<std::vector<float>> hidden;                   // [layer][tokens * hidden_size]
  std::vector<std::vector<std::vector<uint16_t>>> experts;  // [MoE layer][token][rank]
  std::vector<std::vector<std::vector<float>>> weights;
  const ModelConfig* config = nullptr;
};

Observer Watch(Trace* trace) {
  Observer observer;
  observer.context = trace;
  observer.hidden = [](void* context, uint32_t layer, uint32_t position, uint32_t tokens, const float* x) {
    Trace& t = *static_cast<Trace*>(context);
    REQUIRE(position == 0);
    REQUIRE(layer == t.hidden.size());
    t.hidden.emplace_back(x, x + size_t{tokens} * t.config->hidden_size);
  };
  observer.routing = [](void* context, uint32_t layer, uint32_t position, const uint16_t* experts,
                        const float* weights) {
    Trace& t = *static_cast<Trace*>(context);
    const size_t m = layer - t.config->dense_layers;
    t.experts.resize(t.config->moe_layers());
    t.weights.resize(t.config->moe_layers());
    REQUIRE(position == t.experts[m].size());
    t.experts[m].emplace_back(experts, experts + t.config->experts_per_token);
    t.weights[m].emplace_back(weights, weights + t.config->experts_per_token);
  };
  return observer;
}

double Nmse(const float* got, const float* want, size_t n) {
  double error = 0, power = 0;
  for (size_t i = 0; i < n; ++i) {
    const double golden_value = static_cast<double>(want[i]);
    error += std::pow(static_cast<double>(got[i]) - golden_value, 2);
    power += std::pow(golden_value, 2);
  }
  return error / power;
}

TEST_CASE("the scalar oracle gives the exact logits of every file") {
  for (const GoldenModel& model : GoldenModels()) {
    CAPTURE(model.label);
    const TestModel packed(model.source);
    const std::vector<int32_t> ids = ReadJsonFile(model.golden + ".json")["prompt"];
    const NpyArray golden = ReadNpy(model.golden + ".logits.npy");
    const auto logits = ReferenceLogits(packed.image(), ids);
    REQUIRE(golden.shape == std::vector<size_t>{logits.size(), logits[0].size()});
    for (size_t t = 0; t < logits.size(); ++t) {
      CAPTURE(t);
      const float* want = golden.values.data() + t * logits[t].size();
      CHECK(Nmse(logits[t].data(), want, logits[t].size()) <= 1e-8);
      CHECK(std::max_element(logits[t].begin(), logits[t].end()) - logits[t].begin() ==
            std::max_element(want, want + logits[t].size()) - want);
    }
  }
}

TEST_CASE(
    "the default path's error is the recorded share of llama.cpp's, at most 1.35 of it for a GGUF file and 1 for "
    "MLX's, "
    "and 0.7 over all quantised GGUF files") {
  // A file that is compared for the first time needs a line there: the ratio that is printed.
  const nlohmann::json recorded = ReadJsonFile(std::string(LFM2_TEST_DATA) + "/golden/error-ratio.json");
  double log_sum = 0;
  int quantized = 0;
  for (const GoldenModel& model : GoldenModels()) {
    CAPTURE(model.label);
    const TestModel packed(model.source);
    const std::vector<int32_t> ids = ReadJsonFile(model.golden + ".json")["prompt"];
    OpenSession open(packed.image(), OptionsFor(ids.size()));
    const double error = LogitsError(AllLogits(*open.session, ids), ReadNpy(model.golden + ".logits.npy"));
    const double ratio = error / model.peer_error;
    const bool mlx = model.label.find(" mlx-") != std::string::npos, exact = !model.hidden.empty();
    std::printf("%-16s error %.3e, of llama.cpp's %.4g\n", model.label.c_str(), error, ratio);
    CHECK(ratio <= (mlx ? 1.0 : 1.35));
    // The error of an unquantised file is that of sums of floats, whose order depends on the instruction set.
    CHECK(ratio <= recorded.value(model.label, 0.0) * (exact ? 2.0 : 1.05));
    // Unquantised files, where the ratio is next to nothing, would hide all others in the mean.
    if (mlx || exact) continue;
    log_sum += std::log(ratio);
    ++quantized;
  }
  REQUIRE(quantized > 0);
  CHECK(std::exp(log_sum / quantized) <= 0.7);
}

TEST_CASE("a key/value cache of int8 adds at most half to the error") {
  for (const GoldenModel& model : GoldenModels()) {
    CAPTURE(model.label);
    const TestModel packed(model.source);
    const std::vector<int32_t> ids = ReadJsonFile(model.golden + ".json")["prompt"];
    const NpyArray golden = ReadNpy(model.golden + ".logits.npy");
    SessionOptions options = OptionsFor(ids.size());
    OpenSession half(packed.image(), options);
    options.kv_cache = KvCacheType::kInt8;
    OpenSession int8(packed.image(), options);
    const double error = LogitsError(AllLogits(*half.session, ids), golden);
    const double int8_error = LogitsError(AllLogits(*int8.session, ids), golden);
    std::printf("%-16s error with an int8 cache %.3e, of that with F16 %.3f, of llama.cpp's %.3f\n",
                model.label.c_str(), int8_error, int8_error / error, int8_error / model.peer_error);
    // Where nothing else is quantised there is no error to add to: there it is the rounding of values to 1/127 of the
    // largest, whose mean square is (1/127)^2 / 12.
    CHECK(int8_error <= (model.hidden.empty() ? 1.5 * error : 1.0 / (127 * 127 * 12)));
  }
}

TEST_CASE("hidden states and routed experts of the unquantised models are transformers'") {
  for (const GoldenModel& model : GoldenModels()) {
    if (model.hidden.empty()) continue;
    CAPTURE(model.label);
    const TestModel packed(model.source);
    const ModelConfig& config = packed.config();
    const nlohmann::json golden = ReadJsonFile(model.hidden + ".json");
    const NpyArray hidden = ReadNpy(model.hidden + ".hidden.npy");
    Trace trace;
    trace.config = &config;
    const Observer observer = Watch(&trace);
    const std::vector<int32_t> ids = golden["prompt"];
    ReferenceLogits(packed.image(), ids, &observer);
    // The first wrong layer is the one to look at: later ones only carry it on.
    for (uint32_t layer = 0; layer <= config.layers; ++layer) {
      CAPTURE(layer);
      std::vector<float> got = trace.hidden[layer];
      if (layer == config.layers) got = ReferenceHidden(packed.image(), ids);  // the golden one is after the final norm
      REQUIRE(Nmse(got.data(), hidden.values.data() + layer * got.size(), got.size()) <= 1e-8);
      if (layer < config.layers && config.is_moe_layer(layer)) {
        const uint32_t m = layer - config.dense_layers;
        const nlohmann::json& router = golden["router"][m];
        CHECK(trace.experts[m] == router["experts"].get<std::vector<std::vector<uint16_t>>>());
        const auto weights = router["weights"].get<std::vector<std::vector<float>>>();
        for (size_t t = 0; t < ids.size(); ++t) {
          for (size_t r = 0; r < weights[t].size(); ++r) {
            CHECK(trace.weights[m][t][r] == doctest::Approx(static_cast<double>(weights[t][r])).epsilon(1e-4));
          }
        }
      }
    }
  }
}

TEST_CASE("home's greedy tokens are the golden ones up to the first close call, and its perplexity is theirs") {
  const nlohmann::json golden = ReadJsonFile(std::string(LFM2_TEST_DATA) + "/golden/home-Q4_0.json");
  const std::vector<int32_t> prompt = golden["prompt"], greedy = golden["greedy"], text = golden["long_prompt"];
  const std::vector<double> margins = golden["greedy_margin"];
  OpenSession open(Home().image(), OptionsFor(text.size()));
  LFM2_REQUIRE_OK(open.session->Prefill({prompt.data(), prompt.size()}));
  size_t compared = 0;
  for (size_t i = 0; i < greedy.size() && margins[i] >= 0.3; ++i, ++compared) {
    const Span<const float> logits = open.session->logits();
    const int32_t best = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    CHECK(best == greedy[i]);
    LFM2_REQUIRE_OK(open.session->Decode(best));
  }
  CHECK(compared > 0);

  open.session->Reset();
  const auto logits = AllLogits(*open.session, text);
  double nll = 0;
  for (size_t t = 0; t + 1 < text.size(); ++t) {
    double sum = 0;
    for (const float v : logits[t]) sum += std::exp(static_cast<double>(v));
    nll += std::log(sum) - static_cast<double>(logits[t][static_cast<size_t>(text[t + 1])]);
  }
  const double perplexity = std::exp(nll / static_cast<double>(text.size() - 1));
  CHECK(perplexity == doctest::Approx(golden["long_prompt_perplexity"].get<double>()).epsilon(0.001));
}

}  // namespace
}  // namespace lfm2::test
