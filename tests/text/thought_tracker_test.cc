// A budget of thoughts is counted by where they begin and end in the text, whatever tokens the model writes them with.
#include "lfm2/text/thought_tracker.h"

#include <algorithm>
#include <random>
#include <type_traits>

#include "lfm2/text/detokenizer.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

static_assert(std::is_trivially_copyable_v<ThoughtTracker>, "it is saved with a conversation");

bool IsInside(std::string_view text) {
  for (bool inside = false;; inside = !inside) {
    const std::string_view marker = inside ? "</think>" : "<think>";
    const size_t at = text.find(marker);
    if (at == std::string_view::npos) return inside;
    text.remove_prefix(at + marker.size());
  }
}

TEST_CASE("markers count in any pieces, broken and repeated ones included") {
  static constexpr std::string_view kParts[] = {"<think>", "</think>", "<",          "<think", "</",   "think>",   ">",
                                                "a",       "<<think>", "</</think>", "</th",   "ink>", "\xc3\xa9", "/"};
  std::mt19937 random(5);
  int inside = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (size_t n = random() % 12; n-- > 0;) text += kParts[random() % std::size(kParts)];
    ThoughtTracker tracker;
    uint32_t tokens = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t bytes = std::min<size_t>(1 + random() % 9, text.size() - at);
      tokens += IsInside(text.substr(0, at)) ? 1 : 0;
      tracker.Put(std::string_view(text).substr(at, bytes));
      at += bytes;
      CAPTURE(text.substr(0, at));
      REQUIRE(tracker.inside() == IsInside(text.substr(0, at)));
      REQUIRE(tracker.tokens_inside() == tokens);
      ThoughtTracker other;  // saved and loaded
      REQUIRE(other.SetState(tracker.state()));
      tracker = other;
    }
    inside += tracker.inside() ? 1 : 0;
  }
  CHECK(inside > 500);
}

TEST_CASE("a saved state that no text leads to is refused: files are not trusted") {
  ThoughtTracker tracker;
  tracker.Put("<think>a</th");
  for (const ThoughtTracker::State bad : {ThoughtTracker::State{0, 7, 0}, ThoughtTracker::State{0, 8, 1},
                                          ThoughtTracker::State{0, 0, 2}, ThoughtTracker::State{0, 255, 0}}) {
    CHECK_FALSE(tracker.SetState(bad));
  }
  tracker.Put("ink>");
  CHECK_FALSE(tracker.inside());
  CHECK(tracker.tokens_inside() == 1);
}

TEST_CASE("the tokens that end a thought are the special token if there is one, and otherwise spell the marker") {
  tools::VocabSource source = ReadVocabSource("vocab-home.json");
  for (const TokenType type : {TokenType::kControl, TokenType::kUserDefined, TokenType::kNormal}) {
    CAPTURE(static_cast<int>(type));
    tools::VocabSource changed = source;
    const auto found = std::find(changed.tokens.begin(), changed.tokens.end(), "</think>");
    const size_t at = static_cast<size_t>(found - changed.tokens.begin());
    if (found == changed.tokens.end()) {
      changed.tokens.emplace_back();
      changed.types.emplace_back();
    }
    changed.tokens[at] = type == TokenType::kNormal ? "</thought>" : "</think>";
    changed.types[at] = static_cast<int>(type);
    const OpenVocab open(changed);
    int32_t ids[kMaxThinkEndTokens];
    const size_t count = ThinkEndTokens(open.vocab, ids);
    REQUIRE((count >= 1 && count <= kMaxThinkEndTokens));
    CHECK((count == 1 && ids[0] == static_cast<int32_t>(at)) == (type != TokenType::kNormal));
    char text[16];
    size_t size = 0;
    REQUIRE(Detokenize(open.vocab, {ids, count}, true, text, &size).ok());
    CHECK(std::string_view(text, size) == "</think>");
    ThoughtTracker tracker;
    tracker.Put("<think>Hmm </th");
    for (size_t i = 0; i < count; ++i) tracker.Put(open.vocab.TokenBytes(ids[i]));
    CHECK_FALSE(tracker.inside());
  }
}

}  // namespace
}  // namespace lfm2::test
