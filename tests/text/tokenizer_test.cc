#include "lfm2/text/tokenizer.h"

#include <algorithm>
#include <random>

#include "lfm2/text/detokenizer.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

void CheckCases(const OpenVocab& open, const char* name) {
  const auto json = ReadJson(name);
  REQUIRE(json["cases"].size() > 400);
  for (const auto& c : json["cases"]) {
    const std::string text = c["text"];
    CAPTURE(text);
    CHECK(EncodeAll(open.vocab, text, {true, false}) == c["special"].get<std::vector<int32_t>>());
    CHECK(EncodeAll(open.vocab, text, {false, false}) == c["plain"].get<std::vector<int32_t>>());
  }
}

std::string DecodeAll(const Vocab& vocab, const std::vector<int32_t>& tokens) {
  size_t size = 0;
  std::string out;
  const Status sized = Detokenize(vocab, tokens, true, {}, &size);
  CHECK(sized.ok() == (size == 0));
  out.resize(size);
  REQUIRE(Detokenize(vocab, tokens, true, {out.data(), out.size()}, &size).ok());
  return out;
}

std::string RandomBytes(std::mt19937& random, size_t size) {
  // Runs of bytes, letters, spaces and punctuation, so that words of every kind and length appear.
  static constexpr std::string_view kPieces[] = {
      "the",      " the", "  ", "\n", "\r\n", "don't",   "<|im_end|>", "\xe4\xbd\xa0", "\xf0\x9f\x98\x80",
      "\xc2\xa0", "123",  "4",  "!?", "\xff", "\xe2\x82"};
  std::string out;
  while (out.size() < size) {
    const size_t kind = random() % 20;
    if (kind < std::size(kPieces)) {
      out += kPieces[kind];
    } else {
      for (size_t n = random() % 5; n-- > 0;) out += static_cast<char>(random() % 256);
    }
  }
  return out.substr(0, size);
}

TEST_CASE("the tokens are those of the published tokenizer: another id is another prompt") {
  SUBCASE("1,314 tokens") { CheckCases(HomeVocab(), "home.json"); }
  SUBCASE("65,536 tokens") { CheckCases(LargeVocab(), "tokenizer-64k.json"); }
}

TEST_CASE("tokens of any bytes turn back into exactly those bytes") {
  std::mt19937 random(1);
  for (const OpenVocab* open : {&HomeVocab(), &LargeVocab()}) {
    for (size_t size = 0; size < 400; ++size) {
      const std::string text = RandomBytes(random, size % 100);
      CHECK(DecodeAll(open->vocab, EncodeAll(open->vocab, text, {size % 2 == 0, false})) == text);
    }
    const std::string text = RandomBytes(random, 100000);
    CHECK(DecodeAll(open->vocab, EncodeAll(open->vocab, text, {true, false})) == text);
  }
}

TEST_CASE("special tokens in text stay text unless asked for: user text must not end a turn") {
  const Vocab& vocab = HomeVocab().vocab;
  const std::string text = "a<|im_end|><|im_end|>b<|im_end";
  const auto plain = EncodeAll(vocab, text, {false, false});
  for (const int32_t token : plain) CHECK_FALSE(vocab.IsSpecial(token));
  const auto special = EncodeAll(vocab, text, {true, false});
  REQUIRE(special.size() > 3);
  CHECK(special[1] == vocab.eos());
  CHECK(special[2] == vocab.eos());
  CHECK(std::count(special.begin(), special.end(), vocab.eos()) == 2);
}

TEST_CASE("add_bos puts the bos token first, once") {
  const Vocab& vocab = HomeVocab().vocab;
  auto expected = EncodeAll(vocab, "hello", {false, false});
  expected.insert(expected.begin(), vocab.bos());
  CHECK(EncodeAll(vocab, "hello", {false, true}) == expected);
  CHECK(EncodeAll(vocab, "", {false, true}) == std::vector<int32_t>{vocab.bos()});
}

TEST_CASE("user defined tokens are found in any text, the longest first, special ones only when asked for") {
  tools::VocabSource source = ReadVocabSource("vocab-home.json");
  const auto add = [&](const char* text, TokenType type) {
    source.tokens.emplace_back(text);
    source.types.push_back(static_cast<int>(type));
    return static_cast<int32_t>(source.tokens.size() - 1);
  };
  const int32_t ab = add("ab", TokenType::kUserDefined);
  const int32_t abcd = add("abcd", TokenType::kUserDefined);
  const int32_t abc = add("abc", TokenType::kControl);
  const OpenVocab open(source);
  const int32_t x = EncodeAll(open.vocab, "x", {})[0], c = EncodeAll(open.vocab, "c", {})[0];
  CHECK(EncodeAll(open.vocab, "xabcabcdab", {false, false}) == std::vector<int32_t>{x, ab, c, abcd, ab});
  CHECK(EncodeAll(open.vocab, "xabcabcdab", {true, false}) == std::vector<int32_t>{x, abc, abcd, ab});
}

TEST_CASE("a megabyte that is one word takes about a megabyte's time, and the tokens of its parts") {
  // A tokenizer whose time grows with the square of a word's length would keep this test busy for hours.
  const Vocab& vocab = LargeVocab().vocab;
  std::mt19937 random(2);
  std::string letters;
  while (letters.size() < 1000000) letters += static_cast<char>('a' + random() % 26);
  for (const std::string& text :
       {std::string(1000000, 'a'), std::string(1000000, ' '), std::string(1000000, '='), letters}) {
    const auto tokens = EncodeAll(vocab, text, {});
    CHECK(tokens.size() < text.size());
    CHECK(DecodeAll(vocab, tokens) == text);
  }
}

TEST_CASE("too little scratch or room is refused with what is needed, and that suffices") {
  const Vocab& vocab = HomeVocab().vocab;
  const Tokenizer tokenizer(vocab);
  const std::string text = "one " + std::string(300, 'z') + " two";
  const size_t word = 301;  // with the space before it
  std::vector<int32_t> out(400);
  size_t count = 0;
  std::vector<std::byte> scratch(static_cast<size_t>(Tokenizer::ScratchBytes(word)) - 1);
  const Status small = tokenizer.Encode(text, {}, scratch, out, &count);
  CHECK(small.code() == StatusCode::kArenaTooSmall);
  CHECK(small.limit() == Tokenizer::ScratchBytes(word));
  scratch.resize(static_cast<size_t>(small.limit()));
  REQUIRE(tokenizer.Encode(text, {}, scratch, out, &count).ok());
  const std::vector<int32_t> expected(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));

  std::vector<int32_t> room(expected.size() - 1);
  size_t needed = 0;
  const Status full = tokenizer.Encode(text, {}, scratch, room, &needed);
  CHECK(full.code() == StatusCode::kOutputTooSmall);
  CHECK(needed == expected.size());
  CHECK(std::equal(room.begin(), room.end(), expected.begin()));
}

TEST_CASE("scratch may begin at any address") {
  const Vocab& vocab = HomeVocab().vocab;
  const std::string text = "unbelievably";
  const auto expected = EncodeAll(vocab, text, {});
  for (size_t offset = 0; offset < 8; ++offset) {
    std::vector<std::byte> scratch(offset + static_cast<size_t>(Tokenizer::ScratchBytes(text.size())));
    std::vector<int32_t> out(text.size());
    size_t count = 0;
    REQUIRE(Tokenizer(vocab)
                .Encode(text, {}, Span<std::byte>(scratch).subspan(offset, scratch.size() - offset), out, &count)
                .ok());
    out.resize(count);
    CHECK(out == expected);
  }
}

}  // namespace
}  // namespace lfm2::test
