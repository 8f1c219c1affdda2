#include "lfm2/text/pretokenizer.h"

#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

std::vector<size_t> Split(std::string_view text) {
  std::vector<size_t> lengths;
  while (!text.empty()) {
    lengths.push_back(WordSplitter::FirstWord(text, true));
    REQUIRE(lengths.back() > 0);
    text.remove_prefix(lengths.back());
  }
  return lengths;
}

std::string Utf8(uint32_t c) {
  if (c < 0x80) return {static_cast<char>(c)};
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

TEST_CASE("every code point has the class that the published tokenizer gives it") {
  std::vector<CharClass> expected(0x110000, CharClass::kOther);
  const auto json = ReadJson("classes.json");
  REQUIRE(json["runs"].size() > 500);
  for (const auto& run : json["runs"]) {
    const std::string name = run[2];
    const CharClass c = name == "letter"   ? CharClass::kLetter
                        : name == "number" ? CharClass::kNumber
                                           : CharClass::kSpace;
    for (uint32_t i = run[0]; i <= run[1].get<uint32_t>(); ++i) expected[i] = c;
  }
  for (uint32_t c = 0; c < 0x110000; ++c) {
    if (ClassOf(c) != expected[c]) FAIL_CHECK("U+" << c << " has the wrong class");
    if (c >= 0xd800 && c < 0xe000) continue;
    // The same through the splitter: what stays together with a letter, a digit or a mark after it.
    const std::string utf8 = Utf8(c);
    const Utf8Char read = ReadUtf8(utf8);
    if (read.code_point != c || read.length != utf8.size()) FAIL_CHECK("U+" << c << " does not decode");
    const bool newline = c == '\n' || c == '\r';
    const bool with_letter = WordSplitter::FirstWord(utf8 + "a", true) == utf8.size() + 1;
    const bool with_digit = WordSplitter::FirstWord(utf8 + "1", true) == utf8.size() + 1;
    const bool with_mark = WordSplitter::FirstWord(utf8 + "!", true) == utf8.size() + 1;
    if (with_letter != (expected[c] != CharClass::kNumber && !newline)) FAIL_CHECK("U+" << c << " before a letter");
    if (with_digit != (expected[c] == CharClass::kNumber)) FAIL_CHECK("U+" << c << " before a digit");
    if (with_mark != (expected[c] == CharClass::kOther || c == ' ')) FAIL_CHECK("U+" << c << " before a mark");
  }
}

TEST_CASE("words end where the published pattern ends them") {
  const auto json = ReadJson("splits.json");
  REQUIRE(json["cases"].size() > 1000);
  for (const auto& c : json["cases"]) {
    const std::string text = c[0];
    CAPTURE(text);
    CHECK(Split(text) == c[1].get<std::vector<size_t>>());
  }
}

TEST_CASE("bytes that are no UTF-8 split as U+FFFD does") {
  const auto json = ReadJson("utf8-replace.json");
  REQUIRE(json["cases"].size() > 500);
  for (const auto& c : json["cases"]) {
    const std::string hex = c[0], replaced = c[1];
    std::string bytes;
    for (size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    CAPTURE(hex);
    // Compare the words by their number of characters, which replacing does not change.
    const auto characters = [](std::string_view text, const std::vector<size_t>& lengths) {
      std::vector<size_t> counts;
      for (const size_t length : lengths) {
        size_t count = 0;
        for (std::string_view word = text.substr(0, length); !word.empty(); ++count)
          word.remove_prefix(ReadUtf8(word).length);
        counts.push_back(count);
        text.remove_prefix(length);
      }
      return counts;
    };
    CHECK(characters(bytes, Split(bytes)) == characters(replaced, Split(replaced)));
  }
}

TEST_CASE("a word that later text could change is not decided, one that it cannot change is as in the whole text") {
  const auto json = ReadJson("splits.json");
  REQUIRE(json["cases"].size() > 500);
  for (const auto& c : json["cases"]) {
    const std::string text = c[0];
    if (text.empty()) continue;
    CAPTURE(text);
    const size_t whole = WordSplitter::FirstWord(text, true);
    for (size_t cut = 1; cut <= text.size(); ++cut) {
      const size_t early = WordSplitter::FirstWord(std::string_view(text).substr(0, cut), false);
      CHECK((early == 0 || early == whole));
      // Two characters after the word are always enough.
      if (cut >= whole + 8) CHECK(early == whole);
    }
  }
}

}  // namespace
}  // namespace lfm2::test
