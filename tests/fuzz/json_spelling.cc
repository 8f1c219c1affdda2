// JSON that is respelled for a prompt. Input: the text.
#include "lfm2/text/json_spelling.h"

#include <nlohmann/json.hpp>
#include <string>

#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace json_spelling {

using Json = nlohmann::ordered_json;

Status Spell(std::string_view text, std::string* out) {
  JsonSpeller speller(text, "text");
  for (std::string_view piece; speller.Next(&piece);) {
    LFM2_HOLDS(!piece.empty());
    *out += piece;
  }
  return speller.status();
}

void Run(std::string_view bytes) {
  const std::string text(bytes);  // memory of just this size
  std::string spelled, again;
  const Status status = Spell(text, &spelled);
  CheckSentence(status);
  // Another reader takes the same texts. It refuses numbers beyond a double's, lets a byte order mark go, and ends a
  // text at a NUL.
  if (status.ok()) {
    const bool large_number = text.find_first_of("eE") != std::string::npos || text.size() > 300;
    LFM2_HOLDS(Spell(spelled, &again).ok() && again == spelled);
    LFM2_HOLDS(Json::accept(text) == Json::accept(spelled));
    LFM2_HOLDS(Json::accept(text) ? Json::parse(text) == Json::parse(spelled) : large_number);
  } else if (text.find('\0') == std::string::npos && text.rfind("\xef\xbb\xbf", 0) != 0 &&
             std::string_view(status.what()).find("nested") == std::string_view::npos) {
    LFM2_HOLDS(!Json::accept(text));
  }
}

std::vector<std::string> Seeds() {
  return {R"({"name": "f", "a":[1,-2.5e+7,true,null,{}], "b" :"\u00e9\/\n"})", R"(["\ud83d\ude00","\\\"",[[]]])", "0",
          " \"x\" ", std::string(300, '[')};
}

std::vector<std::string> Words() {
  return {"\\u", "\\ud83d\\ude00", "\\u0000", "\\/",  "{\"a\":", "[[", "]]",  "},",       ", ",
          ": ",  "true",           "false",   "null", "-0",      "e+", "1.5", "\xc3\xa9", "\xed\xa0\x80"};
}

}  // namespace json_spelling

const Target kJsonSpelling = {"json_spelling", 600, &json_spelling::Run, &json_spelling::Seeds, &json_spelling::Words};

}  // namespace lfm2::fuzz
