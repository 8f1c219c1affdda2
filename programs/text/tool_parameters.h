// The names of arguments that models have written by their place only.
#ifndef LFM2_PROGRAMS_TEXT_TOOL_PARAMETERS_H_
#define LFM2_PROGRAMS_TEXT_TOOL_PARAMETERS_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/text/tool_call_reader.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// The parameters of tools, in the order of their schemas. Not copied, because views point into it.
class ToolParameters {
 public:
  ToolParameters() = default;
  ToolParameters(const ToolParameters&) = delete;
  ToolParameters& operator=(const ToolParameters&) = delete;

  // tools: a list of {"name", "parameters"?: {"properties"?: {...}}}, each also within {"function": ...}.
  Error Read(const nlohmann::ordered_json& tools);

  // Names the arguments of a call (ToolCall::NameArguments), whose names are valid as long as this lives; those of
  // other tools stay as they are.
  Error Name(ToolCall* call) const;

 private:
  struct Tool {
    std::vector<std::string> names;
    std::vector<std::string_view> views;
  };
  std::map<std::string, Tool, std::less<>> tools_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_TOOL_PARAMETERS_H_
