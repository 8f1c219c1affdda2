#include "programs/server/tool_calls.h"

#include <iterator>
#include <utility>

#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/tool_call_writer.h"

namespace lfm2::tools {

bool ReadToolCalls(std::string_view text, const ToolParameters& parameters, std::vector<AnsweredCall>* calls) {
  std::vector<AnsweredCall> found;
  ToolCallReader reader(text);
  for (ToolCall call; reader.Next(&call);) {
    if (!parameters.Name(&call).ok()) return false;
    found.push_back({std::string(call.name()), ""});
    ToolJsonWriter([&](std::string_view piece) { found.back().arguments += piece; }).Arguments(call);
  }
  if (!reader.status().ok() || found.empty()) return false;
  calls->insert(calls->end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  return true;
}

}  // namespace lfm2::tools
