#include "lfm2/text/tool_call_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "lfm2/text/tool_call_writer.h"
#include "tests/text/call_text.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

// Every call of a text as JSON, one after another, and what the Status says unless it is ok.
std::string Read(const std::string& text, const ToolCallPlaces& places = ToolCallPlaces()) {
  // Exactly as large as it is, so that the sanitizer sees any read beyond it.
  const std::vector<char> bytes(text.begin(), text.end());
  ToolCallReader reader({bytes.data(), bytes.size()}, places);
  std::string out;
  for (ToolCall call; reader.Next(&call);) {
    ToolJsonWriter([&](std::string_view piece) { out += piece; }).Call(call);
  }
  ToolCall none;
  CHECK_FALSE(reader.Next(&none));
  return reader.status().ok() ? out : out + Sentence(reader.status());
}
// The arguments of the one call f(...).
std::string Arguments(const std::string& arguments) {
  const std::string json = Read(InMarkers("[f(" + arguments + ")]"));
  const std::string begin = R"({"name": "f", "arguments": )";
  if (json.compare(0, begin.size(), begin) != 0) return json;
  return json.substr(begin.size(), json.size() - begin.size() - 1);
}
ToolCallPlaces Anywhere() {
  ToolCallPlaces places;
  places.needs_markers = false;
  return places;
}

TEST_CASE("calls are read in every form in which models write them: a device would do nothing, or something else") {
  const std::pair<const char*, const char*> cases[] = {
      {"[say(text='a, b) c', n=-1)]", R"({"name": "say", "arguments": {"text": "a, b) c", "n": -1}})"},
      {"[f(a=1), g(b=2)]", R"({"name": "f", "arguments": {"a": 1}}{"name": "g", "arguments": {"b": 2}})"},
      {"f(a=1)", R"({"name": "f", "arguments": {"a": 1}})"},
      {"f(a=1), g()", R"({"name": "f", "arguments": {"a": 1}}{"name": "g", "arguments": {}})"},
      {" \n [ f ( a = 1 , ) , ] \n ", R"({"name": "f", "arguments": {"a": 1}})"},
      {"[]", ""},
      {"[home.lights.set(from='x', class=\"y\", None=1)]",
       R"({"name": "home.lights.set", "arguments": {"from": "x", "class": "y", "None": 1}})"},
      {"[get-weather/v1(user-id=1)]", R"({"name": "get-weather/v1", "arguments": {"user-id": 1}})"},
      {"[f\xc3\xbcr(gr\xc3\xb6\xc3\x9f"
       "e=1)]",
       "{\"name\": \"f\xc3\xbcr\", \"arguments\": {\"gr\xc3\xb6\xc3\x9f"
       "e\": 1}}"},
      {"[f(1, 'b', c=[2])]", R"({"name": "f", "arguments": {"0": 1, "1": "b", "c": [2]}})"},
      {R"({"name": "f", "arguments": {"a": {"b": [1, "x", null]}}})",
       R"({"name": "f", "arguments": {"a": {"b": [1, "x", null]}}})"},
      {R"( [ {"arguments":{"a":1},"id":[{}],"name":"f"} , {"name":"g"}, {"name":"h","arguments":null} ] )",
       R"({"name": "f", "arguments": {"a": 1}}{"name": "g", "arguments": {}}{"name": "h", "arguments": {}})"},
      {R"({"name": "f", "arguments": {"a": "\u00e9\ud83d\ude00\/\n", "": 1}})",
       "{\"name\": \"f\", \"arguments\": {\"a\": \"\xc3\xa9\xf0\x9f\x98\x80/\\n\", \"\": 1}}"},
  };
  for (const auto& [given, json] : cases) {
    const std::string calls = given;
    CAPTURE(calls);
    CHECK(Read(InMarkers(calls)) == json);
    CHECK(Read("<|tool_call_start|>" + calls) == json);
    CHECK(Read("I will. " + InMarkers(calls) + " Done.") == json);
    CHECK(Read(InMarkers(calls) + "\n" + InMarkers(calls)) == std::string(json) + json);
  }
}

