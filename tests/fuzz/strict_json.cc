// JSON that nobody vouches for. Input: the text.
#include "programs/files/strict_json.h"

#include <algorithm>

#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace strict_json {

using nlohmann::json;

void Run(std::string_view text) {
  json value;
  const tools::Error error = tools::ParseStrictJson(text, &value);
  CheckSentence(error);
  if (!error.ok()) return;
  LFM2_HOLDS(value.is_object());
  // The same value reads back from its own text.
  json again;
  LFM2_HOLDS(tools::ParseStrictJson(value.dump(), &again).ok() && again == value);
  for (const auto& [key, member] : value.items()) {
    const std::string shown = tools::Shown(member);
    LFM2_HOLDS(shown.size() <= 63);
    LFM2_HOLDS(std::all_of(shown.begin(), shown.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
    tools::JsonMembers members(value);
    uint32_t number = 0;
    float real = 0;
    bool flag = false;
    std::string word;
    const char* const name = key.c_str();
    members.OptionalU32(name, &number);
    LFM2_HOLDS(!members.Has(name) || !members.error().ok() || number == *members.Find(name));
    members.OptionalF32(name, &real);
    members.OptionalBool(name, &flag);
    members.OptionalText(name, &word);
    members.U32("no such key", &number);
    LFM2_HOLDS(!members.error().ok());
    CheckSentence(members.error());
    LFM2_HOLDS(real == real && real - real == 0);
  }
}

std::vector<std::string> Seeds() {
  return {R"({"a":1,"b":-2,"c":3.5,"d":true,"e":null,"f":"text","g":[1,[2,{"h":{}}]]})",
          R"({"a":18446744073709551615,"b":1e300,"c":"\u00e4\ud83d\ude00"})", "{}", "[1]", R"({"a":{"a":{"a":1}}})"};
}

std::vector<std::string> Words() {
  return {"{\"a\":",
          "[[[[[[[[",
          "{\"\":",
          "]]]]]]]]",
          "}}}}",
          "\"a\":1",
          "18446744073709551616",
          "-9223372036854775809",
          "1e999",
          "3.5e38",
          "\\u0000",
          "\\ud800",
          "\\udc00",
          "\xef\xbb\xbf",
          "\xed\xa0\x80",
          "null",
          "true",
          "false"};
}

}  // namespace strict_json

const Target kStrictJson = {"strict_json", 256, &strict_json::Run, &strict_json::Seeds, &strict_json::Words};

}  // namespace lfm2::fuzz
