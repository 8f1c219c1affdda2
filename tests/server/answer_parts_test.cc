// What a client sees of an answer: content, thoughts and calls, however the text was cut on its way.
#include "programs/server/answer_parts.h"

#include <doctest/doctest.h>

namespace lfm2::tools {
namespace {

const nlohmann::ordered_json kTools = nlohmann::ordered_json::parse(
    R"([{"name":"light","parameters":{"properties":{"room":{"type":"string"},"on":{"type":"boolean"}}}}])");
const nlohmann::ordered_json kNone = nlohmann::ordered_json::array();

struct Case {
  const char* text;
  bool thinks;
  bool has_tools;
  const char* content;
  const char* thoughts;
  const char* calls;  // name and arguments of each, with a space between them and a ; after them
};

std::string Calls(const AnswerDelta& delta) {
  std::string text;
  for (const AnsweredCall& call : delta.calls) text += call.name + " " + call.arguments + ";";
  return text;
}

void Append(const AnswerDelta& from, AnswerDelta* to) {
  to->content += from.content;
  to->thoughts += from.thoughts;
  to->calls.insert(to->calls.end(), from.calls.begin(), from.calls.end());
}

const Case kCases[] = {
    {"Hello.", false, true, "Hello.", "", ""},
    {"1 < 2 <| <think", false, true, "1 < 2 <| <think", "", ""},
    {"<think>hm</think>\n\nYes.\n\n", false, false, "Yes.\n\n", "hm", ""},
    {"hm</think> Yes.", true, false, "Yes.", "hm", ""},
    {"no end of this", true, true, "", "no end of this", ""},
    {"a<think>b</think>c<think>d</think>", false, false, "ac", "bd", ""},
    {R"(<|tool_call_start|>[light(room="a", on=True)]<|tool_call_end|>)", false, true, "", "",
     R"(light {"room": "a", "on": true};)"},
    {R"(So: <|tool_call_start|>[light("a"), other(x=[1, None])]<|tool_call_end|> Done.)", false, true, "So:  Done.", "",
     R"(light {"room": "a"};other {"x": [1, null]};)"},
    {"<|tool_call_start|>[f()]<|tool_call_end|>", false, false, "<|tool_call_start|>[f()]<|tool_call_end|>", "", ""},
    {"<|tool_call_start|>f(<|tool_call_end|>x", false, true, "<|tool_call_start|>f(<|tool_call_end|>x", "", ""},
    {"<|tool_call_start|>[f(a=", false, true, "<|tool_call_start|>[f(a=", "", ""},
    {"<think><|tool_call_start|>[f()]<|tool_call_end|></think>", false, true, "",
     "<|tool_call_start|>[f()]<|tool_call_end|>", ""},
    {"<|tool_call_sta", false, true, "<|tool_call_sta", "", ""},
};

}  // namespace

TEST_CASE("an answer is divided alike wherever it is cut into pieces") {
  for (const Case& c : kCases) {
    CAPTURE(c.text);
    const std::string_view text = c.text;
    for (size_t first = 0; first <= text.size(); ++first) {
      for (size_t second = first; second <= text.size(); ++second) {
        AnswerParts parts(c.thinks, c.has_tools ? kTools : kNone);
        AnswerDelta all;
        Append(parts.Put(text.substr(0, first)), &all);
        Append(parts.Put(text.substr(first, second - first)), &all);
        Append(parts.Put(text.substr(second)), &all);
        Append(parts.End(), &all);
        if (all.content == c.content && all.thoughts == c.thoughts && Calls(all) == c.calls) continue;
        CAPTURE(first);
        CAPTURE(second);
        CHECK(all.content == c.content);
        CHECK(all.thoughts == c.thoughts);
        CHECK(Calls(all) == c.calls);
        return;
      }
    }
  }
}

TEST_CASE("text that is no marker's beginning does not wait") {
  AnswerParts parts(false, kTools);
  CHECK(parts.Put("Hello, ").content == "Hello, ");
  CHECK(parts.Put("a <").content == "a ");
  CHECK(parts.Put("b").content == "<b");
}

}  // namespace lfm2::tools
