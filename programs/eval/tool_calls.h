// lfm2-eval tool-calls: parses the tool calls in a text.
#ifndef LFM2_PROGRAMS_EVAL_TOOL_CALLS_H_
#define LFM2_PROGRAMS_EVAL_TOOL_CALLS_H_

#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

struct ToolCallsArguments {
  std::string tools;  // JSON file with a list of tools, for the names of positional arguments; empty: none
};
// Standard input to a JSON list of {"name", "arguments"} on standard output. The Error gives the byte offset.
Error RunToolCalls(const ToolCallsArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TOOL_CALLS_H_