TEST_CASE("values are what Python's literals are: numbers, texts, lists and dictionaries") {
  const std::pair<const char*, const char*> cases[] = {
      {"a=True, b=False, c=None, d=true, e=false, f=null",
       R"({"a": true, "b": false, "c": null, "d": true, "e": false, "f": null})"},
      {"a=0, b=+1, c=-0, d=1_000, e=00, f=- 1", R"({"a": 0, "b": 1, "c": -0, "d": 1000, "e": 0, "f": -1})"},
      {"a=.5, b=1., c=1.e5, d=-.5e-1_0, e=007.5, f=01e2, g=1E+5",
       R"({"a": 0.5, "b": 1.0, "c": 1.0e5, "d": -0.5e-10, "e": 7.5, "f": 1e2, "g": 1E+5})"},
      {"a=0x1F, b=-0b101, c=0o17, d=0xffff_ffff_ffff_ffff, e=0X_0",
       R"({"a": 31, "b": -5, "c": 15, "d": 18446744073709551615, "e": 0})"},
      {"a=123456789012345678901234567890", R"({"a": 123456789012345678901234567890})"},
      {"a=[], b=(), c={}, d=[1, [2, (3,)],], e=(1, 2), f=(1), g=((('x')))",
       R"({"a": [], "b": [], "c": {}, "d": [1, [2, [3]]], "e": [1, 2], "f": 1, "g": "x"})"},
      {"a={'b': {\"c\": (1)}, 'd': [True, ({'e': None,})],}", R"({"a": {"b": {"c": 1}, "d": [true, {"e": null}]}})"},
      {R"(a='it\'s', b="it's", c='"', d="\"", e='\\', f='C:\\dir\\')",
       R"({"a": "it's", "b": "it's", "c": "\"", "d": "\"", "e": "\\", "f": "C:\\dir\\"})"},
      {R"(a='\n\t\r\a\b\f\v\0\101\7777\x41\u0042\U00000043')", R"({"a": "\n\t\r\u0007\b\f\u000b\u0000A)"
                                                               "\xc7\xbf"
                                                               R"(7ABC"})"},
      {R"(a='\d\/\ ', b='\ud83d\ude00')", "{\"a\": \"\\\\d\\\\/\\\\ \", \"b\": \"\xf0\x9f\x98\x80\"}"},
      {"a='one\ntwo', b='on\\\ne'", R"({"a": "one\ntwo", "b": "one"})"},
      {"a=']', b=')]', c='<|tool_call_end|>', d='<|tool_call_start|>['",
       R"({"a": "]", "b": ")]", "c": "<|tool_call_end|>", "d": "<|tool_call_start|>["})"},
      {"a='', b=\"\"", R"({"a": "", "b": ""})"},
      {"a={'k': 1, 'k': 2}", R"({"a": {"k": 1, "k": 2}})"},
  };
  for (const auto& [given, json] : cases) {
    const std::string arguments = given;
    CAPTURE(arguments);
    CHECK(Arguments(arguments) == json);
  }
}

