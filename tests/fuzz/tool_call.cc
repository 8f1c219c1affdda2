// A call of a tool within an assistant's message. Input: how it is given, and the call, its function or its arguments;
// or the call as the library is given it.
#include <string>

#include "programs/files/files.h"
#include "programs/files/json_dumps.h"
#include "programs/text/chat_formats.h"
#include "programs/text/chat_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace tool_call {

using Json = nlohmann::ordered_json;

std::string Message(uint32_t kind, const std::string& text) {
  const std::string begin = R"([{"role":"assistant","tool_calls":[)", end = "]}]";
  switch (kind) {
    case 0: return begin + text + end;
    case 1: return begin + R"({"function":)" + text + "}" + end;
    case 2: return begin + R"({"name":"f","arguments":)" + text + "}" + end;
    default: return begin + R"({"name":"f","arguments":)" + tools::JsonString(text) + "}" + end;
  }
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    if (c.kind != Utf8Char::Kind::kValid) return false;
    text.remove_prefix(c.length);
  }
  return true;
}

// What is taken is JSON to another reader, too, which refuses numbers beyond a double's and ends a text at a NUL.
void SpellAsGiven(const std::string& text) {
  const std::string_view view = text;
  const ToolCallList calls(&view, 1);
  for (const ChatFormat& format : tools::KnownChatFormats()) {
    std::string spelled;
    const Status status = calls.Spell(0, format, [&](std::string_view piece) {
      LFM2_HOLDS(!piece.empty());
      spelled += piece;
    });
    CheckSentence(status);
    if (!status.ok()) continue;
    LFM2_HOLDS(IsUtf8(spelled) && spelled.back() == ')');
    LFM2_HOLDS(Json::accept(text) || text.find_first_of("eE") != std::string::npos || text.size() > 300);
  }
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint32_t kind = input.Below(5);
  if (kind == 4) return SpellAsGiven(std::string(input.Rest()));
  const std::string text = Message(kind, std::string(input.Rest()));
  Json messages;
  tools::ChatJson chat;
  tools::Error error = tools::ParseJson("messages", text, &messages);
  if (error.ok()) error = chat.ReadMessages(*tools::FindChatFormat("lfm2_5"), messages);
  CheckSentence(error);
  if (!error.ok()) return;
  const ChatPrompt prompt = chat.Prompt(true);
  LFM2_HOLDS(prompt.messages.size() >= 1);
  const ToolCallList calls = prompt.messages[0].tool_calls;
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const ChatFormat& format : tools::KnownChatFormats()) {
      std::string spelled;
      const Status status = calls.Spell(i, format, [&](std::string_view piece) { spelled += piece; });
      CheckSentence(status);
      // A call is name(arguments), in one line unless the name or a key brings one in. Only its depth can be refused.
      LFM2_HOLDS(!status.ok() || (spelled.back() == ')' && spelled.find('(') != std::string::npos));
      LFM2_HOLDS(IsUtf8(spelled));
    }
  }
  // JSON that is written reads back as what it was.
  Json again;
  LFM2_HOLDS(tools::ParseJson("again", tools::JsonDumps(messages), &again).ok());
  LFM2_HOLDS(tools::JsonDumps(again) == tools::JsonDumps(messages));
}

std::vector<std::string> Seeds() {
  return {std::string(1, '\0') + R"({"type":"function","function":{"name":"f","arguments":{"a":1}}})",
          "\1"
          R"({"name":"f","arguments":"{\"a\":[1,{\"b\":null}]}"})",
          "\2"
          R"({"text":"it's \\ \n","n":-1.5e-7,"t":true,"l":[[],{}],"z":null})",
          "\3"
          R"({"a":1,"a":2})",
          "\4"
          R"({"arguments":"{\"a\": [\"it's\\n\", {\"b\": null}], \"c\": \"\\ud83d\\ude00\"}","name":"f\u00e9"})",
          "\4"
          R"({"type":"function","function":{"name":"f","arguments":{"a":["\u200b",1e5,true],"b":{}}}})",
          "\3[1]",
          "\2null"};
}

std::vector<std::string> Words() {
  return {"\"name\":", "\"arguments\":", "\"function\":", "\"f\"", "\\u0000", "\\ud83d\\ude00", "[[[[", "{\"a\":",
          "1e16",      "1e-5",           "5e-324",        "-0.0",  "null",    "true",           "'",    "\\\\"};
}

}  // namespace tool_call

const Target kToolCall = {"tool_call", 256, &tool_call::Run, &tool_call::Seeds, &tool_call::Words};

}  // namespace lfm2::fuzz
