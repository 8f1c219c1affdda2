#include "lfm2/text/tool_call_stream.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lfm2/text/tool_call_writer.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

// The result of an answer: text outside of calls, the calls as JSON, and the Status.
struct Outcome {
  std::string text;
  std::vector<std::string> calls;
  std::string status;
  bool operator==(const Outcome& other) const {
    return text == other.text && calls == other.calls && status == other.status;
  }
};

std::string JsonOf(const ToolCall& call) {
  std::string json;
  ToolJsonWriter([&](std::string_view piece) { json += piece; }).Call(call);
  return json;
}

Outcome Stream(const std::vector<std::string>& pieces, size_t room = 1000, bool begins_in_thought = false) {
  Outcome out;
  std::vector<char> buffer(room);
  ToolCallStream stream(buffer, begins_in_thought);
  const auto text = [&](std::string_view piece) {
    CHECK_FALSE(piece.empty());
    out.text += piece;
  };
  const auto calls = [&](const ToolCall& call) { out.calls.push_back(JsonOf(call)); };
  Status status;
  for (const std::string& piece : pieces) {
    // Exactly as large as it is, so that the sanitizer sees any read beyond it.
    const std::vector<char> bytes(piece.begin(), piece.end());
    status = stream.Put({bytes.data(), bytes.size()}, text, calls);
    if (!status.ok()) break;
  }
  const Status end = stream.End(text, calls);
  if (!status.ok()) CHECK(Sentence(end) == Sentence(status));
  out.status = end.ok() ? "" : Sentence(end);
  return out;
}

TEST_CASE("calls come out of a stream as they do of the whole answer, wherever it is cut") {
  const std::string answers[] = {
      "Just text, with < and <| and <|tool_call and <|tool_call_start.",
      "I will.\n<|tool_call_start|>[say(text='a\\'b\\u00e9\\ud83d\\ude00 \xf0\x9f\x98\x80]', n=-1), "
      "g()]<|tool_call_end|> Done.",
      "<|tool_call_start|>{\"name\": \"f\", \"arguments\": {\"a\": \"it's <|tool_call_end|>\\\"\"}}<|tool_call_end|>",
      "<think>Maybe <|tool_call_start|>[f(]<|tool_call_end|></think>x<|tool_call_start|>f(1)<|tool_call_end|>y",
      "<<|tool_call_start|>f(a='\\\\')<|tool_call_end|><|tool_call_start|>g()",
      "<|tool_call_start|>[f(a=1), g(a=]<|tool_call_end|> text after it",
      "ok <|tool_call_start|>[f()]<|tool_call_end|> <|tool_call_start|>[f(a='",
      "<|tool_call_start|>[f(a=1)] <|tool_call_e",
      "<|tool_<|tool_call_start|>[f(a='<<|tool_call_end|>')]<<|tool_call_end|>",
  };
  for (const std::string& answer : answers) {
    CAPTURE(answer);
    const Outcome whole = Stream({answer});
    ToolCallReader reader(answer);
    std::vector<std::string> calls;
    for (ToolCall call; reader.Next(&call);) calls.push_back(JsonOf(call));
    CHECK(whole.calls == calls);
    CHECK(whole.status == (reader.status().ok() ? "" : Sentence(reader.status())));
    for (size_t first = 0; first <= answer.size(); ++first) {
      CAPTURE(first);
      CHECK(Stream({answer.substr(0, first), answer.substr(first)}) == whole);
      for (size_t second = first; second <= answer.size(); second += 5) {
        CHECK(Stream({answer.substr(0, first), answer.substr(first, second - first), answer.substr(second)}) == whole);
      }
    }
    std::vector<std::string> bytes;
    for (const char byte : answer) bytes.emplace_back(1, byte);
    CHECK(Stream(bytes) == whole);
  }
}

TEST_CASE("text around calls is passed on as it arrives, and only a possible marker is held back") {
  std::vector<char> buffer(100);
  ToolCallStream stream(buffer);
  std::string text;
  size_t calls = 0;
  const auto put = [&](std::string_view piece) {
    text.clear();
    CHECK(stream
              .Put(
                  piece, [&](std::string_view t) { text += t; }, [&](const ToolCall&) { ++calls; })
              .ok());
    return text;
  };
  CHECK(put("Well, ") == "Well, ");
  CHECK(put("1 <") == "1 ");
  CHECK(put(" 2<|tool_") == "< 2");
  CHECK(put("box") == "<|tool_box");
  CHECK(put("<think><|tool_call_start|>") == "<think><|tool_call_start|>");
  CHECK(put("[f()]<|tool_call_end|></think>") == "[f()]<|tool_call_end|></think>");
  CHECK_FALSE(stream.in_call());
  CHECK(put("<|tool_call_start|>[f()") == "");
  CHECK(stream.in_call());
  CHECK(calls == 0);
  CHECK(put(", g()]<|tool_call_end|>bye") == "bye");
  CHECK(calls == 2);
  CHECK(Stream({"a<"}).text == "a<");
}

TEST_CASE("an answer that begins within a thought has no calls before that ends") {
  const std::string call = "<|tool_call_start|>[f()]<|tool_call_end|>";
  const Outcome out = Stream({call + "</think>" + call}, 100, true);
  CHECK(out.text == call + "</think>");
  CHECK(out.calls.size() == 1);
}

TEST_CASE("a call that does not fit the buffer is an error that says so, and one that just fits is not") {
  const std::string call = "<|tool_call_start|>[f()]<|tool_call_end|>";
  CHECK(Stream({"x" + call + "y"}, call.size()).calls.size() == 1);
  const Outcome out = Stream({"x" + call + "y"}, call.size() - 1);
  CHECK(out.text == "x");
  CHECK(out.calls.empty());
  CHECK(out.status == "output too small: tool call is longer than the buffer: bytes: " + std::to_string(call.size()) +
                          ", room for " + std::to_string(call.size() - 1));
  CHECK(Stream({call}, 0).status != "");
}

}  // namespace
}  // namespace lfm2::test
