#include "lfm2/text/tool_value.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/tool_call_writer.h"
#include "tests/text/call_text.h"

namespace lfm2::test {
namespace {

TEST_CASE(
    "a missing argument, one of another type and one that is too large are different errors, and nothing is written") {
  const std::string text = InMarkers(
      "[f(i=-9223372036854775808, j=9223372036854775807, big=9223372036854775808, x=1.5, far=1e999, on=True, "
      "off=false, none=None, s='\\u00e9\"', l=[1], o={'a': 1}, hex=0x10)]");
  const ToolCall call = FirstCall(text);
  int64_t integer = 7;
  double number = 7;
  bool on = false;
  char buffer[4];
  std::string_view view = "seven";
  CHECK(call.GetInteger("i", &integer).ok());
  CHECK(integer == INT64_MIN);
  CHECK(call.GetInteger("j", &integer).ok());
  CHECK(integer == INT64_MAX);
  CHECK(call.GetInteger("hex", &integer).ok());
  CHECK(integer == 16);
  CHECK(call.GetInteger("big", &integer).code() == StatusCode::kOutputTooSmall);
  for (const char* name : {"x", "far", "on", "none", "s", "l", "o"}) {
    CAPTURE(name);
    CHECK(call.GetInteger(name, &integer).code() == StatusCode::kUnsupported);
  }
  CHECK(call.GetInteger("absent", &integer).code() == StatusCode::kInvalidArgument);
  CHECK(integer == 16);
  CHECK(call.GetNumber("big", &number).ok());
  CHECK(number == 9223372036854775808.0);
  CHECK(call.GetNumber("x", &number).ok());
  CHECK(number == 1.5);
  CHECK(call.GetNumber("far", &number).code() == StatusCode::kOutputTooSmall);
  CHECK(call.GetNumber("s", &number).code() == StatusCode::kUnsupported);
  CHECK(number == 1.5);
  CHECK(call.GetBool("on", &on).ok());
  CHECK(on);
  CHECK(call.GetBool("off", &on).ok());
  CHECK_FALSE(on);
  CHECK(call.GetBool("none", &on).code() == StatusCode::kUnsupported);
  CHECK(call.GetString("s", buffer, &view).ok());
  CHECK(view == "\xc3\xa9\"");
  CHECK(view.data() == buffer);
  const Status small = call.GetString("s", Span<char>(buffer, 2), &view);
  CHECK(small.code() == StatusCode::kOutputTooSmall);
  CHECK(small.value() == 3);
  CHECK(small.limit() == 2);
  CHECK(view == "\xc3\xa9\"");
  CHECK(call.GetString("i", buffer, &view).code() == StatusCode::kUnsupported);
  ToolValue value;
  CHECK(call.Find("far", &value).ok());
  CHECK(value.spelling() == "1e999");
  CHECK(value.kind() == ToolValueKind::kNumber);
  CHECK(call.Find("big", &value).ok());
  CHECK(value.kind() == ToolValueKind::kNumber);
  CHECK(call.Find("o", &value).ok());
  ToolItem item;
  ToolItems members(value);
  REQUIRE(members.Next(&item));
  CHECK(item.name.Is("a"));
  CHECK_FALSE(item.name.Is("ab"));
  CHECK_FALSE(item.name.Is(""));
  CHECK(item.value.kind() == ToolValueKind::kInteger);
  CHECK_FALSE(members.Next(&item));
  CHECK(ToolValue::Read("1", ToolCallForm::kJson, &value).ok());
  CHECK_FALSE(ToolItems(value).Next(&item));
}

TEST_CASE("in JSON, names are compared without their escapes, and one that is there twice is not chosen from") {
  const std::string text = InMarkers(R"({"name": "f", "arguments": {"gr\u00f6\u00dfe": 1, "a": 1, "\u0061": 2}})");
  const ToolCall call = FirstCall(text);
  int64_t value = 0;
  CHECK(call.GetInteger("gr\xc3\xb6\xc3\x9f"
                        "e",
                        &value)
            .ok());
  CHECK(value == 1);
  CHECK(call.GetInteger("a", &value).code() == StatusCode::kCorrupt);
}

TEST_CASE("arguments without names get those of the tool's parameters, in order") {
  const std::string text = InMarkers("[f(1, 'x', on=True)]");
  ToolCall call = FirstCall(text);
  int64_t value = 0;
  CHECK(call.GetInteger("minutes", &value).code() == StatusCode::kInvalidArgument);
  const std::string_view twice[] = {"on", "room"}, parameters[] = {"minutes", "room", "on"}, one[] = {"minutes"};
  CHECK(call.NameArguments(twice).code() == StatusCode::kInvalidArgument);
  CHECK(call.GetInteger("on", &value).code() == StatusCode::kUnsupported);
  CHECK(call.NameArguments(parameters).ok());
  CHECK(call.GetInteger("minutes", &value).ok());
  CHECK(value == 1);
  std::string json;
  ToolJsonWriter([&](std::string_view piece) { json += piece; }).Arguments(call);
  CHECK(json == R"({"minutes": 1, "room": "x", "on": true})");
  CHECK(call.NameArguments(one).ok());
  json.clear();
  ToolJsonWriter([&](std::string_view piece) { json += piece; }).Arguments(call);
  CHECK(json == R"({"minutes": 1, "1": "x", "on": true})");
}

TEST_CASE("a value of its own is read as those of calls are, or refused with the byte") {
  ToolValue value;
  int64_t number = 0;
  CHECK(ToolValue::Read(" (( 7)) ", ToolCallForm::kPython, &value).ok());
  CHECK(value.spelling() == "7");
  CHECK(value.GetInteger(&number).ok());
  const std::pair<const char*, uint64_t> cases[] = {{"", 0},   {" ", 1}, {"1 2", 2}, {"'a", 2},
                                                    {"[1", 2}, {"x", 1}, {"{1}", 1}};
  for (const auto& [text, byte] : cases) {
    const Status status = ToolValue::Read(text, ToolCallForm::kPython, &value);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.value() == byte);
  }
  CHECK(value.spelling() == "7");
  CHECK_FALSE(ToolValue::Read("(1)", ToolCallForm::kJson, &value).ok());
}

TEST_CASE("numbers are the doubles that strtod reads, or next to them in unusual notations") {
  const char* const exact[] = {"0",
                               "0.1",
                               "21.5",
                               "-273.15",
                               "1e22",
                               "1e-22",
                               "123456789012345",
                               "3.14159265358979",
                               "0.000001",
                               "9007199254740991",
                               "1234.5e-10",
                               "00012.50",
                               "0.30000000000000000000"};
  const char* const near[] = {"3.141592653589793238462643383279",
                              "1.7976931348623e308",
                              "2.2250738585072014e-308",
                              "123456789012345678901234567890",
                              "1e23",
                              "1e-300",
                              "0.00000000000000000000000000001e29",
                              "1000000000000000000000000000000e-30",
                              "4.35e-120"};
  const auto read = [](const std::string& spelling) {
    ToolValue value;
    double number = -1;
    CHECK(ToolValue::Read(spelling, ToolCallForm::kPython, &value).ok());
    CHECK(value.GetNumber(&number).ok());
    return number;
  };
  for (const char* const text : exact) {
    const std::string spelling = text;
    CAPTURE(spelling);
    CHECK(read(spelling) == std::stod(spelling));
  }
  for (const char* const text : near) {
    const std::string spelling = text;
    CAPTURE(spelling);
    const double want = std::stod(spelling);
    CHECK(std::fabs(read(spelling) - want) <= 1e-14 * std::fabs(want));
  }
  CHECK(read("0e99999999999999999999") == 0);
  CHECK(read("1e-99999999999999999999") == 0);
  CHECK(read("0x1_0000") == 65536);
  CHECK(std::signbit(read("-0.0")));
}

TEST_CASE(
    "integers of any base have their value and its limits, and all else that is no value is refused at its byte") {
  const auto integer = [](const char* spelling, int64_t* out) {
    ToolValue value;
    REQUIRE(ToolValue::Read(spelling, ToolCallForm::kPython, &value).ok());
    return value.GetInteger(out).code();
  };
  struct Whole {
    const char* spelling;
    int64_t value;
  };
  const Whole wholes[] = {{"-0x1f", -31},
                          {"0x1_0", 16},
                          {"0B101", 5},
                          {"0o1_7", 15},
                          {"+ 12", 12},
                          {"-0x8000000000000000", INT64_MIN},
                          {"0x7fffffffffffffff", INT64_MAX},
                          {"\f0", 0}};
  for (const Whole& w : wholes) {
    CAPTURE(std::string(w.spelling));
    int64_t value = -1;
    CHECK(integer(w.spelling, &value) == StatusCode::kOk);
    CHECK(value == w.value);
  }
  for (const char* const large : {"0x8000000000000000", "0xffffffffffffffff", "9223372036854775808"}) {
    CAPTURE(std::string(large));
    int64_t value = 7;
    CHECK(integer(large, &value) == StatusCode::kOutputTooSmall);
    CHECK(value == 7);
  }
  const auto number = [](const char* spelling, double* out) {
    ToolValue value;
    REQUIRE(ToolValue::Read(spelling, ToolCallForm::kJson, &value).ok());
    return value.GetNumber(out).code();
  };
  double value = 7;
  CHECK(number("1E400", &value) == StatusCode::kOutputTooSmall);
  CHECK(value == 7);
  CHECK(number("-1E+2", &value) == StatusCode::kOk);
  CHECK(value == -100);
  struct Wrong {
    const char* spelling;
    ToolCallForm form;
    uint64_t at;
  };
  const Wrong wrong[] = {{"{1: 2}", ToolCallForm::kPython, 1},
                         {"{'a' 1}", ToolCallForm::kPython, 5},
                         {"{'a", ToolCallForm::kPython, 3},
                         {"[1 2]", ToolCallForm::kPython, 3},
                         {"'\\U00110000'", ToolCallForm::kPython, 1},
                         {"'\\ud800'", ToolCallForm::kPython, 1},
                         {"'\\x4'", ToolCallForm::kPython, 1},
                         {"\"\\ud83d\\n\"", ToolCallForm::kJson, 1},
                         {"\"\\ud83dx\"", ToolCallForm::kJson, 1},
                         {"\"\\u00g0\"", ToolCallForm::kJson, 1},
                         {"\f1", ToolCallForm::kJson, 0},
                         {"1_000", ToolCallForm::kJson, 1},
                         {"1__0", ToolCallForm::kPython, 1},
                         {"-", ToolCallForm::kPython, 1},
                         {"01", ToolCallForm::kJson, 2},
                         {"1e", ToolCallForm::kJson, 2},
                         {"0x1ffffffffffffffff", ToolCallForm::kPython, 19}};
  for (const Wrong& w : wrong) {
    CAPTURE(std::string(w.spelling));
    ToolValue read;
    const Status status = ToolValue::Read(w.spelling, w.form, &read);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.value() == w.at);
  }
}

}  // namespace
}  // namespace lfm2::test
