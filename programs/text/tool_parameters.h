// Names for arguments that a model has given by position.
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

  // tools: a list of {"name", "parameters"?: {"properties"?: {...}}}, each possibly within {"function": ...}.
  Error Read(const nlohmann::ordered_json& tools);

  // Names the arguments of a call (ToolCall::NameArguments); the names are valid while this exists. Calls of other
  // tools do not change.
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
