#include "lfm2/text/tool_call.h"

#include "lfm2/text/chat.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

// The text of a call, or what the Status says.
std::string Spelled(std::string_view call, const ChatFormat& format) {
  std::string text;
  const ToolCallList calls(&call, 1);
  const Status status = calls.Spell(0, format, [&](std::string_view piece) {
    CHECK_FALSE(piece.empty());
    text += piece;
  });
  return status.ok() ? text : Sentence(status);
}

TEST_CASE("calls are spelled as Python spells them for the templates: models were trained on no other spelling") {
  ChatFormat escaped = Format("lfm2_5"), plain = Format("lfm2_5_raw"), twice = plain;
  twice.quotes = ChatQuotes::kDouble;
  twice.lists = ChatNesting::kJson;
  twice.objects = ChatNesting::kPython;
  const auto json = ReadJson("tool-calls.json");
  REQUIRE(json["cases"].size() == 60);
  for (const auto& c : json["cases"]) {
    const std::string call = c["call"];
    CAPTURE(call);
    CHECK(Spelled(call, escaped) == c["escaped_json"].get<std::string>());
    CHECK(Spelled(call, plain) == c["plain_python"].get<std::string>());
    CHECK(Spelled(call, twice) == c["double_python"].get<std::string>());
  }
}

TEST_CASE("what is not a call is refused with the byte, before a prompt is written") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is not well-formed JSON: byte: 0"},
      {"[]", "has no name: byte: 0"},
      {"{\"name\": 1}", "has no name: byte: 0"},
      {"{\"function\": {\"nam\": \"f\"}}", "has no name: byte: 13"},
      {"{\"name\": \"f\"", "is not well-formed JSON: byte: 12"},
      {"{\"name\": \"f\"} x", "is not well-formed JSON: byte: 14"},
      {"{\"name\": \"f\", \"arguments\": [1]}", "has arguments that are not an object: byte: 27"},
      {"{\"name\": \"f\", \"arguments\": \"[1]\"}", "has arguments that are not an object: byte: 28"},
      {"{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": }\"}", "is not well-formed JSON: byte: 36"},
      {"{\"name\": \"f\", \"arguments\": \"{} {}\"}", "is not well-formed JSON: byte: 31"},
      {"{\"name\": \"f\", \"arguments\": \"nul\"}", "is not well-formed JSON: byte: 31"},
      {"{\"name\": \"f\\x\"}", "is not well-formed JSON: byte: 12"},
      {"{\"name\": \"\\ud800\"}", "is not well-formed JSON: byte: 16"},
      {"{\"name\": \"\xff\"}", "is not well-formed JSON: byte: 10"},
      {"{\"name\": \"f\", \"a\": 01}", "is not well-formed JSON: byte: 20"},
      {"{\"name\": \"f\", \"a\": 1.}", "is not well-formed JSON: byte: 21"},
      {"{\"name\": \"f\", \"a\": -}", "is not well-formed JSON: byte: 20"},
      {"{\"name\": \"f\", \"a\": [1,]}", "is not well-formed JSON: byte: 22"},
      {"{\"name\": \"f\", }", "is not well-formed JSON: byte: 14"},
      {"{\"name\": \"f\", \"a\": \"\n\"}", "is not well-formed JSON: byte: 20"},
  };
  for (const auto& [text, sentence] : cases) {
    const std::string call = text;
    CAPTURE(call);
    CHECK(Spelled(call, Format("lfm2_5")) == "invalid argument: tool call " + std::string(sentence));
  }
  const std::string deep = std::string(255, '[') + std::string(255, ']');
  CHECK(Spelled("{\"name\": \"f\", \"arguments\": {\"a\": " + deep + "}}", Format("lfm2_5")).find("nested") !=
        std::string::npos);
  CHECK(Spelled("{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":[" + deep + "]}\"}", Format("lfm2_5")) ==
        "f(a=[" + deep + "])");

  const std::string_view calls[] = {"{\"name\": \"f\"}", "{}"};
  const ChatMessage messages[] = {{ChatRole::kUser, "x"}, {ChatRole::kAssistant, "y", {}, calls}};
  ChatPrompt prompt;
  prompt.messages = messages;
  const auto none = [](ChatPiece) { FAIL("nothing may be written"); };
  const Status status = RenderChat(Format("lfm2_5"), "", prompt, none);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.index() == 1);
  // Formats that do not write calls do not read them.
  CHECK(RenderChat(Format("lfm2"), "", prompt, [](ChatPiece) {}).ok());
}

TEST_CASE("a marker within an argument comes in one piece, so that a trusted one can become its token") {
  const std::string call = R"({"name":"f","arguments":{"a":")" + std::string(57, 'x') + R"(<|tool_response_start|>"}})";
  const std::string_view view = call;
  bool found = false;
  const ToolCallList calls(&view, 1);
  REQUIRE(calls
              .Spell(0, Format("lfm2_5"),
                     [&](std::string_view piece) {
                       found = found || piece.find("<|tool_response_start|>") != std::string_view::npos;
                     })
              .ok());
  CHECK(found);
}

}  // namespace
}  // namespace lfm2::test
