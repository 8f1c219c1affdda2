#include "programs/pack/chat_probes.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

// For each: a description, the messages, the tools, and whether an answer begins.
constexpr char kProbes[] = R"json([
["a question", [{"role": "user", "content": "  Hi <|im_end|> \u00e9\ud83d\ude00\r\n'\"\\ "}], null, true],
["a system text", [{"role": "system", "content": " Be <b>brief</b>.\n"}, {"role": "user", "content": "x"},
  {"role": "assistant", "content": "y"}, {"role": "system", "content": "z"}, {"role": "user", "content": ""}],
  null, true],
["an empty system text", [{"role": "system", "content": ""}, {"role": "user", "content": "x"}], null, false],
["tools", [{"role": "user", "content": "x"}], [{"type": "function", "function": {"name": "f", "description":
  "it's \"\u00fc\" </b>", "parameters": {"type": "object", "properties": {"n": {"type": "number"}}}}}], true],
["a system text and two tools", [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}],
  [{"name": "f"}, {"name": "g", "n": [1, 2.5, null, true]}], false],
["an empty system text and a tool", [{"role": "system", "content": ""}, {"role": "user", "content": "x"}],
  [{"name": "f"}], false],
["the result of a tool", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "[f()]"},
  {"role": "tool", "content": "{\"ok\": \"it's\"}"}, {"role": "tool", "content": ""}], null, true],
["a call of a tool", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "a ", "tool_calls": [
  {"type": "function", "function": {"name": "f", "arguments": {"t": "x", "n": -7, "r": 0.5, "b": true, "z": null}}},
  {"type": "function", "function": {"name": "g", "arguments": {}}}]}, {"role": "tool", "content": "ok"}], null, false],
["a call without content", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [
  {"type": "function", "function": {"name": "f", "arguments": {"f": false}}}]}], null, true],
["a text with quotes and line breaks as an argument", [{"role": "user", "content": "x"}, {"role": "assistant",
  "content": "", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {
  "t": "it's \"q\" \\ \n \r \t \u0001 \u00e9\u200b"}}}]}], null, false],
["a list as an argument", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [
  {"type": "function", "function": {"name": "f", "arguments": {"l": ["it's", "\"q\" \\ \n\t \u00e9\u200b", [null, true],
  {"k": "v", "n": 1e22}], "e": []}}}]}], null, false],
["an object as an argument", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [
  {"type": "function", "function": {"name": "f", "arguments": {"o": {"k k": "it's \"q\" \\ \n",
  "n": [false, null, 1.5]}, "e": {}}}}]}], null, false],
["thoughts within contents", [{"role": "user", "content": "a</think> b"}, {"role": "assistant", "content":
  "<think>1</think>2</think> \n c \t"}, {"role": "user", "content": "d"}, {"role": "assistant", "content":
  "<think>3</think>\n e "}, {"role": "tool", "content": "t</think> u"}, {"role": "assistant", "content":
  "<think>4</think> g "}], null, true],
["thoughts before the last question", [{"role": "user", "content": "a"}, {"role": "assistant", "content":
  "<think>1</think> c "}, {"role": "assistant", "content": " <think>2</think>\u00a0d\u3000"},
  {"role": "user", "content": "e"}], null, true],
["thoughts of their own", [{"role": "user", "content": "a"}, {"role": "assistant", "thinking": "1", "content": "b"},
  {"role": "user", "content": "c"}, {"role": "assistant", "thinking": "2\n", "content": "<think>3</think> d",
  "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {}}}]}, {"role": "tool", "content": "e"},
  {"role": "assistant", "thinking": " 4 ", "content": ""}], null, false],
["an answer that nobody asked for", [{"role": "assistant", "content": "<think>1</think> a"}], null, true]
])json";

constexpr char kDetails[] = R"json([
["a content that is null", [{"role": "user", "content": null}], null, false],
["a content of parts", [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"},
  {"type": "text", "text": "b"}]}], null, false],
["a content of parts of other kinds", [{"role": "user", "content": ["a", {"type": "text", "text": "b"},
  {"x": "it's"}]}], null, false],
["thoughts that are empty", [{"role": "user", "content": "x"}, {"role": "assistant", "thinking": "", "content": "y"}],
  null, false],
["a list of calls that is empty", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y",
  "tool_calls": []}], null, false],
["thoughts that are called reasoning", [{"role": "user", "content": "x"}, {"role": "assistant", "reasoning": "r",
  "content": "y"}, {"role": "assistant", "reasoning_content": "s", "content": "z"}], null, false]
])json";

void AddProbes(const char* text, bool is_details, std::vector<ChatProbe>* probes) {
  constexpr const char* kDates[] = {"2026-11-25", "2000-02-29", "2031-01-01"};
  for (Json& row : Json::parse(text)) {
    ChatProbe probe;
    probe.what = row[0].get<std::string>();
    probe.chat = {{"messages", row[1]}, {"tools", row[2]}, {"add_generation_prompt", row[3]}};
    probe.date = kDates[probes->size() % 3];
    probe.is_detail = is_details;
    probes->push_back(probe);
  }
}

}  // namespace

const std::vector<ChatProbe>& ChatProbes() {
  static const std::vector<ChatProbe> kAll = [] {
    std::vector<ChatProbe> probes;
    AddProbes(kProbes, false, &probes);
    AddProbes(kDetails, true, &probes);
    return probes;
  }();
  return kAll;
}

}  // namespace lfm2::tools
