// Log probabilities are compared between answers and with other engines': they are the softmax, to what a float holds.
#include "lfm2/text/log_probability.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace lfm2::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The definition, in 64 bits or more of mantissa.
long double Expected(const std::vector<float>& logits, size_t token) {
  long double best = -std::numeric_limits<long double>::infinity(), sum = 0;
  for (const float x : logits) best = std::max(best, static_cast<long double>(x));
  for (const float x : logits) sum += std::exp(static_cast<long double>(x) - best);
  return static_cast<long double>(logits[token]) - best - std::log(sum);
}

// Exponentials are rounded down to multiples of 2^-40 and are else good to 1e-8; rounding to float is half a unit in
// the last place, 2^-24 of the value.
void CheckToken(const std::vector<float>& logits, size_t token) {
  const long double expected = Expected(logits, token);
  const float got = LogProbability(logits, static_cast<int32_t>(token));
  CAPTURE(got);
  CAPTURE(static_cast<double>(expected));
  CHECK(std::abs(static_cast<long double>(got) - expected) <=
        1e-8L + static_cast<long double>(logits.size()) * 0x1p-40L + std::abs(expected) * 0x1p-24L);
}

TEST_CASE("it is the logarithm of the softmax, for vocabularies and logits of every size") {
  std::mt19937 random(11);
  for (const size_t size : {size_t{1}, size_t{2}, size_t{3}, size_t{100}, size_t{1314}, size_t{65536}}) {
    for (const float scale : {1e-6f, 0.1f, 1.0f, 4.0f, 30.0f, 3000.0f, 200000.0f}) {
      std::normal_distribution<float> normal(scale / 3, scale);
      std::vector<float> logits(size);
      for (float& x : logits) x = normal(random);
      CheckToken(logits, 0);
      CheckToken(logits, static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
      for (int i = 0; i < 3; ++i) CheckToken(logits, random() % size);
    }
  }
}

TEST_CASE("many equal tokens, and many unlikely ones next to a likely one, are all counted") {
  for (const size_t size : {size_t{2}, size_t{65536}, size_t{1} << 22}) {
    std::vector<float> logits(size, -3.25f);
    CHECK(LogProbability(logits, 1) == doctest::Approx(-std::log(static_cast<double>(size))).epsilon(1e-7));
    logits[0] = 12.0f;  // the others together have 4,194,303 * e^-15.25, about 1
    CheckToken(logits, 0);
    CheckToken(logits, 1);
  }
}

TEST_CASE("tokens that are forbidden have no part in it, and no probability") {
  const float lowest = std::numeric_limits<float>::lowest();
  const std::vector<float> logits = {1.0f, -kInfinity, 1.0f, lowest};
  CHECK(LogProbability(logits, 0) == doctest::Approx(-std::log(2.0)).epsilon(1e-7));
  CHECK(LogProbability(logits, 1) == -kInfinity);
  CHECK(LogProbability(logits, 3) == -kInfinity);
  const std::vector<float> alone = {-kInfinity, -70.0f};
  CHECK(LogProbability(alone, 1) == 0.0f);
}

TEST_CASE("what is not a distribution or not a token gives a NaN, never a number") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(LogProbability(std::vector<float>{0.0f, nan}, 0)));
  CHECK(std::isnan(LogProbability(std::vector<float>{0.0f, kInfinity}, 0)));
  CHECK(std::isnan(LogProbability(std::vector<float>{-kInfinity, -kInfinity}, 0)));
  CHECK(std::isnan(LogProbability(std::vector<float>{0.0f, 1.0f}, 2)));
  CHECK(std::isnan(LogProbability(std::vector<float>{0.0f, 1.0f}, -1)));
  CHECK(std::isnan(LogProbability({}, 0)));
}

TEST_CASE("the base 2 logarithm is that of powers and of everything between them") {
  for (uint32_t bit = 0; bit < 64; ++bit) CHECK(Log2(uint64_t{1} << bit) == uint64_t{bit} << 32);
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t value = random() >> (random() % 64);
    if (value == 0) continue;
    const long double got = static_cast<long double>(Log2(value)) * 0x1p-32L;
    const long double expected = std::log2(static_cast<long double>(value));
    CHECK((got <= expected && got >= expected - 0x1p-31L));
  }
}

}  // namespace
}  // namespace lfm2::test
