#include "programs/server/chat_messages.h"

#include <string>

#include "programs/server/request_fields.h"
#include "programs/server/request_json.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

template <class... Parts>
ApiError Bad(const std::string& path, const Parts&... parts) {
  return ApiError::Bad(path, path, " ", parts...);
}

// A member of an object; null where it is missing.
const Json& Member(const Json& object, const char* name) {
  static const Json kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

ApiError ReadContent(const Json& content, const std::string& path, std::string* out) {
  if (content.is_string()) {
    *out = content.get<std::string>();
    return ApiError();
  }
  if (!content.is_array()) return Bad(path, "is ", ShownValue(content), ", no text and no list of parts");
  for (size_t i = 0; i < content.size(); ++i) {
    const Json& part = content[i];
    const std::string part_path = path + "[" + std::to_string(i) + "]";
    if (!part.is_object()) return Bad(part_path, "is ", ShownValue(part), ", no object");
    const Json& type = Member(part, "type");
    if (type != "text" && type != "refusal") {
      return Bad(part_path + ".type", "is ", ShownValue(type), "; this model reads parts of type \"text\" only");
    }
    const char* const name = type == "text" ? "text" : "refusal";
    const Json& text = Member(part, name);
    if (!text.is_string()) return Bad(part_path + "." + name, "is ", ShownValue(text), ", no text");
    *out += text.get_ref<const std::string&>();
  }
  return ApiError();
}

// {"id", "type": "function", "function": {"name", "arguments"}}, where the arguments are JSON in a text.
ApiError ReadToolCall(const Json& call, const std::string& path, Json* out) {
  if (!call.is_object()) return Bad(path, "is ", ShownValue(call), ", no object");
  const Json& type = Member(call, "type");
  if (!type.is_null() && type != "function") return Bad(path + ".type", "is ", ShownValue(type), ", not \"function\"");
  const Json& function = Member(call, "function");
  if (!function.is_object()) return Bad(path + ".function", "is ", ShownValue(function), ", no object");
  const Json& name = Member(function, "name");
  if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
    return Bad(path + ".function.name", "is ", ShownValue(name), ", no name");
  }
  const Json& arguments = Member(function, "arguments");
  const std::string arguments_path = path + ".function.arguments";
  Json object = Json::object();
  if (arguments.is_string()) {
    const std::string& text = arguments.get_ref<const std::string&>();
    const ApiError error = text.empty() ? ApiError() : ParseRequestJson(text, &object);
    if (!error.ok()) return Bad(arguments_path, "is no JSON object in a text: ", error.message);
  } else if (arguments.is_object()) {
    object = arguments;
  } else if (!arguments.is_null()) {
    return Bad(arguments_path, "is ", ShownValue(arguments), ", no JSON object in a text");
  }
  *out = {{"function", {{"name", name}, {"arguments", std::move(object)}}}};
  return ApiError();
}

ApiError ReadToolCalls(const Json& calls, const std::string& path, Json* out) {
  if (!calls.is_array() || calls.empty()) return Bad(path, "is ", ShownValue(calls), ", no list of calls");
  *out = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    Json call;
    LFM2_RETURN_IF_REFUSED(ReadToolCall(calls[i], path + "[" + std::to_string(i) + "]", &call));
    out->push_back(std::move(call));
  }
  return ApiError();
}

ApiError ReadMessage(const Json& message, const std::string& path, Json* out, bool* has_tool_calls) {
  if (!message.is_object()) return Bad(path, "is ", ShownValue(message), ", no object");
  const Json& role = Member(message, "role");
  if (role != "system" && role != "developer" && role != "user" && role != "assistant" && role != "tool") {
    return Bad(path + ".role", "is ", ShownValue(role), "; known are system, developer, user, assistant and tool");
  }
  const bool is_assistant = role == "assistant";
  const Json& calls = Member(message, "tool_calls");
  if (!calls.is_null() && !is_assistant) return Bad(path + ".tool_calls", "is for messages of the assistant");
  const Json& id = Member(message, "tool_call_id");
  if (!id.is_null() && (!id.is_string() || role != "tool")) {
    return Bad(path + ".tool_call_id", role == "tool" ? "is no text" : "is for messages of a tool");
  }
  const Json& content = Member(message, "content");
  std::string text;
  // A turn that only calls tools may have none.
  if (!content.is_null() || calls.is_null()) LFM2_RETURN_IF_REFUSED(ReadContent(content, path + ".content", &text));
  *out = {{"role", role == "developer" ? Json("system") : role}, {"content", text}};
  if (!is_assistant) return ApiError();
  // Templates call it by one of these names.
  for (const char* name : {"thinking", "reasoning", "reasoning_content"}) {
    const Json& thoughts = Member(message, name);
    if (thoughts.is_null()) continue;
    if (!thoughts.is_string()) return Bad(path + "." + name, "is ", ShownValue(thoughts), ", no text");
    (*out)["thinking"] = thoughts;
  }
  if (calls.is_null()) return ApiError();
  *has_tool_calls = true;
  return ReadToolCalls(calls, path + ".tool_calls", &(*out)["tool_calls"]);
}

}  // namespace

ApiError ReadChatMessages(const Json& messages, Json* out, bool* has_tool_calls) {
  if (!messages.is_array() || messages.empty()) {
    return Bad("messages", "is ", messages.is_array() ? "an empty list" : ShownValue(messages),
               "; at least one is needed");
  }
  *out = Json::array();
  *has_tool_calls = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    out->emplace_back();
    const std::string path = "messages[" + std::to_string(i) + "]";
    LFM2_RETURN_IF_REFUSED(ReadMessage(messages[i], path, &out->back(), has_tool_calls));
  }
  return ApiError();
}

}  // namespace lfm2::tools
