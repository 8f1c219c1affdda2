#include "programs/text/chat_json.h"

#include <utility>

#include "programs/files/files.h"
#include "programs/files/json_dumps.h"

namespace lfm2::tools {
namespace {

using Json = nlohmann::ordered_json;

// A member of an object; null if it is missing.
const Json& Member(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string TextOf(const Json& string) { return string.is_string() ? string.get<std::string>() : std::string(); }

// What is false in Python.
bool IsFalsy(const Json& value) {
  if (value.is_number()) return value == 0;
  return value.is_null() || value == false || value == "" || (value.is_structured() && value.empty());
}

std::string PartText(ChatContents contents, const Json& part) {
  if (part.is_string()) return contents == ChatContents::kParts ? part.get<std::string>() : JsonDumps(part);
  const std::string type = part.is_object() ? TextOf(Member(part, "type")) : std::string();
  if (type == "image") return "<image>";
  if (type != "text") return JsonDumps(part);
  const Json& text = Member(part, "text");
  return text.is_string() || IsFalsy(text) ? TextOf(text) : JsonDumps(text);
}

std::string ContentText(ChatContents contents, const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (contents == ChatContents::kJson) return JsonDumps(content);
  if (content.is_null()) return std::string();
  if (contents == ChatContents::kJsonOrEmpty) return JsonDumps(content);
  if (content.is_object()) return content.empty() ? std::string() : JsonDumps(content);
  std::string out;
  if (!content.is_array()) return out;
  for (const Json& part : content) out += PartText(contents, part);
  return out;
}

Error CallText(const Json& call, std::string* out) {
  if (!call.is_object()) return Error::Of("is not an object");
  const Json& function = call.contains("function") ? Member(call, "function") : call;
  if (!function.is_object() || !Member(function, "name").is_string()) return Error::Of("has no function name");
  // Not copied if they are JSON: copying is recursive, and deep nesting would overflow the stack.
  const Json* arguments = &Member(function, "arguments");
  Json parsed;
  if (arguments->is_string() && !IsFalsy(*arguments)) {
    parsed = Json::parse(arguments->get_ref<const std::string&>(), nullptr, false);
    arguments = &parsed;
  }
  if (!IsFalsy(*arguments) && !arguments->is_object()) return Error::Of("has arguments that are not an object");
  *out = "{\"name\": " + JsonString(TextOf(Member(function, "name"))) +
         ", \"arguments\": " + (arguments->is_object() ? JsonDumps(*arguments) : "null") + "}";
  return Error();
}

}  // namespace

Error ChatJson::ReadMessage(const ChatFormat& format, const Json& json, Message* message) {
  if (!json.is_object()) return Error::Of("is not an object");
  if (!Member(json, "role").is_string()) return Error::Of("has no role");
  const std::string role = TextOf(Member(json, "role"));
  if (!ParseRole(role, &message->role)) {
    return Error::Of("has the role \"", role, "\"; expected system, user, assistant or tool");
  }
  // In other formats a turn that only calls tools may have no content.
  if (format.contents == ChatContents::kJson && !json.contains("content")) return Error::Of("has no content");
  message->content = ContentText(format.contents, Member(json, "content"));
  // The first one that is present; a template that accepts several tests whether they are true.
  const bool renamed = format.has(kChatReasoning);
  for (const char* key : {"thinking", "reasoning", "reasoning_content"}) {
    const Json& value = Member(json, key);
    if (value.is_string() && (!IsFalsy(value) || (format.has(kChatGivenEmpty) && !renamed))) {
      message->thinking = TextOf(value);
    }
    if (!IsFalsy(value) || !renamed) break;
  }
  const Json& calls = Member(json, "tool_calls");
  if (format.calls == ChatCalls::kNotWritten || calls.is_null()) return Error();
  if (!calls.is_array()) return Error::Of("has tool_calls that are not a list");
  message->tool_calls.emplace();
  for (const Json& call : calls) {
    message->tool_calls->emplace_back();
    const Error error = CallText(call, &message->tool_calls->back());
    if (!error.ok()) return Error::Of("has a tool call that ", error.text());
  }
  return Error();
}

Error ChatJson::ReadMessages(const ChatFormat& format, const Json& messages) {
  if (!messages.is_array() || messages.empty()) return Error::Of("the messages are not a list, or an empty one");
  texts_.resize(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    const Error error = ReadMessage(format, messages[i], &texts_[i]);
    if (!error.ok()) return Error::Of("message ", uint64_t{i}, " ", error.text());
  }
  // In every template a system text that is false in Python means none.
  if (texts_[0].role == ChatRole::kSystem && IsFalsy(Member(messages[0], "content"))) texts_[0].content.clear();
  for (Message& m : texts_) {
    ChatMessage message = {m.role, m.content};
    if (m.thinking.has_value()) message.thinking = *m.thinking;
    if (m.tool_calls.has_value()) {
      m.tool_call_views.assign(m.tool_calls->begin(), m.tool_calls->end());
      message.tool_calls = m.tool_call_views;
    }
    messages_.push_back(message);
  }
  return Error();
}

Error ChatJson::ReadTools(const Json& tools) {
  if (tools.is_null()) return Error();
  if (!tools.is_array()) return Error::Of("the tools are not a list");
  for (const Json& tool : tools) {
    if (!tool.is_object() && !tool.is_string()) return Error::Of("tool ", uint64_t{tools_.size()}, " is not an object");
    tools_.push_back(tool.is_string() ? tool.get<std::string>() : JsonDumps(tool));
  }
  for (const std::string& tool : tools_) tool_views_.push_back(tool);
  return Error();
}

Error ChatJson::ReadToolsFile(const std::string& path) {
  if (path.empty()) return Error();
  Json json;
  LFM2_RETURN_IF_FAILED(ReadJson(path, &json));
  const Error error = ReadTools(json);
  return error.ok() ? error : Error::Of(path, ": ", error.text());
}

ChatPrompt ChatJson::Prompt(bool add_generation_prompt) const {
  ChatPrompt prompt;
  prompt.messages = messages_;
  prompt.tools = tool_views_;
  prompt.add_generation_prompt = add_generation_prompt;
  return prompt;
}

}  // namespace lfm2::tools
