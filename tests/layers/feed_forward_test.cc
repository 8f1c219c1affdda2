// The mixture of experts, computed expert by expert for a whole chunk, against its definition: token by token, expert
// by expert, in double.
#include "lfm2.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lfm2/layers/feed_forward.h"
#include "lfm2/posix/thread_pool.h"
#include "tests/layers/test_layer.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

std::vector<float> NormalRows(uint32_t tokens, uint32_t hidden, uint64_t seed) {
  return Random(seed).Normals(size_t{tokens} * hidden);
}

// m[rows, cols] . x[cols] in double.
std::vector<double> Product(const Matrix& m, const std::vector<double>& x) {
  std::vector<double> out(m.rows);
  std::vector<float> row(m.cols);
  for (uint32_t r = 0; r < m.rows; ++r) {
    DequantizeRow(m, r, row.data());
    for (uint32_t c = 0; c < m.cols; ++c) out[r] += static_cast<double>(row[c]) * x[c];
  }
  return out;
}

// down(silu(gate(x)) * up(x)).
std::vector<double> SwiGlu(const Matrix& gate, const Matrix& up, const Matrix& down, const std::vector<double>& x) {
  const std::vector<double> g = Product(gate, x), u = Product(up, x);
  std::vector<double> act(g.size());
  for (size_t i = 0; i < g.size(); ++i) act[i] = g[i] / (1 + std::exp(-g[i])) * u[i];
  return Product(down, act);
}

// The layer's output for one token, as the model's definition states it.
std::vector<double> NaiveMoe(const Image& image, const LayerWeights& weights, uint32_t layer, const float* normed) {
  const ModelConfig& c = image.config();
  const std::vector<double> x(normed, normed + c.hidden_size);
  const std::vector<double> logits = Product(weights.router, x);
  std::vector<double> sigmoid(c.experts);
  std::vector<uint32_t> order(c.experts);
  for (uint32_t e = 0; e < c.experts; ++e) {
    sigmoid[e] = 1 / (1 + std::exp(-logits[e]));
    order[e] = e;
  }
  const auto score = [&](uint32_t e) { return sigmoid[e] + static_cast<double>(weights.expert_bias[e]); };
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return score(a) > score(b); });
  double sum = 0;
  for (uint32_t r = 0; r < c.experts_per_token; ++r) sum += sigmoid[order[r]];
  std::vector<double> out(c.hidden_size);
  for (uint32_t r = 0; r < c.experts_per_token; ++r) {
    const uint8_t* record = image.Record(layer - c.dense_layers, order[r]);
    const std::vector<double> y =
        SwiGlu(weights.expert_gate.In(record), weights.expert_up.In(record), weights.expert_down.In(record), x);
    const double share = sigmoid[order[r]] / (sum + 1e-6) * static_cast<double>(c.routed_scaling_factor);
    for (uint32_t i = 0; i < c.hidden_size; ++i) out[i] += share * y[i];
  }
  return out;
}

// delta[tokens, hidden] of one feed forward.
std::vector<float> Run(const KernelTable& kernels, const Image& image, uint32_t layer, const std::vector<float>& normed,
                       const Executor* executor = nullptr, const Observer* observer = nullptr) {
  const ModelConfig& c = image.config();
  const uint32_t tokens = static_cast<uint32_t>(normed.size() / c.hidden_size);
  const BoundWeights bound(image);
  const LayerMemory memory(c, tokens);
  std::copy(normed.begin(), normed.end(), memory.workspace().normed);
  const LayerContext ctx{c, memory.workspace(), executor, observer, nullptr, nullptr, 5, tokens};
  if (c.is_moe_layer(layer)) {
    CHECK(MoeFeedForward(kernels, ctx, bound.layers.data(), image, layer).ok());
  } else {
    DenseFeedForward(kernels, ctx, bound.layers[layer]);
  }
  const float* delta = memory.workspace().delta;
  return std::vector<float>(delta, delta + normed.size());
}

// Mean squared error over mean square.
double Nmse(const std::vector<float>& values, const std::vector<double>& expected) {
  double error = 0, square = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double e = static_cast<double>(values[i]) - expected[i];
    error += e * e;
    square += expected[i] * expected[i];
  }
  return error / square;
}

