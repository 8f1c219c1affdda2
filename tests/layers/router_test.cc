// Which experts a token goes to, with which weights, and the order in which experts meet their tokens. A mistake here
// sends tokens to the wrong experts: the model still answers, only worse.
#include "lfm2/layers/router.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/layers/test_layer.h"

namespace lfm2::test {
namespace {

ModelConfig Experts(uint32_t experts, uint32_t per_token, float factor = 1.0f) {
  ModelConfig c;
  c.experts = experts;
  c.experts_per_token = per_token;
  c.routed_scaling_factor = factor;
  return c;
}

double Sigmoid(float x) { return 1 / (1 + std::exp(-static_cast<double>(x))); }

// All experts, best first: the largest sigmoid + bias, ties to the lower number.
std::vector<uint32_t> Ranking(const std::vector<float>& logits, const std::vector<float>& bias) {
  std::vector<uint32_t> order(logits.size());
  for (uint32_t e = 0; e < order.size(); ++e) order[e] = e;
  const auto score = [&](uint32_t e) { return Sigmoid(logits[e]) + static_cast<double>(bias[e]); };
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return score(a) > score(b); });
  return order;
}

// Checks the choice for one token against the formula in double. Scores that differ must differ by more than the error
// of floats.
void CheckChoice(const ModelConfig& c, const std::vector<float>& logits, const std::vector<float>& bias) {
  std::vector<float> scores = logits, weights(c.experts_per_token + 1, -1.0f);
  std::vector<uint16_t> chosen(c.experts_per_token + 1, 9999);
  CHECK(ChooseExperts(c, scores.data(), bias.data(), chosen.data(), weights.data()));
  const std::vector<uint32_t> ranking = Ranking(logits, bias);
  double sum = 0;
  for (uint32_t r = 0; r < c.experts_per_token; ++r) sum += Sigmoid(logits[ranking[r]]);
  bool right = chosen[c.experts_per_token] == 9999 && weights[c.experts_per_token] == -1.0f;
  for (uint32_t r = 0; r < c.experts_per_token; ++r) {
    const double expected = Sigmoid(logits[ranking[r]]) / (sum + 1e-6) * static_cast<double>(c.routed_scaling_factor);
    right = right && chosen[r] == ranking[r];
    right = right && std::fabs(static_cast<double>(weights[r]) - expected) <= 2e-6 * expected + kSmallestNormal;
  }
  for (uint32_t e = 0; e < c.experts; ++e) {
    right = right && std::fabs(static_cast<double>(scores[e]) - Sigmoid(logits[e])) <=
                         1e-6 * Sigmoid(logits[e]) + kSmallestNormal;
  }
  CHECK(right);
}

