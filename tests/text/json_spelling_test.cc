// Models were trained on Python's spelling of tools: another one is another prompt, and worse calls.
#include "lfm2/text/json_spelling.h"

#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

Status Spell(std::string_view json, std::string* out) {
  out->clear();
  JsonSpeller speller(json, "tool");
  for (std::string_view piece; speller.Next(&piece);) {
    CHECK_FALSE(piece.empty());
    *out += piece;
  }
  std::string_view none = "none";
  CHECK_FALSE(speller.Next(&none));
  return speller.status();
}

std::string Refusal(std::string_view json) {
  std::string out;
  return Sentence(Spell(json, &out));
}

TEST_CASE("JSON is spelled as Python's json.dumps spells it, and what Python refuses is refused") {
  const auto json = ReadJson("json-dumps.json");
  REQUIRE(json["cases"].size() == 150);
  std::string out;
  for (const auto& c : json["cases"]) {
    const std::string text = c["json"], expected = c["dumps"];
    CAPTURE(text);
    const Status status = Spell(text, &out);
    CHECK_MESSAGE(status.ok(), Sentence(status));
    CHECK(out == expected);
    // A buffer that ends in the middle is refused, unless it ends within white space or digits.
    const Section exact(text.substr(0, text.size() / 2));
    const std::string_view half(reinterpret_cast<const char*>(exact.span().data()), exact.span().size());
    CHECK(Spell(half, &out).ok() == nlohmann::json::accept(half));
    CHECK(Spell(expected, &out).ok());
    CHECK(out == expected);
  }
  REQUIRE(json["refused"].size() > 60);
  for (const auto& text : json["refused"]) {
    CAPTURE(text.dump());
    CHECK(Spell(text.get<std::string>(), &out).code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("the error names the byte that is wrong") {
  CHECK(Refusal(R"({"name": "f" "x": 1})") == "invalid argument: tool is not well-formed JSON: byte: 13");
  CHECK(Refusal(R"({"name": "f")") == "invalid argument: tool is not well-formed JSON: byte: 12");
  CHECK(Refusal(R"(["\q"])") == "invalid argument: tool is not well-formed JSON: byte: 3");
  CHECK(Refusal(R"(["\u00g0"])") == "invalid argument: tool is not well-formed JSON: byte: 6");
  CHECK(Refusal("[1.5.2]") == "invalid argument: tool is not well-formed JSON: byte: 4");
  CHECK(Refusal("[\"a\xff\"]") == "invalid argument: tool is not UTF-8: byte: 3");
  CHECK(Refusal("\"\xed\xa0\x80\"") == "invalid argument: tool is not UTF-8: byte: 1");
  // Python lets these through; no UTF-8 text has them.
  for (const char* half :
       {R"("a\ud83d")", R"("a\ude00")", R"("a\ud83d\u0041")", R"("a\ud83dx")", R"("a\ude00\ud83d")"}) {
    CHECK(Refusal(half) == "invalid argument: tool has half of a surrogate pair: byte: 2");
  }
  // And these, which are Python's alone.
  for (const char* number : {"NaN", "Infinity", "-Infinity"}) CHECK_FALSE(Refusal(number) == "ok");
}

TEST_CASE("nesting is limited, not by a stack that overflows") {
  std::string out;
  for (const char* pair : {"[]", "{}"}) {
    const std::string open = pair[0] == '[' ? "[" : "{\"a\": ";
    const auto nested = [&](uint32_t depth) {
      std::string text;
      for (uint32_t i = 0; i < depth; ++i) text += i + 1 < depth ? open : std::string(1, pair[0]);
      return text + std::string(depth, pair[1]);
    };
    CHECK(Spell(nested(kMaxJsonDepth), &out).ok());
    CHECK(out == nested(kMaxJsonDepth));
    CHECK(Refusal(nested(kMaxJsonDepth + 1)).find("tool is JSON that is nested too deeply: byte: ") !=
          std::string::npos);
    CHECK(Refusal(nested(1000000)).find("nested too deeply") != std::string::npos);
  }
}

}  // namespace
}  // namespace lfm2::test
