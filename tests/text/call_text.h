// Tool calls as texts of the model have them.
#ifndef LFM2_TESTS_TEXT_CALL_TEXT_H_
#define LFM2_TESTS_TEXT_CALL_TEXT_H_

#include <doctest/doctest.h>

#include <string>

#include "lfm2/text/tool_call_reader.h"

namespace lfm2::test {

inline std::string InMarkers(const std::string& calls) { return "<|tool_call_start|>" + calls + "<|tool_call_end|>"; }

// The call that `text`, which outlives it, begins with.
inline ToolCall FirstCall(const std::string& text) {
  ToolCallReader reader(text);
  ToolCall call;
  REQUIRE(reader.Next(&call));
  return call;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_TEXT_CALL_TEXT_H_
