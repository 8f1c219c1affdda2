// A call of a tool within an assistant's message. Input: how it is given, and the call, its function or its arguments.
#include <string>

#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tools/common/chat_json.h"
#include "tools/common/files.h"
#include "tools/common/json_dumps.h"

namespace lfm2::fuzz {
namespace {

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

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint32_t kind = input.Below(4);
  const std::string text = Message(kind, std::string(input.Rest()));
  Json messages;
  tools::ChatJson chat;
  tools::Error error = tools::ParseJson("messages", text, &messages);
  if (error.ok()) error = chat.ReadMessages(ChatTemplate::kLfm2_5, messages);
  CheckSentence(error);
  if (!error.ok()) return;
  const ChatPrompt prompt = chat.Prompt(true);
  LFM2_HOLDS(prompt.messages.size() >= 1);
  for (const std::string_view call : prompt.messages[0].tool_calls) {
    // A call is name(arguments), in one line unless the name or a key brings one in.
    LFM2_HOLDS(!call.empty() && call.back() == ')' && call.find('(') != std::string_view::npos);
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
          "\3[1]",
          "\2null"};
}

std::vector<std::string> Words() {
  return {"\"name\":", "\"arguments\":", "\"function\":", "\"f\"", "\\u0000", "\\ud83d\\ude00", "[[[[", "{\"a\":",
          "1e16",      "1e-5",           "5e-324",        "-0.0",  "null",    "true",           "'",    "\\\\"};
}

}  // namespace

const Target kToolCall = {"tool_call", 256, &Run, &Seeds, &Words};

}  // namespace lfm2::fuzz
