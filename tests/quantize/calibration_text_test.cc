// The conversion of a text to calibration sequences.
#include "programs/quantize/calibration_text.h"

#include <doctest/doctest.h>

#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;

// Of the vocabulary that ships: a text has at most one token per byte.
Sequences Ids(const std::string& text, uint32_t tokens, uint32_t length) {
  Sequences sequences;
  const tools::Error error = tools::CalibrationIds(Home().image().vocab(), text, tokens, length, &sequences);
  INFO(error.text());
  REQUIRE(error.ok());
  return sequences;
}

// Ids of the whole text, without the begin tokens of the sequences.
std::vector<int32_t> Joined(const Sequences& sequences) {
  std::vector<int32_t> ids;
  for (const auto& s : sequences) ids.insert(ids.end(), s.begin() + 1, s.end());
  return ids;
}

}  // namespace

TEST_CASE("a text shorter than a sequence becomes one sequence after the begin token") {
  const Sequences one = Ids("Turn on the light.", 1000, 512);
  REQUIRE(one.size() == 1);
  CHECK(one[0][0] == Home().image().vocab().bos());
  CHECK(one[0].size() > 4);
}

TEST_CASE("a longer one is cut into sequences without losing tokens, up to the requested number") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "Turn on the light in room " + std::to_string(i) + ".\n";
  const std::vector<int32_t> all = Joined(Ids(text, 1u << 20, 1u << 20));
  REQUIRE(all.size() > 500);
  for (const uint32_t length : {2u, 7u, 64u}) {
    const Sequences cut = Ids(text, 1u << 20, length);
    CHECK(Joined(cut) == all);
    for (size_t i = 0; i < cut.size(); ++i) {
      CHECK(cut[i][0] == Home().image().vocab().bos());
      CHECK((i + 1 < cut.size() ? cut[i].size() == length : cut[i].size() <= length));
    }
    for (const uint32_t tokens : {2u, 100u, 101u}) {
      const Sequences some = Ids(text, tokens, length);
      size_t used = 0;
      for (const auto& s : some) used += s.size();
      CHECK(used <= tokens);
      CHECK(used + 1 >= tokens);
      const std::vector<int32_t> ids = Joined(some);
      CHECK(std::equal(ids.begin(), ids.end(), all.begin()));
    }
  }
}

TEST_CASE("special tokens in the text are recognised, and a begin token is not doubled") {
  const Vocab& vocab = Home().image().vocab();
  const Sequences ids = Ids(std::string(vocab.TokenBytes(vocab.bos())) + "Hello<|im_end|>", 100, 50);
  REQUIRE(ids.size() == 1);
  CHECK(ids[0][0] == vocab.bos());
  CHECK(ids[0][1] != vocab.bos());
  CHECK(vocab.TokenBytes(ids[0].back()) == "<|im_end|>");
}

TEST_CASE("a text of less than two tokens is refused with their number") {
  Sequences sequences;
  const Vocab& vocab = Home().image().vocab();
  CHECK(tools::CalibrationIds(vocab, "", 100, 50, &sequences).text() == "has 0 tokens: too few to calibrate with");
  CHECK(tools::CalibrationIds(vocab, "x", 100, 50, &sequences).text() == "has 1 tokens: too few to calibrate with");
  CHECK(tools::CalibrationIds(vocab, "xq", 100, 50, &sequences).ok());
}

}  // namespace lfm2::test
