#include "lfm2/text/detokenizer.h"

#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST_CASE("a stream shows what a lossy decoder makes of all bytes, and only whole characters at any time") {
  const Vocab& vocab = HomeVocab().vocab;
  const auto json = ReadJson("utf8-replace.json");
  REQUIRE(json["cases"].size() > 500);
  for (const auto& c : json["cases"]) {
    const std::string hex = c[0], expected = c[1];
    const std::string bytes = FromHex(hex);
    CAPTURE(hex);
    for (const bool merged : {false, true}) {
      std::vector<int32_t> tokens;
      if (merged) {
        tokens = EncodeAll(vocab, bytes, {});
      } else {
        for (const char b : bytes) tokens.push_back(static_cast<int32_t>(vocab.ByteToken(static_cast<uint8_t>(b))));
      }
      TextStream stream(vocab);
      std::string shown;
      size_t fed = 0;
      const auto sink = [&](std::string_view part) {
        CHECK_FALSE(part.empty());
        for (size_t at = 0; at < part.size();) {
          const Utf8Char character = ReadUtf8(part.substr(at));
          CHECK(character.kind == Utf8Char::Kind::kValid);
          at += character.length;
        }
        shown += part;
      };
      for (const int32_t token : tokens) {
        stream.Put(token, sink);
        fed += vocab.TokenBytes(token).size();
        CHECK(shown == expected.substr(0, shown.size()));
      }
      stream.Flush(sink);
      CHECK(shown == expected);
      stream.Flush(sink);
      CHECK(shown == expected);
      CHECK(fed == bytes.size());
    }
  }
}

TEST_CASE("a character is shown with the token that completes it") {
  const Vocab& vocab = HomeVocab().vocab;
  TextStream stream(vocab);
  std::string shown;
  const auto sink = [&](std::string_view part) { shown += part; };
  for (const char b : std::string_view("\xf0\x9f\x98")) {
    stream.Put(static_cast<int32_t>(vocab.ByteToken(static_cast<uint8_t>(b))), sink);
    CHECK(shown.empty());
  }
  stream.Put(static_cast<int32_t>(vocab.ByteToken(0x80)), sink);
  CHECK(shown == "\xf0\x9f\x98\x80");
}

TEST_CASE("special tokens are shown or hidden as asked, without tearing a character") {
  const Vocab& vocab = HomeVocab().vocab;
  const std::vector<int32_t> tokens = {static_cast<int32_t>(vocab.ByteToken(0xc3)), vocab.eos(),
                                       static_cast<int32_t>(vocab.ByteToken(0xa9))};
  std::string hidden, shown;
  TextStream hiding(vocab), showing(vocab, true);
  for (const int32_t token : tokens) {
    hiding.Put(token, [&](std::string_view part) { hidden += part; });
    showing.Put(token, [&](std::string_view part) { shown += part; });
  }
  showing.Flush([&](std::string_view part) { shown += part; });
  CHECK(hidden == "\xc3\xa9");
  CHECK(shown == "\xef\xbf\xbd<|im_end|>\xef\xbf\xbd");

  char out[64];
  size_t count = 0;
  REQUIRE(Detokenize(vocab, tokens, false, out, &count).ok());
  CHECK(std::string_view(out, count) == "\xc3\xa9");
  REQUIRE(Detokenize(vocab, tokens, true, out, &count).ok());
  CHECK(std::string_view(out, count) == "\xc3<|im_end|>\xa9");
}

TEST_CASE("an id that is not a token is refused by Detokenize with its place, and adds nothing to a stream") {
  const Vocab& vocab = HomeVocab().vocab;
  char out[8];
  size_t count = 0;
  for (const int32_t bad : {-1, static_cast<int32_t>(vocab.size()), INT32_MAX, INT32_MIN}) {
    const std::vector<int32_t> tokens = {vocab.eos(), bad};
    const Status status = Detokenize(vocab, tokens, false, out, &count);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.index() == 1);
    TextStream stream(vocab, true);
    stream.Put(bad, [](std::string_view) { FAIL("nothing to show"); });
  }
}

TEST_CASE("Detokenize says how much room is needed") {
  const Vocab& vocab = HomeVocab().vocab;
  const auto tokens = EncodeAll(vocab, "hello world", {});
  char out[11];
  size_t count = 0;
  CHECK(Detokenize(vocab, tokens, true, {out, 10}, &count).code() == StatusCode::kOutputTooSmall);
  CHECK(count == 11);
  CHECK(Detokenize(vocab, tokens, true, {out, 11}, &count).ok());
  CHECK(std::string_view(out, count) == "hello world");
}

}  // namespace
}  // namespace lfm2::test
