// lfm2-eval tool-calls: the calls of tools in a text, as data.
#ifndef LFM2_PROGRAMS_EVAL_TOOL_CALLS_H_
#define LFM2_PROGRAMS_EVAL_TOOL_CALLS_H_

#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

struct ToolCallsArguments {
  std::string tools;  // JSON file with a list of tools, whose parameters name arguments without a name; empty: none
};
// Standard input to a JSON list of {"name", "arguments"} on standard output. The Error names the byte.
Error RunToolCalls(const ToolCallsArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TOOL_CALLS_H_
