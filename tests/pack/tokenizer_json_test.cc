// tokenizer.json: what is no byte-level BPE vocabulary of the embedding's size is refused by the token and the id.
#include "programs/pack/tokenizer_json.h"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>

namespace lfm2::test {
namespace {

using Json = nlohmann::json;
using tools::VocabSource;

constexpr uint32_t kVocabSize = 1314;

// That of the model in tests/data/mlx, which has a token for each id below kVocabSize.
Json Good() {
  std::ifstream file(LFM2_TEST_DATA "/mlx/moe-256-4bit/tokenizer.json");
  REQUIRE(file.good());
  return Json::parse(file);
}

// The sentence with which the tokenizer is refused, here or where the vocabulary is built.
std::string Refusal(const std::function<void(Json&)>& change, uint32_t vocab_size = kVocabSize) {
  Json json = Good();
  change(json);
  VocabSource source;
  const tools::Error error = tools::ReadTokenizerJson(Json::parse(json.dump()), vocab_size, &source);
  if (!error.ok()) return error.text();
  std::string bytes, text;
  return tools::BuildVocab(source, &bytes, &text) ? "" : text;
}

void CheckRefused(const std::function<void(Json&)>& change, const char* part) {
  const std::string text = Refusal(change);
  CHECK_MESSAGE(text.find(part) != std::string::npos, "got: " << text);
}

}  // namespace

TEST_CASE("tokens have the ids that they are given; ids without a token become unused ones") {
  CHECK(Refusal([](Json&) {}) == "");
  VocabSource source;
  REQUIRE(tools::ReadTokenizerJson(Good(), kVocabSize + 2, &source).ok());
  CHECK((source.tokens[81] == "b" && source.types[81] == static_cast<int>(TokenType::kNormal)));
  CHECK((source.tokens[1] == "<|startoftext|>" && source.types[1] == static_cast<int>(TokenType::kControl)));
  CHECK(source.merges[3] == std::pair<std::string, std::string>("h", "e"));
  CHECK((source.tokens[1315] == "[PAD1315]" && source.types[1315] == static_cast<int>(TokenType::kUnused)));
}

TEST_CASE("ids beyond the vocabulary, ids that are no numbers, and ids of two tokens") {
  const std::string rows = "but the embedding has " + std::to_string(kVocabSize) + " rows";
  for (const char* id : {"-1", "4294967296", "18446744073709551616", "1.0", "null", "\"1\""}) {
    const Json bad = Json::parse(id);
    CheckRefused([&](Json& j) { j["model"]["vocab"]["foo"] = bad; },
                 ("the token \"foo\" has the id " + bad.dump() + ", " + rows).c_str());
    CheckRefused([&](Json& j) { j["added_tokens"][0]["id"] = bad; },
                 "an added token is {\"content\":\"<|pad|>\",\"id\":");
  }
  CheckRefused([](Json& j) { j["model"]["vocab"]["foo"] = kVocabSize; }, "the token \"foo\" has the id");
  CheckRefused([](Json& j) { j["model"]["vocab"]["foo"] = j["model"]["vocab"]["b"]; }, ": \"b\" and \"foo\"");
  CheckRefused([](Json& j) { j["added_tokens"][1]["id"] = 0; }, "\"<|startoftext|>\" has the id 0 of another token");
  CheckRefused([](Json& j) { j["added_tokens"][1].erase("id"); }, "an added token is {\"content\":\"<|startoftext|>\"");
  CheckRefused([](Json& j) { j["added_tokens"][1]["content"] = 7; }, "an added token is {\"content\":7");
  CheckRefused([](Json& j) { j["added_tokens"] = 7; }, "added_tokens");
  CheckRefused([](Json& j) { j["model"].erase("vocab"); }, "no vocab");
  CheckRefused([](Json& j) { j["model"]["vocab"].erase("b"); }, "no token for the byte 98");
  VocabSource source;
  CHECK(tools::ReadTokenizerJson(Good(), 1u << 31, &source).text() == "the vocabulary has 2147483648 tokens");
}

TEST_CASE("merges that are no pair of tokens, make none, lead back to themselves or are there twice") {
  const auto with = [](const Json& merge) { return [merge](Json& j) { j["model"]["merges"].push_back(merge); }; };
  CheckRefused(with("ab"), "a merge is \"ab\"");
  CheckRefused(with(7), "a merge is 7");
  CheckRefused(with(Json::array({"a"})), "a merge is [\"a\"]");
  CheckRefused(with(Json::array({"a", "b", "c"})), "a merge is [\"a\",\"b\",\"c\"]");
  CheckRefused(with(Json::array({"a", 7})), "a merge is [\"a\",7]");
  CheckRefused(with(Json::array({"", "a"})), "( a) has an empty half");  // would make the token that it begins with
  CheckRefused(with(Json::array({"a", ""})), "(a ) has an empty half");
  CheckRefused(with(Json::array({"q", "q"})), "(q q) has a half or a result that is not a token");
  CheckRefused(with(Json::array({"qq", "q"})), "(qq q) has a half or a result that is not a token");
  CheckRefused(with(Json::array({"a b", "c"})), "(a b c) is not in byte-level spelling");
  CheckRefused(with(Json::array({"h", "e"})), "merges 3 and 1042 are the same pair");
  CheckRefused([](Json& j) { j["model"]["merges"] = 7; }, "no merges");
}

TEST_CASE("special tokens that are none") {
  VocabSource source;
  REQUIRE(tools::ReadTokenizerJson(Good(), kVocabSize, &source).ok());
  const auto refusal = [&](const char* config, const char* generation) {
    VocabSource copy = source;
    return tools::ReadTokenizerConfig(Json::parse(config), Json::parse(generation), &copy).text();
  };
  CHECK(refusal(R"({"bos_token":"<|startoftext|>","eos_token":{"content":"<|im_end|>"}})", R"({"eos_token_id":[2]})") ==
        "");
  CHECK(refusal(R"({"bos_token":"absent"})", "{}") == "the key bos_token is \"absent\", which is not a token");
  CHECK(refusal(R"({"eos_token":{"content":7}})", "{}") ==
        "the key eos_token is {\"content\":7}, which is not a token");
  CHECK(refusal(R"({"add_bos_token":1})", "{}") == "the key add_bos_token is 1, neither true nor false");
  for (const char* id : {"-1", "4294967296", "1.5", "\"2\"", "true"}) {
    CHECK(refusal("{}", (std::string("{\"eos_token_id\":") + id + "}").c_str()) ==
          std::string("the key eos_token_id has ") + id + ", which is not a token");
  }
}

}  // namespace lfm2::test