const TestModel& Moe256() {
  static const TestModel model(std::string(LFM2_TEST_DATA) + "/gguf/moe-256-Q4_K_M.gguf");
  return model;
}
const TestModel& MoeOdd() {
  static const TestModel model(std::string(LFM2_TEST_DATA) + "/gguf/moe-odd-Q4_0.gguf");
  return model;
}

uint32_t FirstMoeLayer(const ModelConfig& c) { return c.dense_layers; }

}  // namespace

TEST_CASE("every feed forward is its definition: exactly with float activations, closely with quantised ones") {
  for (const TestModel* model : {&Moe256(), &MoeOdd(), &Home()}) {
    const Image& image = model->image();
    const ModelConfig& c = image.config();
    CAPTURE(c.hidden_size);
    const BoundWeights bound(image);
    for (uint32_t layer = 0; layer < c.layers; ++layer) {
      CAPTURE(layer);
      const uint32_t tokens = 5;
      const std::vector<float> normed = NormalRows(tokens, c.hidden_size, layer + 1);
      const LayerWeights& w = bound.layers[layer];
      std::vector<double> expected;
      for (uint32_t t = 0; t < tokens; ++t) {
        const float* x = normed.data() + t * c.hidden_size;
        const std::vector<double> row = c.is_moe_layer(layer)
                                            ? NaiveMoe(image, w, layer, x)
                                            : SwiGlu(w.ffn_gate, w.ffn_up, w.ffn_down, {x, x + c.hidden_size});
        expected.insert(expected.end(), row.begin(), row.end());
      }
      CHECK(Nmse(Run(kReferenceKernels, image, layer, normed), expected) < 1e-12);
      // Eight bits: the activations' rounding has an NMSE of about (2 * max / rms / 254)^2 / 12, some 3e-5, twice over.
      CHECK(Nmse(Run(Simd(), image, layer, normed), expected) < 2e-4);
    }
  }
}

TEST_CASE("a token's output is the same bits alone, in any chunk, and with any executor") {
  posix::ThreadPool pool;
  LFM2_REQUIRE_OK(pool.Open(3));
  for (const TestModel* model : {&Moe256(), &MoeOdd()}) {
    const Image& image = model->image();
    const ModelConfig& c = image.config();
    for (const uint32_t layer : {0u, FirstMoeLayer(c)}) {
      const uint32_t tokens = 37;
      const std::vector<float> normed = NormalRows(tokens, c.hidden_size, 99);
      const std::vector<float> whole = Run(Simd(), image, layer, normed);
      CHECK(Run(Simd(), image, layer, normed, pool.executor()) == whole);
      for (const uint32_t chunk : {1u, 2u, 16u}) {
        CAPTURE(chunk);
        std::vector<float> pieces;
        for (uint32_t t = 0; t < tokens; t += chunk) {
          const auto begin = normed.begin() + t * c.hidden_size;
          const auto end = normed.begin() + Min(t + chunk, tokens) * c.hidden_size;
          const std::vector<float> out = Run(Simd(), image, layer, {begin, end});
          pieces.insert(pieces.end(), out.begin(), out.end());
        }
        CHECK(pieces == whole);
      }
    }
  }
}

TEST_CASE("the observer sees each token's experts and weights, in order, with its position and layer") {
  const Image& image = Moe256().image();
  const ModelConfig& c = image.config();
  const uint32_t layer = FirstMoeLayer(c), tokens = 6;
  struct Seen {
    const ModelConfig* config;
    uint32_t layer;
    std::vector<uint32_t> positions;
    bool right = true;
  } seen{&c, layer, {}};
  Observer observer;
  observer.context = &seen;
  observer.routing = [](void* context, uint32_t l, uint32_t position, const uint16_t* experts, const float* weights) {
    Seen& s = *static_cast<Seen*>(context);
    s.positions.push_back(position);
    s.right = s.right && l == s.layer;
    float sum = 0.0f;
    for (uint32_t r = 0; r < s.config->experts_per_token; ++r) {
      s.right = s.right && experts[r] < s.config->experts && weights[r] > 0.0f;
      sum += weights[r];
    }
    s.right = s.right && std::fabs(sum - s.config->routed_scaling_factor) < 1e-4f;
  };
  Run(Simd(), image, layer, NormalRows(tokens, c.hidden_size, 7), nullptr, &observer);
  CHECK(seen.right);
  CHECK(seen.positions == std::vector<uint32_t>{5, 6, 7, 8, 9, 10});
}

}  // namespace lfm2::test
