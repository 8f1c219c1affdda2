// The angles of rotary embedding against double, for every position of the longest context that models are published
// with. If one of these fails, a model sees words in the wrong order in long chats.
#include "lfm2/layers/rope_table.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/kernels/test_values.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kPositions = 131072;

ModelConfig Rotary(uint32_t head_dim, float theta) {
  ModelConfig c;
  c.head_dim = head_dim;
  c.rope_theta = theta;
  return c;
}

double Exponent(const ModelConfig& c, uint32_t i) { return 2.0 * i / c.head_dim; }

// theta^(-2 i / head_dim).
double Frequency(const ModelConfig& c, uint32_t i) {
  return std::pow(static_cast<double>(c.rope_theta), -Exponent(c, i));
}

// Relative error of a frequency in floats: that of the exponent's rounding, which is multiplied by the logarithm of
// theta, two units in the last place of pow, and the rounding of the division.
double FrequencyError(const ModelConfig& c, uint32_t i) {
  return (std::log(static_cast<double>(c.rope_theta)) * Exponent(c, i) + 5) * kEpsilon;
}

}  // namespace

TEST_CASE("the frequencies of rotary embedding") {
  for (const uint32_t head_dim : {32u, 64u, 96u, 128u, 256u}) {
    for (const float theta : {10000.0f, 500000.0f, 1000000.0f, 10000000.0f}) {
      CAPTURE(head_dim);
      CAPTURE(theta);
      const ModelConfig c = Rotary(head_dim, theta);
      std::vector<float> frequency(head_dim / 2 + 1, kUntouched);
      FillRopeFrequency(c, frequency.data());
      Worst worst;
      for (uint32_t i = 0; i < head_dim / 2; ++i) {
        const double expected = Frequency(c, i);
        worst.Add(static_cast<double>(frequency[i]), expected, FrequencyError(c, i) * expected);
      }
      CHECK(worst.share() <= 1.0);
      CHECK(frequency[0] == 1.0f);
      CHECK(frequency[head_dim / 2] == kUntouched);
    }
  }
}

TEST_CASE("cosines and sines of every position up to 131,071") {
  // The first frequencies, which turn the farthest, and some of the others.
  const ModelConfig c = Rotary(64, 1000000.0f);
  constexpr uint32_t kOf[] = {0, 1, 2, 3, 8, 16, 24, 31};
  constexpr uint32_t kHalf = 8;
  float all[32], frequency[kHalf];
  FillRopeFrequency(c, all);
  for (uint32_t i = 0; i < kHalf; ++i) frequency[i] = all[kOf[i]];
  Worst of_float, of_formula;
  for (uint32_t position = 0; position < kPositions; ++position) {
    float cos_sin[2 * kHalf];
    FillRope(frequency, 2 * kHalf, position, cos_sin);
    for (uint32_t i = 0; i < kHalf; ++i) {
      const auto add = [&](Worst* worst, double angle, double angle_error) {
        // A cosine moves by no more than its angle; its own error is a unit in the last place.
        worst->Add(static_cast<double>(cos_sin[i]), std::cos(angle), angle_error + 2 * kEpsilon);
        worst->Add(static_cast<double>(cos_sin[kHalf + i]), std::sin(angle), angle_error + 2 * kEpsilon);
      };
      // The product of position and frequency is rounded once; the formula also differs by the frequency's roundings.
      const double float_angle = position * static_cast<double>(frequency[i]);
      add(&of_float, float_angle, float_angle * kEpsilon);
      const double angle = position * Frequency(c, kOf[i]);
      add(&of_formula, angle, angle * (FrequencyError(c, kOf[i]) + kEpsilon * 1.001));
    }
  }
  CHECK(of_float.share() <= 1.0);
  CHECK(of_formula.share() <= 1.0);
}

TEST_CASE("every dimension of a head at the first and the last positions, and no number beyond") {
  for (const uint32_t head_dim : {32u, 64u, 128u}) {
    CAPTURE(head_dim);
    std::vector<float> frequency(head_dim / 2), cos_sin(head_dim + 1, kUntouched);
    FillRopeFrequency(Rotary(head_dim, 1000000.0f), frequency.data());
    for (const uint32_t position : {0u, 1u, 65535u, 65536u, kPositions - 1}) {
      FillRope(frequency.data(), head_dim, position, cos_sin.data());
      Worst worst;
      for (uint32_t i = 0; i < head_dim / 2; ++i) {
        const double angle = position * static_cast<double>(frequency[i]);
        const double tolerance = (angle + 2) * kEpsilon;
        worst.Add(static_cast<double>(cos_sin[i]), std::cos(angle), tolerance);
        worst.Add(static_cast<double>(cos_sin[head_dim / 2 + i]), std::sin(angle), tolerance);
      }
      CHECK(worst.share() <= 1.0);
      CHECK(cos_sin[head_dim] == kUntouched);
    }
  }
}

}  // namespace lfm2::test
