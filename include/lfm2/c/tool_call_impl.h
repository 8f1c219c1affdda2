// Definitions of tool_call.h.
#ifndef LFM2_C_TOOL_CALL_IMPL_H_
#define LFM2_C_TOOL_CALL_IMPL_H_

#include <string_view>

#include "lfm2.h"
#include "lfm2/c/object.h"
#include "lfm2/c/tool_call.h"

namespace lfm2::c_api {

struct ToolCallsObject {
  ToolCallReader reader{std::string_view()};
  ToolCall call;
  bool is_open = false;
  bool has_call = false;
};
template <>
struct ContentOf<lfm2_tool_calls> {
  using Type = ToolCallsObject;
  static constexpr const char* kName = "calls";
  static constexpr bool kHasResources = false;
};

// The current call.
inline Status EnterCall(const lfm2_tool_calls* c, const ToolCall** call) {
  const ToolCallsObject* object = nullptr;
  LFM2_RETURN_IF_ERROR(Enter(c, &object));
  if (!object->has_call) return Status(StatusCode::kFailedPrecondition, "calls", "has no current call");
  *call = &object->call;
  return Status();
}
inline Status EnterArgument(const lfm2_tool_calls* c, const lfm2_text& name, const void* value, const ToolCall** call) {
  LFM2_RETURN_IF_ERROR(EnterCall(c, call));
  LFM2_RETURN_IF_ERROR(CheckText(name, "name"));
  return CheckPointer(value, "value");
}

}  // namespace lfm2::c_api

lfm2_status lfm2_tool_calls_open(lfm2_tool_calls* calls, lfm2_text answer) {
  using namespace lfm2;
  c_api::ToolCallsObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(calls, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckText(answer, "answer"));
  object->reader = ToolCallReader(c_api::ViewOf(answer));
  object->is_open = true;
  object->has_call = false;
  return c_api::ToC(Status());
}

lfm2_status lfm2_tool_calls_next(lfm2_tool_calls* calls, bool* found) {
  using namespace lfm2;
  c_api::ToolCallsObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(calls, &object));
  if (!object->is_open) return c_api::ToC(Status(StatusCode::kFailedPrecondition, "calls", "is not open"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(found, "found"));
  object->call = ToolCall();
  object->has_call = *found = object->reader.Next(&object->call);
  return c_api::ToC(object->reader.status());
}

lfm2_status lfm2_tool_calls_name_arguments(lfm2_tool_calls* calls, const lfm2_text* parameters, size_t count) {
  using namespace lfm2;
  const ToolCall* call = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterCall(calls, &call));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckTexts(parameters, count, "parameters"));
  return c_api::ToC(c_api::Peek(calls)->call.NameArguments(c_api::ListOf(parameters, count)));
}

lfm2_text lfm2_tool_calls_name(const lfm2_tool_calls* calls) {
  const lfm2::c_api::ToolCallsObject* const object = lfm2::c_api::Peek(calls);
  if (object == nullptr || !object->has_call) return lfm2_text_of(nullptr);
  return {object->call.name().data(), object->call.name().size()};
}

lfm2_status lfm2_tool_calls_integer(const lfm2_tool_calls* calls, lfm2_text name, int64_t* value) {
  using namespace lfm2;
  const ToolCall* call = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterArgument(calls, name, value, &call));
  return c_api::ToC(call->GetInteger(c_api::ViewOf(name), value));
}

lfm2_status lfm2_tool_calls_number(const lfm2_tool_calls* calls, lfm2_text name, double* value) {
  using namespace lfm2;
  const ToolCall* call = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterArgument(calls, name, value, &call));
  return c_api::ToC(call->GetNumber(c_api::ViewOf(name), value));
}

lfm2_status lfm2_tool_calls_bool(const lfm2_tool_calls* calls, lfm2_text name, bool* value) {
  using namespace lfm2;
  const ToolCall* call = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterArgument(calls, name, value, &call));
  return c_api::ToC(call->GetBool(c_api::ViewOf(name), value));
}

lfm2_status lfm2_tool_calls_string(const lfm2_tool_calls* calls, lfm2_text name, char* buffer, size_t capacity,
                                   size_t* bytes) {
  using namespace lfm2;
  const ToolCall* call = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterArgument(calls, name, bytes, &call));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(buffer, capacity, "buffer"));
  std::string_view text;
  LFM2_C_RETURN_IF_ERROR(call->GetString(c_api::ViewOf(name), {buffer, capacity}, &text));
  *bytes = text.size();
  return c_api::ToC(Status());
}

lfm2_status lfm2_tool_calls_json(const lfm2_tool_calls* calls, char* buffer, size_t capacity, size_t* bytes) {
  using namespace lfm2;
  const ToolCall* call = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterCall(calls, &call));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(buffer, capacity, "buffer"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(bytes, "bytes"));
  std::string_view json;
  LFM2_C_RETURN_IF_ERROR(WriteToolCall(*call, {buffer, capacity}, &json));
  *bytes = json.size();
  return c_api::ToC(Status());
}

#endif  // LFM2_C_TOOL_CALL_IMPL_H_
