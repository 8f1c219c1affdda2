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

// A member of an object; null if it is missing.
const Json& MessageMember(const Json& object, const char* name) {
  static const Json kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

ApiError ReadContent(const Json& content, const std::string& path, std::string* out) {
  if (content.is_string()) {
    *out = content.get<std::string>();
    return ApiError();
  }
  if (!content.is_array()) return Bad(path, "is ", ShownValue(content), ", neither a string nor a list of parts");
  if (content.empty()) return Bad(path, "is an empty list; at least one part is needed");
  for (size_t i = 0; i < content.size(); ++i) {
    const Json& part = content[i];
    const std::string part_path = path + "[" + std::to_string(i) + "]";
    if (!part.is_object()) return Bad(part_path, "is ", ShownValue(part), ", not an object");
    const Json& type = MessageMember(part, "type");
    if (type != "text" && type != "refusal") {
      return Bad(part_path + ".type", "is ", ShownValue(type), "; this server supports parts of type \"text\" only");
    }
    const char* const name = type == "text" ? "text" : "refusal";
    const Json& text = MessageMember(part, name);
    if (!text.is_string()) return Bad(part_path + "." + name, "is ", ShownValue(text), ", not a string");
    *out += text.get_ref<const std::string&>();
  }
  return ApiError();
}

// {"id", "type": "function", "function": {"name", "arguments"}}; the arguments are a string with JSON.
ApiError ReadToolCall(const Json& call, const std::string& path, Json* out) {
  if (!call.is_object()) return Bad(path, "is ", ShownValue(call), ", not an object");
  const Json& type = MessageMember(call, "type");
  if (!type.is_null() && type != "function") return Bad(path + ".type", "is ", ShownValue(type), ", not \"function\"");
  const Json& function = MessageMember(call, "function");
  if (!function.is_object()) return Bad(path + ".function", "is ", ShownValue(function), ", not an object");
  const Json& name = MessageMember(function, "name");
  if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
    return Bad(path + ".function.name", "is ", ShownValue(name), ", not a name");
  }
  const Json& arguments = MessageMember(function, "arguments");
  const std::string arguments_path = path + ".function.arguments";
  Json object = Json::object();
  if (arguments.is_string()) {
    const std::string& text = arguments.get_ref<const std::string&>();
    const ApiError error = text.empty() ? ApiError() : ParseRequestJson(text, &object);
    if (!error.ok()) return Bad(arguments_path, "is not a string with a JSON object: ", error.message);
  } else if (arguments.is_object()) {
    object = arguments;
  } else if (!arguments.is_null()) {
    return Bad(arguments_path, "is ", ShownValue(arguments), ", not a string with a JSON object");
  }
  *out = {{"function", {{"name", name}, {"arguments", std::move(object)}}}};
  return ApiError();
}

ApiError ReadToolCalls(const Json& calls, const std::string& path, Json* out) {
  if (!calls.is_array() || calls.empty()) return Bad(path, "is ", ShownValue(calls), ", not a list of calls");
  *out = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    Json call;
    LFM2_RETURN_IF_REFUSED(ReadToolCall(calls[i], path + "[" + std::to_string(i) + "]", &call));
    out->push_back(std::move(call));
  }
  return ApiError();
}

ApiError ReadMessage(const Json& message, const std::string& path, Json* out, bool* has_tool_calls) {
  if (!message.is_object()) return Bad(path, "is ", ShownValue(message), ", not an object");
  const Json& role = MessageMember(message, "role");
  if (role != "system" && role != "developer" && role != "user" && role != "assistant" && role != "tool") {
    return Bad(path + ".role", "is ", ShownValue(role), "; expected system, developer, user, assistant or tool");
  }
  const bool is_assistant = role == "assistant";
  const Json& calls = MessageMember(message, "tool_calls");
  if (!calls.is_null() && !is_assistant) return Bad(path + ".tool_calls", "is for messages of the assistant");
  const Json& id = MessageMember(message, "tool_call_id");
  if (!id.is_null() && (!id.is_string() || role != "tool")) {
    return Bad(path + ".tool_call_id", role == "tool" ? "is not a string" : "is for messages of a tool");
  }
  const Json& content = MessageMember(message, "content");
  std::string text;
  // A turn that only calls tools may have no content.
  if (!content.is_null() || calls.is_null()) LFM2_RETURN_IF_REFUSED(ReadContent(content, path + ".content", &text));
  *out = {{"role", role == "developer" ? Json("system") : role}, {"content", text}};
  if (!is_assistant) return ApiError();
  // Templates use one of these names.
  for (const char* name : {"thinking", "reasoning", "reasoning_content"}) {
    const Json& thoughts = MessageMember(message, name);
    if (thoughts.is_null()) continue;
    if (!thoughts.is_string()) return Bad(path + "." + name, "is ", ShownValue(thoughts), ", not a string");
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
