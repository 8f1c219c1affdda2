// Calls of tools in an answer, from C.
#include "tests/c/check.h"

static bool Is(lfm2_text text, const char* what) {
  return text.size == strlen(what) && memcmp(text.data, what, text.size) == 0;
}

void TestToolCalls(void) {
  static lfm2_tool_calls calls;
  const lfm2_text answer = lfm2_text_of(
      "I will. <|tool_call_start|>[say(text='it\\'s', n=-1, x=.5, on=True), g(1, room='a')]<|tool_call_end|>");
  const lfm2_text n = lfm2_text_of("n"), text = lfm2_text_of("text");
  const lfm2_text twice = lfm2_text_of("room"), minutes = lfm2_text_of("minutes");
  bool found = false, on = false;
  int64_t integer = 7;
  double number = 7;
  char buffer[100];
  size_t bytes = 0;
  CHECK_FAILS(lfm2_tool_calls_next(&calls, &found), LFM2_FAILED_PRECONDITION, "calls");
  CHECK_FAILS(lfm2_tool_calls_open(NULL, answer), LFM2_INVALID_ARGUMENT, "calls");
  CHECK_OK(lfm2_tool_calls_open(&calls, answer));
  CHECK(lfm2_tool_calls_name(&calls).size == 0);
  CHECK_FAILS(lfm2_tool_calls_integer(&calls, n, &integer), LFM2_FAILED_PRECONDITION, "calls");
  CHECK_OK(lfm2_tool_calls_next(&calls, &found));
  CHECK(found && Is(lfm2_tool_calls_name(&calls), "say"));
  CHECK_OK(lfm2_tool_calls_integer(&calls, n, &integer));
  CHECK_OK(lfm2_tool_calls_number(&calls, lfm2_text_of("x"), &number));
  CHECK_OK(lfm2_tool_calls_bool(&calls, lfm2_text_of("on"), &on));
  CHECK(integer == -1 && number > 0.4999 && number < 0.5001 && on);
  CHECK_OK(lfm2_tool_calls_string(&calls, text, buffer, sizeof(buffer), &bytes));
  CHECK(bytes == 4 && memcmp(buffer, "it's", 4) == 0);
  CHECK_FAILS(lfm2_tool_calls_string(&calls, text, buffer, 3, &bytes), LFM2_OUTPUT_TOO_SMALL, NULL);
  CHECK_FAILS(lfm2_tool_calls_string(&calls, n, buffer, sizeof(buffer), &bytes), LFM2_UNSUPPORTED, "argument");
  CHECK_FAILS(lfm2_tool_calls_integer(&calls, minutes, &integer), LFM2_INVALID_ARGUMENT, "argument");
  CHECK_FAILS(lfm2_tool_calls_integer(&calls, n, NULL), LFM2_INVALID_ARGUMENT, "value");
  CHECK_OK(lfm2_tool_calls_json(&calls, buffer, sizeof(buffer), &bytes));
  buffer[bytes] = '\0';
  CHECK(strcmp(buffer,
               "{\"name\": \"say\", \"arguments\": {\"text\": \"it's\", \"n\": -1, \"x\": 0.5, \"on\": true}}") == 0);
  CHECK_FAILS(lfm2_tool_calls_json(&calls, buffer, 10, &bytes), LFM2_OUTPUT_TOO_SMALL, NULL);

  CHECK_OK(lfm2_tool_calls_next(&calls, &found));
  CHECK(found && Is(lfm2_tool_calls_name(&calls), "g"));
  CHECK_FAILS(lfm2_tool_calls_name_arguments(&calls, &twice, 1), LFM2_INVALID_ARGUMENT, "argument");
  CHECK_OK(lfm2_tool_calls_name_arguments(&calls, &minutes, 1));
  CHECK_OK(lfm2_tool_calls_integer(&calls, minutes, &integer));
  CHECK(integer == 1);
  CHECK_OK(lfm2_tool_calls_next(&calls, &found));
  CHECK(!found);
  CHECK(lfm2_tool_calls_name(&calls).size == 0);

  CHECK_OK(lfm2_tool_calls_open(&calls, lfm2_text_of("<|tool_call_start|>[f(a=")));
  CHECK_FAILS(lfm2_tool_calls_next(&calls, &found), LFM2_INVALID_ARGUMENT, "tool call");
  CHECK(!found && lfm2_tool_calls_next(&calls, &found).value == 24);
}
