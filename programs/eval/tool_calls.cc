#include "programs/eval/tool_calls.h"

#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/tool_call_writer.h"
#include "programs/files/files.h"
#include "programs/text/tool_parameters.h"

namespace lfm2::tools {

Error RunToolCalls(const ToolCallsArguments& a) {
  ToolParameters parameters;
  if (!a.tools.empty()) {
    nlohmann::ordered_json json;
    LFM2_RETURN_IF_FAILED(ReadJson(a.tools, &json));
    const Error error = parameters.Read(json);
    if (!error.ok()) return Error::Of(a.tools, ": ", error.text());
  }
  std::string text, out = "[";
  LFM2_RETURN_IF_FAILED(ReadStandardInput(&text));
  ToolCallPlaces places;
  places.needs_markers = false;
  ToolCallReader reader(text, places);
  for (ToolCall call; reader.Next(&call);) {
    LFM2_RETURN_IF_FAILED(parameters.Name(&call));
    if (out.size() > 1) out += ", ";
    ToolJsonWriter([&](std::string_view piece) { out += piece; }).Call(call);
  }
  LFM2_RETURN_IF_FAILED(Error::From(reader.status()));
  return WriteStandardOutput(out + "]\n");
}

}  // namespace lfm2::tools
