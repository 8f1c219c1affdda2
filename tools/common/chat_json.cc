#include "tools/common/chat_json.h"

#include <utility>

#include "tools/common/json_dumps.h"

namespace lfm2::tools {
namespace {

using Json = nlohmann::ordered_json;

// A member of an object; null where it is missing.
const Json& Member(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string TextOf(const Json& string) { return string.is_string() ? string.get<std::string>() : std::string(); }

std::string ContentText(ChatTemplate kind, const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (kind == ChatTemplate::kLfm2) return JsonDumps(content);
  // LFM2.5 joins the parts of a list. A single object is written as JSON, null as nothing.
  if (content.is_null()) return std::string();
  if (!content.is_array()) return JsonDumps(content);
  std::string out;
  for (const Json& part : content) {
    if (part.is_string()) {
      out += part.get<std::string>();
    } else if (part.is_object() && TextOf(Member(part, "type")) == "text") {
      out += TextOf(Member(part, "text"));
    } else if (part.is_object() && TextOf(Member(part, "type")) == "image") {
      out += "<image>";
    } else {
      out += JsonDumps(part);
    }
  }
  return out;
}

// An argument's value as a Python literal; lists and objects as JSON.
std::string ArgumentText(const Json& value) {
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (!value.is_string()) return JsonDumps(value);
  std::string out = "'";
  for (const char c : value.get_ref<const std::string&>()) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      default: out += c;
    }
  }
  return out + "'";
}

Error CallText(const Json& call, std::string* out) {
  if (!call.is_object()) return Error::Of("is no object");
  const Json& function = call.contains("function") ? Member(call, "function") : call;
  if (!function.is_object() || !Member(function, "name").is_string()) return Error::Of("has no function name");
  // Not copied where they are JSON: copying is recursive, and somebody else's nesting would end the program.
  const Json* arguments = &Member(function, "arguments");
  Json parsed;
  if (arguments->is_string()) {
    parsed = Json::parse(arguments->get_ref<const std::string&>(), nullptr, false);
    arguments = &parsed;
  }
  if (!arguments->is_null() && !arguments->is_object()) return Error::Of("has arguments that are no object");
  *out = TextOf(Member(function, "name")) + "(";
  bool first = true;
  for (const auto& [name, value] : arguments->items()) {
    *out += (first ? "" : ", ") + name + "=" + ArgumentText(value);
    first = false;
  }
  *out += ")";
  return Error();
}

}  // namespace

Error ChatJson::ReadMessage(ChatTemplate kind, const Json& json, Message* message) {
  if (!json.is_object()) return Error::Of("is no object");
  if (!Member(json, "role").is_string()) return Error::Of("has no role");
  const std::string role = TextOf(Member(json, "role"));
  if (!ParseRole(role, &message->role)) {
    return Error::Of("has the role \"", role, "\"; known are system, user, assistant and tool");
  }
  // A turn of the assistant that only calls tools may have no content.
  if (kind == ChatTemplate::kLfm2 && !json.contains("content")) return Error::Of("has no content");
  message->content = ContentText(kind, Member(json, "content"));
  if (kind == ChatTemplate::kLfm2) return Error();
  for (const char* key : {"thinking", "reasoning", "reasoning_content"}) {
    if (message->thinking.empty()) message->thinking = TextOf(Member(json, key));
  }
  const Json& calls = Member(json, "tool_calls");
  if (!calls.is_null() && !calls.is_array()) return Error::Of("has tool_calls that are no list");
  for (const Json& call : calls) {
    message->tool_calls.emplace_back();
    const Error error = CallText(call, &message->tool_calls.back());
    if (!error.ok()) return Error::Of("has a tool call that ", error.text());
  }
  return Error();
}

Error ChatJson::ReadMessages(ChatTemplate kind, const Json& messages) {
  if (!messages.is_array() || messages.empty()) return Error::Of("the messages are no list, or an empty one");
  texts_.resize(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    const Error error = ReadMessage(kind, messages[i], &texts_[i]);
    if (!error.ok()) return Error::Of("message ", uint64_t{i}, " ", error.text());
  }
  for (Message& m : texts_) {
    for (const std::string& call : m.tool_calls) m.tool_call_views.push_back(call);
    messages_.push_back({m.role, m.content, m.thinking, m.tool_call_views});
  }
  return Error();
}

Error ChatJson::ReadTools(const Json& tools) {
  if (tools.is_null()) return Error();
  if (!tools.is_array()) return Error::Of("the tools are no list");
  for (const Json& tool : tools) {
    if (!tool.is_object() && !tool.is_string()) return Error::Of("tool ", uint64_t{tools_.size()}, " is no object");
    tools_.push_back(tool.is_string() ? tool.get<std::string>() : JsonDumps(tool));
  }
  for (const std::string& tool : tools_) tool_views_.push_back(tool);
  return Error();
}

ChatPrompt ChatJson::Prompt(bool add_generation_prompt) const {
  ChatPrompt prompt;
  prompt.messages = messages_;
  prompt.tools = tool_views_;
  prompt.add_generation_prompt = add_generation_prompt;
  return prompt;
}

}  // namespace lfm2::tools
