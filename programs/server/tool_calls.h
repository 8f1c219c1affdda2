// Reads the tool calls in the text of an answer.
#ifndef LFM2_PROGRAMS_SERVER_TOOL_CALLS_H_
#define LFM2_PROGRAMS_SERVER_TOOL_CALLS_H_

#include <string>
#include <string_view>
#include <vector>

#include "programs/text/tool_parameters.h"

namespace lfm2::tools {

struct AnsweredCall {
  std::string name;
  std::string arguments;  // a JSON object
};

// Reads a text that begins with <|tool_call_start|> and ends with <|tool_call_end|>, and appends its calls. Arguments
// without names get those of the tool's parameters. Returns false, with nothing appended, if the text is not a list of
// calls.
bool ReadToolCalls(std::string_view text, const ToolParameters& parameters, std::vector<AnsweredCall>* calls);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_TOOL_CALLS_H_