// Whether any two scores are equal, or further apart than the error of floats.
bool AreSeparate(const std::vector<float>& logits, const std::vector<float>& bias) {
  for (size_t a = 0; a < logits.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      const double gap =
          Sigmoid(logits[a]) + static_cast<double>(bias[a]) - Sigmoid(logits[b]) - static_cast<double>(bias[b]);
      const bool same = logits[a] == logits[b] && bias[a] == bias[b];
      if (!same && std::fabs(gap) < 1e-5) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("the experts with the largest sigmoid plus bias, weighted by the sigmoid without it") {
  Random random(1);
  for (const auto& shape : {std::pair<uint32_t, uint32_t>{32, 4}, {64, 4}, {7, 3}, {2, 2}, {1, 1}, {16, 16}}) {
    CAPTURE(shape.first);
    for (const float factor : {1.0f, 2.5f}) {
      for (int trial = 0; trial < 50; ++trial) {
        std::vector<float> logits, bias;
        do {
          logits = random.Normals(shape.first);
          bias = random.Normals(shape.first);
        } while (!AreSeparate(logits, bias));
        CheckChoice(Experts(shape.first, shape.second, factor), logits, bias);
        CheckChoice(Experts(shape.first, shape.second, factor), logits, std::vector<float>(shape.first));
      }
    }
  }
}

TEST_CASE("equal scores go to the lower number") {
  CheckChoice(Experts(8, 4), std::vector<float>(8, 0.5f), std::vector<float>(8));
  CheckChoice(Experts(8, 4), {1, 2, 2, 1, 3, 2, 1, 2}, std::vector<float>(8, 0.25f));
  CheckChoice(Experts(8, 3), {-1, -1, -1, 0, 0, 0, 0, -1}, {0, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("a bias affects which experts are chosen and not their weights") {
  // Expert 3 is the worst by far, and chosen for its bias; its weight is its own small sigmoid.
  CheckChoice(Experts(4, 2), {2.0f, 1.0f, 0.0f, -6.0f}, {0.0f, 0.0f, 0.0f, 5.0f});
}

TEST_CASE("the 1e-6 under the sum counts where all sigmoids are small") {
  CheckChoice(Experts(4, 2), {-13.0f, -12.0f, -14.0f, -12.5f}, {0.0f, 0.0f, 0.0f, 0.0f});
}

TEST_CASE("extreme logits: saturated sigmoids, and all of them zero") {
  CheckChoice(Experts(4, 2), {-100.0f, 100.0f, -100.0f, -100.0f}, {0.0f, 0.0f, 0.5f, 0.0f});
}

TEST_CASE("with infinities and NaNs as logits or biases the chosen experts are valid, and they are reported") {
  const ModelConfig c = Experts(4, 2);
  const auto check = [&](std::vector<float> logits, const std::vector<float>& bias) {
    std::vector<float> weights(2);
    uint16_t chosen[2] = {9999, 9999};
    CHECK(!ChooseExperts(c, logits.data(), bias.data(), chosen, weights.data()));
    CHECK((chosen[0] < 4 && chosen[1] < 4 && chosen[0] != chosen[1]));
  };
  const std::vector<float> numbers = {1.0f, -2.0f, 0.5f, 3.0f};
  const std::vector<std::vector<float>> bad = {{NAN, NAN, NAN, NAN},
                                               {1.0f, NAN, 2.0f, NAN},
                                               {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
                                               {INFINITY, -INFINITY, NAN, 0.0f}};
  for (const std::vector<float>& values : bad) {
    check(values, numbers);
    check(numbers, values);
    check(values, values);
  }
  for (const float value : {NAN, -NAN, INFINITY, -INFINITY}) {
    for (size_t e = 0; e < 4; ++e) {
      std::vector<float> one = numbers;
      one[e] = value;
      check(one, numbers);
      check(numbers, one);
    }
  }
  // Opposite infinities must not cancel.
  check({INFINITY, 0.0f, 0.0f, 0.0f}, {-INFINITY, 0.0f, 0.0f, 0.0f});
}

TEST_CASE(
    "grouping: every assignment once, in its expert's range, tokens in order; active experts are those with any") {
  Random random(2);
  for (const auto& shape : {std::pair<uint32_t, uint32_t>{32, 4}, {7, 3}, {64, 8}, {1, 1}, {4, 4}}) {
    for (const uint32_t tokens : {1u, 2u, 13u, 128u}) {
      CAPTURE(shape.first);
      CAPTURE(tokens);
      ModelConfig c = Experts(shape.first, shape.second);
      c.hidden_size = c.head_dim = c.expert_ff_size = 32;
      c.heads = c.kv_heads = 1;
      const LayerMemory memory(c, tokens);
      const Workspace::Experts& moe = memory.workspace().moe;
      // Skewed towards low numbers, so that some experts have no token.
      for (uint32_t t = 0; t < tokens; ++t) {
        for (uint32_t r = 0; r < c.experts_per_token;) {
          const float u = random.Uniform(0.0f, 1.0f);
          const uint16_t expert = static_cast<uint16_t>(u * u * static_cast<float>(c.experts));
          uint16_t* mine = moe.chosen + t * c.experts_per_token;
          if (std::find(mine, mine + r, expert) == mine + r) mine[r++] = expert;
        }
      }
      const LayerContext ctx{c, memory.workspace(), nullptr, nullptr, nullptr, nullptr, 0, tokens};
      const uint32_t active = GroupByExpert(ctx), assignments = tokens * c.experts_per_token;
      CHECK((moe.offset[0] == 0 && moe.offset[c.experts] == assignments));
      std::vector<uint32_t> expected_active;
      for (uint32_t e = 0; e < c.experts; ++e) {
        REQUIRE(moe.offset[e] <= moe.offset[e + 1]);
        if (moe.offset[e] < moe.offset[e + 1]) expected_active.push_back(e);
        for (uint32_t i = moe.offset[e] + 1; i < moe.offset[e + 1]; ++i) REQUIRE(moe.token[i - 1] < moe.token[i]);
      }
      CHECK(std::vector<uint32_t>(moe.active, moe.active + active) == expected_active);
      std::vector<int> used(assignments);
      bool right = true;
      for (uint32_t a = 0; a < assignments; ++a) {
        const uint32_t slot = moe.slot[a], expert = moe.chosen[a];
        REQUIRE(slot < assignments);
        ++used[slot];
        right = right && slot >= moe.offset[expert] && slot < moe.offset[expert + 1];
        right = right && moe.token[slot] == a / c.experts_per_token;
      }
      for (const int n : used) right = right && n == 1;
      CHECK(right);
    }
  }
}

}  // namespace lfm2::test
