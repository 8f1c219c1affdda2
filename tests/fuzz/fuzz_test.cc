// Every reader against a few thousand damaged inputs, the same ones each time: what long runs of libFuzzer (tools/fuzz)
// have established does not get lost unseen. Sanitizers make it sharper.
#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace {

using test::XorShift;

#ifndef LFM2_FUZZ_TEST_RUNS
#define LFM2_FUZZ_TEST_RUNS 3000
#endif
constexpr int kRunsPerTarget = LFM2_FUZZ_TEST_RUNS;

std::string Hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    for (const int shift : {4, 0}) text += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
  }
  return text;
}

void RunOne(const Target& target, const std::string& input) {
  std::string broken;
  try {
    target.run(input);
  } catch (const std::exception& e) {
    broken = e.what();
  }
  CHECK_MESSAGE(broken.empty(), std::string(target.name) << ": " << broken << "\ninput: " << Hex(input));
}

}  // namespace

TEST_CASE("no input makes a reader crash, read beyond its bytes, or accept what does not hold together") {
  for (const Target* target : AllTargets()) {
    SUBCASE(target->name) {
      const std::vector<std::string> seeds = target->seeds(), words = target->words();
      XorShift random(1);
      for (const std::string& seed : seeds) {
        CHECK(seed.size() <= target->max_bytes);
        RunOne(*target, seed);
      }
      for (int run = 0; run < kRunsPerTarget; ++run) {
        std::string input = seeds[random.Below(seeds.size())];
        for (uint64_t changes = 1 + random.Below(4); changes > 0; --changes)
          Mutate(*target, words, std::string(input), &random, &input);
        RunOne(*target, input);
      }
    }
  }
}

}  // namespace lfm2::fuzz
