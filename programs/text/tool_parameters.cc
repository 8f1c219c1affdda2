#include "programs/text/tool_parameters.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

// A member of an object; null if it is missing.
const Json& ToolMember(const Json& json, const char* name) {
  static const Json none;
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? none : *found;
}

}  // namespace

Error ToolParameters::Read(const Json& tools) {
  if (!tools.is_array()) return Error::Of("the tools are not a list");
  for (size_t i = 0; i < tools.size(); ++i) {
    const Json& function = ToolMember(tools[i], "function");
    const Json& tool = function.is_null() ? tools[i] : function;
    const Json& name = ToolMember(tool, "name");
    if (!name.is_string()) return Error::Of("tool ", uint64_t{i}, " has no name");
    Tool& to = tools_[name.get<std::string>()];
    to = Tool();
    const Json& properties = ToolMember(ToolMember(tool, "parameters"), "properties");
    for (auto it = properties.begin(); properties.is_object() && it != properties.end(); ++it) {
      to.names.push_back(it.key());
    }
    to.views.assign(to.names.begin(), to.names.end());
  }
  return Error();
}

Error ToolParameters::Name(ToolCall* call) const {
  const auto tool = tools_.find(call->name());
  if (tool == tools_.end()) return Error();
  const Error error = Error::From(call->NameArguments(tool->second.views));
  return error.ok() ? error : Error::Of(call->name(), ": ", error.text());
}

}  // namespace lfm2::tools
