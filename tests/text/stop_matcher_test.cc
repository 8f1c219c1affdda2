// An answer must end before a stop text, however the tokens cut it, and show everything else, at once where it can.
#include "lfm2/text/stop_matcher.h"

#include <algorithm>
#include <random>
#include <type_traits>

#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

static_assert(sizeof(StopMatcher) <= 600, "it is part of every conversation");
static_assert(std::is_trivially_copyable_v<StopMatcher>, "it is saved with one");

StopMatcher Matcher(const std::vector<std::string_view>& texts) {
  StopMatcher matcher;
  const Status status = matcher.SetTexts(texts);
  REQUIRE_MESSAGE(status.ok(), Sentence(status));
  return matcher;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// What of a text may be shown: by definition, from all of it.
struct ExpectedMatch {
  ExpectedMatch(std::string_view text, const std::vector<std::string_view>& stops) : shown(text) {
    for (size_t end = 1; end <= text.size(); ++end) {
      size_t longest = 0;
      for (const std::string_view s : stops) {
        if (EndsWith(text.substr(0, end), s)) longest = std::max(longest, s.size());
      }
      if (longest == 0) continue;
      stop = text.substr(end - longest, longest);
      shown = held = text.substr(0, end - longest);
      return;
    }
    for (size_t begin = text.size(); begin-- > 0;) {
      for (const std::string_view s : stops) {
        if (s.substr(0, text.size() - begin) == text.substr(begin)) shown = text.substr(0, begin);
      }
    }
    held = text;
  }
  std::string_view shown;  // before the end is known
  std::string_view held;   // after Flush
  std::string_view stop;   // empty: none
};

bool IsWholeUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    if (c.kind != Utf8Char::Kind::kValid) return false;
    text.remove_prefix(c.length);
  }
  return true;
}

TEST_CASE("any text in any pieces ends where the definition says, and nothing is held back longer than it must be") {
  static constexpr std::string_view kParts[] = {"a", "b", "\xc3\xa9", "\xc3\xa8", "\xe4\xbd\xa0", "aab", "\n"};
  std::mt19937 random(7);
  const auto make = [&random](size_t parts) {
    std::string text;
    for (size_t n = parts; n-- > 0;) text += kParts[random() % std::size(kParts)];
    return text;
  };
  int found = 0, all = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> made(random() % (kMaxStopTexts + 1));
    for (std::string& text : made) text = make(1 + random() % 6);
    const std::vector<std::string_view> stops(made.begin(), made.end());
    StopMatcher matcher = Matcher(stops);
    std::string text, shown;
    const auto sink = [&](std::string_view part) {
      CHECK_FALSE(part.empty());
      CHECK(IsWholeUtf8(part));
      shown += part;
    };
    for (size_t pieces = random() % 12; pieces-- > 0;) {
      const std::string piece = make(random() % 5);
      text += piece;
      matcher.Put(piece, sink);
      const ExpectedMatch expected(text, stops);
      REQUIRE(shown == expected.shown);
      REQUIRE((matcher.found() != StopMatcher::kNone) == !expected.stop.empty());
      if (!expected.stop.empty()) REQUIRE(stops[matcher.found()] == expected.stop);
      // Saved and loaded, it continues as before.
      StopMatcher other = Matcher(stops);
      REQUIRE(other.SetState(matcher.state()));
      matcher = other;
    }
    matcher.Flush(sink);
    const ExpectedMatch expected(text, stops);
    REQUIRE(shown == expected.held);
    found += expected.stop.empty() ? 0 : 1;
    ++all;
    matcher.Reset();
    shown.clear();
    matcher.Put("z", sink);
    REQUIRE(shown == "z");
  }
  CHECK((found > all / 10 && found < all * 9 / 10));
}

TEST_CASE("of stop texts within one another the one that ends first counts, and of two that end there the longer") {
  std::string shown;
  const auto sink = [&](std::string_view part) { shown += part; };
  StopMatcher first = Matcher({"abcd", "bc"});
  first.Put("xabcd", sink);
  CHECK(shown == "xa");
  CHECK(first.found() == 1);
  first.Put("more", sink);
  first.Flush(sink);
  CHECK(shown == "xa");
  shown.clear();
  StopMatcher longer = Matcher({"bc", "abc"});
  for (const char* piece : {"xa", "b", "c"}) longer.Put(piece, sink);
  CHECK(shown == "x");
  CHECK(longer.found() == 1);
}

TEST_CASE("stop texts may be as long and as many as promised, need not outlive the call, and more is refused by name") {
  std::vector<std::string> long_texts;
  for (char c = 'a'; c < 'a' + 8; ++c) long_texts.push_back(std::string(63, '\xc3').replace(0, 63, 63, 'q') + c);
  std::vector<std::string_view> views(long_texts.begin(), long_texts.end());
  StopMatcher matcher = Matcher(views);
  const std::string last = long_texts.back();
  long_texts.assign(8, std::string(64, '#'));
  std::string shown;
  const auto sink = [&](std::string_view part) { shown += part; };
  matcher.Put(std::string(70, 'q'), sink);
  CHECK(shown == std::string(7, 'q'));
  matcher.Put(last.substr(63), sink);
  CHECK(matcher.found() == 7);
  CHECK(shown == std::string(7, 'q'));

  StopMatcher kept = Matcher({"stop"});
  const std::string too_long(65, 'a'), too_many[9] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
  const std::vector<std::string_view> nine(std::begin(too_many), std::end(too_many));
  CHECK(Sentence(kept.SetTexts(nine)) == "invalid argument: stop texts are too many: 9, limit 8");
  const auto refused = [&](std::string_view bad) {
    const std::string_view texts[] = {"x", bad};
    return Sentence(kept.SetTexts(texts));
  };
  CHECK(refused("") == "invalid argument: stop text [1] is empty or too long: bytes: 0, limit 64");
  CHECK(refused(too_long) == "invalid argument: stop text [1] is empty or too long: bytes: 65, limit 64");
  CHECK(refused("ab\xc3") == "invalid argument: stop text [1] is not UTF-8: byte: 2");
  CHECK(refused("\xa9") == "invalid argument: stop text [1] is not UTF-8: byte: 0");
  shown.clear();
  kept.Put("a stop", sink);
  CHECK(shown == "a ");
}

TEST_CASE("a saved state that the stop texts cannot lead to is refused: files are not trusted") {
  StopMatcher matcher = Matcher({"abc", "\xc3\xa9x"});
  using State = StopMatcher::State;
  for (const State good : {State{0, 0, 0xff}, State{0, 2, 0xff}, State{1, 2, 0xff}, State{0, 0, 1}}) {
    CHECK(matcher.SetState(good));
  }
  REQUIRE(matcher.SetState({0, 2, 0xff}));
  for (const State bad : {State{2, 1, 0xff}, State{0, 3, 0xff}, State{0, 255, 0xff}, State{255, 1, 0xff},
                          State{1, 1, 0xff}, State{0, 0, 2}, State{0, 1, 0}}) {
    CHECK_FALSE(matcher.SetState(bad));
  }
  std::string shown;
  matcher.Flush([&](std::string_view part) { shown += part; });
  CHECK(shown == "ab");
}

}  // namespace
}  // namespace lfm2::test