TEST_CASE("what is malformed is refused with the byte and what had to be there, and no call before it is returned") {
  const std::pair<const char*, const char*> cases[] = {
      {"[f(a=1", "needs ',' or ')' at byte: 6"},
      {"[f(a='1", "needs the quote that ends a text at byte: 7"},
      {"[f(a='1\\'", "needs the quote that ends a text at byte: 9"},
      {"[f(a='1\\", "needs the quote that ends a text at byte: 8"},
      {"[f(a=", "needs a value at byte: 5"},
      {"[f(a=tru", "needs a value at byte: 8"},
      {"[f(a", "needs a value at byte: 4"},
      {"[f(", "needs a value at byte: 3"},
      {"[f", "needs '(' at byte: 2"},
      {"[f()", "needs ',' or ']' at byte: 4"},
      {"[f(),", "needs a name at byte: 5"},
      {"[", "needs a name at byte: 1"},
      {"", "needs a name at byte: 0"},
      {"1f()", "needs a name at byte: 0"},
      {"f.()", "needs '(' at byte: 1"},
      {"f..g()", "needs '(' at byte: 1"},
      {"[f(a=1) g()]", "needs ',' or ']' at byte: 8"},
      {"[f(a=1) and more", "needs ',' or ']' at byte: 8"},
      {"f() and more", "needs <|tool_call_end|> at byte: 4"},
      {"[f()] [g()]", "needs <|tool_call_end|> at byte: 6"},
      {"[f(x)]", "needs a value at byte: 3"},
      {"[f(x=y)]", "needs a value at byte: 5"},
      {"[f(x==1)]", "needs a value at byte: 5"},
      {"[f(x=1 y=2)]", "needs ',' or ')' at byte: 7"},
      {"[f(x=1,,)]", "needs an argument with a name at byte: 7"},
      {"[f(,)]", "needs a value at byte: 3"},
      {"[f(x=1, 2)]", "needs an argument with a name at byte: 8"},
      {"[f(x=1, x=2)]", "needs another name for an argument at byte: 8"},
      {"[f(*x)]", "needs a value at byte: 3"},
      {"[f(x={1, 2})]", "needs a text as key at byte: 6"},
      {"[f(x={'a', 'b'})]", "needs ':' at byte: 9"},
      {"[f(x={1: 2})]", "needs a text as key at byte: 6"},
      {"[f(x=[1}]", "needs ',' or a closing bracket at byte: 7"},
      {"[f(x=(,))]", "needs a value at byte: 6"},
      {"[f(x=[,])]", "needs a value at byte: 6"},
      {"[f(x='a' 'b')]", "needs ',' or ')' at byte: 9"},
      {"[f(x='''a''')]", "needs ',' or ')' at byte: 7"},
      {"[f(x=r'a')]", "needs a value at byte: 5"},
      {"[f(x='it's')]", "needs ',' or ')' at byte: 9"},
      {"[f(x='\\x4g')]", "needs UTF-8 and an escape that exists at byte: 6"},
      {"[f(x='a\\ud800')]", "needs UTF-8 and an escape that exists at byte: 7"},
      {"[f(x='\\U00110000')]", "needs UTF-8 and an escape that exists at byte: 6"},
      {"[f(x='\\N{DASH}')]", "needs UTF-8 and an escape that exists at byte: 6"},
      {"[f(x='a\xff')]", "needs UTF-8 and an escape that exists at byte: 7"},
      {"[f\xc3(x=1)]", "needs UTF-8 and an escape that exists at byte: 2"},
      {"[f(x=01)]", "needs a value at byte: 5"},
      {"[f(x=1__0)]", "needs ',' or ')' at byte: 6"},
      {"[f(x=1_)]", "needs ',' or ')' at byte: 6"},
      {"[f(x=1e)]", "needs a value at byte: 5"},
      {"[f(x=.)]", "needs a value at byte: 5"},
      {"[f(x=1+2j)]", "needs ',' or ')' at byte: 6"},
      {"[f(x=--1)]", "needs a value at byte: 5"},
      {"[f(x=0x1_0000_0000_0000_0000)]", "needs a value at byte: 5"},
      {"[f(x=-)]", "needs a value at byte: 5"},
      {R"({"name": "f")", "needs ',' or a closing bracket at byte: 12"},
      {R"({"name": "f"} x)", "needs <|tool_call_end|> at byte: 14"},
      {R"({"name": 1})", "needs a \"name\" that is a text without escapes, in the object at byte: 0"},
      {R"([{"name": "f"}, {"nam": "f"}])",
       "needs a \"name\" that is a text without escapes, in the object at byte: 16"},
      {R"({"name": ""})", "needs a \"name\" that is a text without escapes, in the object at byte: 0"},
      {R"({"name": "\u0066"})", "needs a \"name\" that is a text without escapes, in the object at byte: 0"},
      {R"({"name": "f", "arguments": [1]})", "needs an object of arguments at byte: 27"},
      {R"({"name": "f", "arguments": "{}"})", "needs an object of arguments at byte: 27"},
      {R"([{"name": "f"},])", "needs '{' at byte: 15"},
      {R"([{"name": "f"}, g()])", "needs '{' at byte: 16"},
      {R"({"name": "f", "arguments": {'a': 1}})", "needs a text as key at byte: 28"},
      {R"({"name": "f", "arguments": {"a": True}})", "needs a value at byte: 33"},
      {R"({"name": "f", "arguments": {"a": (1)}})", "needs a value at byte: 33"},
      {R"({"name": "f", "arguments": {"a": 1,}})", "needs a text as key at byte: 35"},
      {R"({"name": "f", "arguments": {"a": [1,]}})", "needs a value at byte: 36"},
      {R"({"name": "f", "arguments": {"a": 01}})", "needs a value at byte: 33"},
      {R"({"name": "f", "arguments": {"a": .5}})", "needs a value at byte: 33"},
      {R"({"name": "f", "arguments": {"a": 1.}})", "needs a value at byte: 33"},
      {R"({"name": "f", "arguments": {"a": +1}})", "needs a value at byte: 33"},
      {R"({"name": "f", "arguments": {"a": "\x41"}})", "needs UTF-8 and an escape that exists at byte: 34"},
      {R"({"name": "f", "arguments": {"a": "\ud83dx"}})", "needs UTF-8 and an escape that exists at byte: 34"},
  };
  const size_t marker = kToolCallBegin.size();
  for (const auto& [given, sentence] : cases) {
    const std::string calls = given;
    CAPTURE(calls);
    std::string want = "invalid argument: tool call " + std::string(sentence);
    const size_t colon = want.rfind(' ');
    const size_t byte = std::stoul(want.substr(colon + 1));
    want = want.substr(0, colon + 1) + std::to_string(byte + marker);
    // Where the text ends within a call, its end marker is the first that cannot be there.
    if (byte == calls.size()) {
      CHECK(Read("<|tool_call_start|>" + calls) == want);
    } else {
      CHECK(Read(InMarkers(calls)) == want);
    }
    const std::string good = InMarkers("[g()]");
    CHECK(Read(good + InMarkers(calls)).rfind(R"({"name": "g", "arguments": {}}invalid)", 0) == 0);
  }
}

