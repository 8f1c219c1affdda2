// The calls of tools that a model has written. Input: whether calls need markers and whether the text begins in a
// thought, how the stream is cut, and the text.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/tool_call_stream.h"
#include "lfm2/text/tool_call_writer.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace tool_calls {

using Json = nlohmann::ordered_json;

struct Outcome {
  std::string calls;
  Status status;
};

bool IsWithin(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

// Every getter of every argument, each of which says at most one thing about a value.
void Look(const ToolCall& call, std::string_view text) {
  LFM2_HOLDS(!call.name().empty() && IsWithin(call.name(), text));
  ToolItem item;
  std::vector<char> buffer(text.size());
  std::string_view view;
  for (ToolItems items = call.arguments(); items.Next(&item);) {
    LFM2_HOLDS(IsWithin(item.value.spelling(), text));
    int64_t integer = 0;
    double number = 0;
    bool on = false;
    const ToolValueKind kind = item.value.kind();
    LFM2_HOLDS(item.value.GetInteger(&integer).ok() == (kind == ToolValueKind::kInteger));
    LFM2_HOLDS(item.value.GetBool(&on).ok() == (kind == ToolValueKind::kBool));
    LFM2_HOLDS(item.value.GetString(buffer, &view).ok() == (kind == ToolValueKind::kString));
    if (item.value.GetNumber(&number).ok()) {
      LFM2_HOLDS(kind == ToolValueKind::kInteger || kind == ToolValueKind::kNumber);
    }
    ToolItem inner;
    for (ToolItems members(item.value); members.Next(&inner);) LFM2_HOLDS(IsWithin(inner.value.spelling(), text));
  }
}

std::string Written(const ToolCall& call) {
  std::string json;
  ToolJsonWriter([&](std::string_view piece) {
    LFM2_HOLDS(!piece.empty());
    json += piece;
  }).Call(call);
  // Numbers beyond a double are JSON, and more than this reader takes.
  const Json read = Json::parse(json, nullptr, false);
  LFM2_HOLDS(!read.is_discarded() || json.find_first_of("eE0123456789") != std::string::npos);
  if (!read.is_discarded()) {
    LFM2_HOLDS(read.size() == 2 && read["name"].is_string() && read["arguments"].is_object());
  }
  // What is written reads back as the same.
  const std::string marked = std::string(kToolCallBegin) + json;
  ToolCallReader reader(marked);
  ToolCall again;
  LFM2_HOLDS(reader.Next(&again));
  std::string second;
  ToolJsonWriter([&](std::string_view piece) { second += piece; }).Call(again);
  LFM2_HOLDS(second == json);
  return json + "\n";
}

Outcome ReadWhole(std::string_view text, const ToolCallPlaces& places) {
  Outcome out;
  ToolCallReader reader(text, places);
  for (ToolCall call; reader.Next(&call);) {
    Look(call, text);
    out.calls += Written(call);
  }
  out.status = reader.status();
  CheckSentence(out.status);
  LFM2_HOLDS(out.status.ok() || out.status.value() <= text.size());
  return out;
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint32_t flags = input.Byte();
  uint32_t cut = input.Byte();
  const std::string text(input.Rest());
  ToolCallPlaces places;
  places.begins_in_thought = (flags & 1) != 0;
  places.needs_markers = false;
  ReadWhole(text, places);
  places.needs_markers = true;
  const Outcome whole = ReadWhole(text, places);

  // In pieces of changing length.
  Outcome streamed;
  std::string around;
  std::vector<char> buffer(text.size());
  ToolCallStream stream(buffer, places.begins_in_thought);
  const auto show = [&](std::string_view piece) {
    LFM2_HOLDS(!piece.empty());
    around += piece;
  };
  const auto act = [&](const ToolCall& call) { streamed.calls += Written(call); };
  for (size_t at = 0; at < text.size();) {
    cut = cut * 5 + 3;
    const size_t size = std::min<size_t>(text.size() - at, (flags & 2) != 0 ? 1 : cut % 23);
    const std::string piece = text.substr(at, size);
    static_cast<void>(stream.Put(piece, show, act));
    at += size;
  }
  streamed.status = stream.End(show, act);
  LFM2_HOLDS(streamed.calls == whole.calls);
  LFM2_HOLDS(streamed.status.code() == whole.status.code() && streamed.status.value() == whole.status.value());
  LFM2_HOLDS(whole.calls.empty() && whole.status.ok() ? around.size() <= text.size() : around.size() < text.size());
}

std::vector<std::string> Seeds() {
  const std::string begin = "<|tool_call_start|>", end = "<|tool_call_end|>", head(2, '\0');
  return {head + begin + "[say(text='a, b) c', n=-1)]" + end,
          head + begin + "[f(a=[1, (2, 3), {'k': \"v\"}], b=True), g(1.5e3, None)]" + end + " Done.",
          head + "Well. " + begin + R"([{"name": "f", "arguments": {"a": [1, {"b": "\u00e9\ud83d\ude00"}]}}])" + end,
          head + "<think>" + begin + "[f(]" + end + "</think>" + begin + "f(from='it\\'s \\x41\\101\\u0041')" + end,
          head + begin + "[a.b(x=0x1F, y=1_000, z=.5, w=((1)), v=(1,))]" + end + begin + "[]" + end,
          head + "[f(a='cut",
          head + R"({"name": "f", "arguments": {"a": 1}})"};
}

std::vector<std::string> Words() {
  return {"<|tool_call_start|>",
          "<|tool_call_end|>",
          "<think>",
          "</think>",
          "[f(",
          ")]",
          "a=",
          "'",
          "\"",
          "\\u0041",
          "\\ud83d\\ude00",
          "\\x41",
          "\\\n",
          "None",
          "true",
          "{'a':",
          "(((",
          "0x",
          "1_0",
          "e-5",
          "{\"name\": \"f\", \"arguments\": {",
          "}}",
          "[[[["};
}

}  // namespace tool_calls

const Target kToolCalls = {"tool_calls", 400, &tool_calls::Run, &tool_calls::Seeds, &tool_calls::Words};

}  // namespace lfm2::fuzz
