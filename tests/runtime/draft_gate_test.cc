// Whether guessing pays: a gate that stays open costs a user speed in every chat that repeats nothing.
#include "lfm2/runtime/draft_gate.h"

#include <doctest/doctest.h>

#include <random>

namespace lfm2::test {
namespace {

// Decoding where a pass takes 1000 and each guess `extra` more, and repetitions foresee the next token with a chance of
// `right`. Time and passes of so many tokens.
struct Decoding {
  double ns = 0;
  double drafted = 0;
};
Decoding Run(DraftGate& gate, uint32_t tokens, double right, float extra, uint32_t match, uint32_t most,
             uint32_t seed = 1, float noise = 0.0f) {
  std::mt19937 random(seed);
  const auto chance = [&] { return static_cast<double>(random() % 100000) / 100000; };
  Decoding sum;
  for (uint32_t done = 0; done < tokens;) {
    const uint32_t k = gate.Choose(match, most);
    REQUIRE(k <= most);
    const float ns = 1000.0f * (1.0f + noise * static_cast<float>(chance() - 0.5)) + extra * static_cast<float>(k);
    sum.ns += static_cast<double>(ns);
    sum.drafted += k;
    if (k == 0) {
      gate.PlainPass(ns);
    } else {
      gate.DraftPass(k, ns);
    }
    ++done;
    for (uint32_t i = 0; i <= k; ++i) {
      const bool is_right = chance() < right;
      gate.Learn(match + i, is_right);
      if (!is_right || i == k) break;
      gate.Accept();
      ++done;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("nothing is guessed before some passes were timed, nor where nothing is repeated") {
  DraftGate gate;
  for (int i = 0; i < 8; ++i) {
    CHECK(gate.Choose(8, 8) == 0);
    gate.PlainPass(1000);
  }
  CHECK(gate.Choose(0, 8) == 0);
  CHECK(gate.Choose(8, 0) == 0);
  CHECK(gate.Choose(8, 8) > 0);
}

TEST_CASE("guesses that come true are made, the longer the cheaper they are") {
  for (const float extra : {0.0f, 50.0f, 200.0f}) {
    DraftGate gate;
    const Decoding all = Run(gate, 400, 0.95, extra, 6, 8);
    CAPTURE(all.ns);
    // Twice as fast at least, where 8 guesses at 0.95 give 7.4 tokens for up to 2.6 passes.
    CHECK(all.ns < 400 * 1000.0 / 2);
  }
}

TEST_CASE("guesses that fail, or cost more than they save, take no more than 2 % of the time") {
  for (const uint32_t tokens : {150u, 1000u, 10000u}) {
    for (const float extra : {100.0f, 300.0f, 700.0f, 1500.0f}) {
      for (const double right : {0.0, 0.05, 0.2}) {
        for (uint32_t seed = 1; seed <= 5; ++seed) {
          DraftGate gate;
          const Decoding all = Run(gate, tokens, right, extra, 1 + seed, 8, seed);
          CAPTURE(tokens);
          CAPTURE(extra);
          CAPTURE(right);
          CHECK(all.ns <= tokens * 1000.0 / 0.98 + 2500);
        }
      }
    }
  }
}

TEST_CASE("times that jump by half do not open the gate for guesses that fail") {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    DraftGate gate;
    const Decoding all = Run(gate, 5000, 0.1, 300.0f, 3, 8, seed, 0.5f);
    CHECK(all.ns <= 5000 * 1000.0 / 0.975);
  }
}

TEST_CASE("passes that waited for the weights' pages do not make guesses look cheap") {
  DraftGate gate;
  for (int i = 0; i < 3; ++i) gate.PlainPass(100000);
  const Decoding all = Run(gate, 200, 0.1, 700.0f, 3, 8);
  CHECK(all.ns <= 200 * 1000.0 / 0.98 + 2500);
}

TEST_CASE("a gate that has closed opens again when the text begins to repeat itself") {
  DraftGate gate;
  Run(gate, 3000, 0.0, 200.0f, 4, 8);
  const Decoding later = Run(gate, 2000, 0.95, 200.0f, 4, 8);
  CHECK(later.ns < 2000 * 1000.0 / 1.5);
}

TEST_CASE("a cost that was measured once too high is measured again") {
  DraftGate gate;
  for (int i = 0; i < 8; ++i) gate.PlainPass(1000);
  for (uint32_t k = 1; k <= kMaxDraftTokens; ++k) gate.DraftPass(k, 1000 + 5000.0f * static_cast<float>(k));
  CHECK(gate.Choose(8, 8) == 0);
  const Decoding later = Run(gate, 40000, 0.95, 100.0f, 8, 8);
  CHECK(later.drafted > 0);
}

}  // namespace lfm2::test
