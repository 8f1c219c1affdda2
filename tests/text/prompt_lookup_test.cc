// What is guessed of the next tokens: a wrong place costs a user time, one outside the tokens more than that.
#include "lfm2/text/prompt_lookup.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace lfm2::test {
namespace {

using Tokens = std::vector<int32_t>;

PromptMatch Find(const Tokens& tokens, const Tokens& text) {
  return FindPromptMatch({tokens.data(), tokens.size()}, {text.data(), text.size()});
}
PromptMatch Find(const Tokens& tokens) { return Find(tokens, tokens); }

// The same by definition: every place, every length.
PromptMatch Expected(const Tokens& tokens, const Tokens& text) {
  PromptMatch best;
  for (size_t next = 1; next < text.size(); ++next) {
    uint32_t length = 0;
    while (length < kMaxPromptMatch && length < next && length < tokens.size() &&
           text[next - 1 - length] == tokens[tokens.size() - 1 - length]) {
      ++length;
    }
    if (length > 1 && length >= best.length) best = {next, length};
  }
  return best;
}

}  // namespace

TEST_CASE("the place after the longest repetition, and of equally long ones the latest") {
  CHECK(Find({}).length == 0);
  CHECK(Find({5}).length == 0);
  CHECK(Find({5}, {}).length == 0);
  CHECK(Find({}, {5, 6}).length == 0);
  const PromptMatch elsewhere = Find({4, 5}, {3, 4, 5, 6});
  CHECK((elsewhere.length == 2 && elsewhere.next == 3));
  CHECK(Find({5, 6}).length == 0);
  CHECK(Find({5, 6, 7, 6}).length == 0);
  const PromptMatch thrice = Find({5, 5, 5});
  CHECK((thrice.length == 2 && thrice.next == 2));
  // 1 2 3 is what most agrees; 2 3 came later.
  const PromptMatch longest = Find({1, 2, 3, 9, 2, 3, 8, 1, 2, 3});
  CHECK((longest.length == 3 && longest.next == 3));
  const PromptMatch latest = Find({2, 3, 9, 2, 3, 8, 2, 3});
  CHECK((latest.length == 2 && latest.next == 5));
  const PromptMatch overlapping = Find({7, 7, 7, 7});
  CHECK((overlapping.length == 3 && overlapping.next == 3));
  CHECK(Find(Tokens(100, 7)).length == kMaxPromptMatch);
}

TEST_CASE("random texts of few different tokens: as a search of every place and length has it") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const auto kinds = 1 + random() % (round % 3 == 0 ? 200 : 6);
    const auto any = [&](size_t most) {
      Tokens tokens(random() % most);
      for (int32_t& token : tokens) token = static_cast<int32_t>(random() % kinds);
      return tokens;
    };
    const Tokens tokens = any(round % 2 == 0 ? 60 : 300), other = any(200);
    for (const Tokens& text : {tokens, other}) {
      const PromptMatch found = Find(tokens, text), expected = Expected(tokens, text);
      CHECK(found.length == expected.length);
      CHECK((found.length == 0 || found.next == expected.next));
      if (found.length > 0) CHECK(found.next < text.size());
    }
  }
}

}  // namespace lfm2::test