TEST_CASE("nesting and the number of arguments are bounded, and both bounds can be reached") {
  const auto nested = [](size_t depth, const char* open, const char* close) {
    std::string text = "a=";
    for (size_t i = 0; i < depth; ++i) text += open;
    text += "1";
    for (size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  CHECK(Arguments(nested(kMaxJsonDepth, "[", "]")).rfind("{\"a\": [[", 0) == 0);
  CHECK(Arguments(nested(kMaxJsonDepth, "(", ")")) == "{\"a\": 1}");
  CHECK(Arguments(nested(kMaxJsonDepth, "{'b':", "}")).rfind("{\"a\": {\"b\": {", 0) == 0);
  CHECK(Arguments(nested(kMaxJsonDepth + 1, "[", "]")).find("needs less nesting at byte: ") != std::string::npos);
  std::string arguments = "0";
  for (size_t i = 1; i < kMaxToolArguments; ++i) arguments += "," + std::to_string(i);
  CHECK(Arguments(arguments).find("\"255\": 255}") != std::string::npos);
  CHECK(Arguments(arguments + ",256").find("fewer arguments") != std::string::npos);
}

TEST_CASE("calls within thoughts are ignored: a model considers there what it might do") {
  const std::string call = InMarkers("[f()]"), json = R"({"name": "f", "arguments": {}})";
  CHECK(Read("<think>Perhaps " + call + "?</think>No.") == "");
  CHECK(Read("<think>Perhaps " + call + "?</think>" + call) == json);
  CHECK(Read("<think>" + call) == "");
  CHECK(Read("</think>" + call) == json);
  CHECK(Read("<think><|tool_call_start|>[f(</think>x") == "");
  ToolCallPlaces places;
  places.begins_in_thought = true;
  CHECK(Read(call + "</think>" + call, places) == json);
  CHECK(Read(call, places) == "");
  places.needs_markers = false;
  CHECK(Read("[g()]</think>[f()]", places) == json);
}

TEST_CASE("without markers a text is calls only where it consists of them, and only where that is asked for") {
  const std::string json = R"({"name": "f", "arguments": {"a": 1}})";
  for (const char* text : {"[f(a=1)]", " f(a=1)\n", R"({"name": "f", "arguments": {"a": 1}})",
                           R"([{"arguments": {"a": 1}, "name": "f"}])", "<think>[g()]</think>\n[f(a=1)]"}) {
    CAPTURE(text);
    CHECK(Read(text, Anywhere()) == json);
    CHECK(Read(text) == "");
  }
  for (const char* text :
       {"", " ", "Hello.", "The light is on (as you asked).", "f(x) is a function.", "sin(0) = 0", "[1, 2]", "[]",
        "[see (1)]", "{\"name\": \"Bob\", \"age\": 3}", "{\"name\": \"Bob", "{\"arguments\": {}}", "{", "null",
        "say [f(a=1)]", "[f(a=1)] is what I would call", "<think>[f(a=1)]"}) {
    CAPTURE(text);
    CHECK(Read(text) == "");
    if (std::string(text) != "[f(a=1)] is what I would call") CHECK(Read(text, Anywhere()) == "");
  }
  for (const char* text : {"[f(a=1", "[f(a=x)]", "f(a=1", "f(a='", "f(", R"({"name": "f", "arguments": {"a": )",
                           R"({"name": "f", "arguments": {"a": 01}})", "[f(a=1)] and more"}) {
    CAPTURE(text);
    CHECK(Read(text, Anywhere()).find("invalid argument: tool call needs ") == 0);
    CHECK(Read(text) == "");
  }
}

TEST_CASE("a call that was read is written for the history, and its spelling reads back as the same") {
  const ChatFormat& format = Format("lfm2_5");
  const std::string text = InMarkers(R"([f.g(text='it\'s "1"\n', l=[1, {'a': None}], on=True, x=.5)])");
  char buffer[200];
  std::string_view json;
  REQUIRE(WriteToolCall(FirstCall(text), buffer, &json).ok());
  CHECK(json ==
        R"({"name": "f.g", "arguments": {"text": "it's \"1\"\n", "l": [1, {"a": null}], "on": true, "x": 0.5}})");
  const Status small = WriteToolCall(FirstCall(text), Span<char>(buffer, 10), &json);
  CHECK(small.code() == StatusCode::kOutputTooSmall);
  CHECK(small.value() == json.size());
  REQUIRE(WriteToolCall(FirstCall(text), buffer, &json).ok());
  std::string spelled;
  REQUIRE(ToolCallList(&json, 1).Spell(0, format, [&](std::string_view piece) { spelled += piece; }).ok());
  CHECK(Read(InMarkers("[" + spelled + "]")) == json);
}

TEST_CASE("calls that the published templates spell are read back as what they were") {
  const auto cases = ReadJson("tool-calls.json")["cases"];
  REQUIRE(cases.size() == 60);
  size_t same = 0;
  const auto is_name = [](const std::string& text) {
    return text.find_first_of(" \"'\\(){}[]<>|,:=?\n\t") == std::string::npos && !text.empty();
  };
  for (const auto& c : cases) {
    auto call = nlohmann::ordered_json::parse(c["call"].get<std::string>());
    if (call.contains("function")) call = nlohmann::ordered_json(call["function"]);
    auto arguments = call.contains("arguments") ? call["arguments"] : nlohmann::ordered_json();
    if (arguments.is_string() && !arguments.get<std::string>().empty()) {
      arguments = nlohmann::ordered_json::parse(arguments.get<std::string>());
    }
    if (!arguments.is_object()) arguments = nlohmann::ordered_json::object();
    const std::string spelled = c["escaped_json"], read = Read(InMarkers("[" + spelled + "]"));
    CAPTURE(spelled);
    bool has_names = is_name(call["name"]);
    for (auto it = arguments.begin(); it != arguments.end(); ++it) has_names = has_names && is_name(it.key());
    if (!has_names) continue;
    const auto json = nlohmann::json::parse(read);
    CHECK(json["name"] == call["name"]);
    CHECK(json["arguments"] == nlohmann::json::parse(arguments.dump()));
    ++same;
  }
  // The others have names that say where a call ends.
  CHECK(same >= 36);
}

}  // namespace
}  // namespace lfm2::test
