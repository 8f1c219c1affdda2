#include "programs/server/chat_request.h"

#include <utility>

#include "programs/server/chat_messages.h"
#include "programs/server/request_json.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kMaxTopLogprobs = 20;

// tools: [{"type": "function", "function": {"name", "description"?, "parameters"?}}]
void ReadTools(RequestFields* fields, AnswerForm* form, std::vector<std::string>* names) {
  const Json* const tools = fields->Find("tools");
  if (tools == nullptr) return;
  if (!tools->is_array()) return fields->Fail("tools", "is ", ShownValue(*tools), ", not a list");
  for (size_t i = 0; i < tools->size(); ++i) {
    const Json& tool = (*tools)[i];
    const std::string path = "tools[" + std::to_string(i) + "]";
    if (!tool.is_object()) return fields->Fail(path, "is ", ShownValue(tool), ", not an object");
    if (!tool.contains("type") || tool["type"] != "function")
      return fields->Fail(path + ".type", "is not \"function\"");
    if (!tool.contains("function") || !tool["function"].is_object()) {
      return fields->Fail(path + ".function", "is not an object");
    }
    const Json& function = tool["function"];
    if (!function.contains("name") || !function["name"].is_string() ||
        function["name"].get_ref<const std::string&>().empty()) {
      return fields->Fail(path + ".function.name", "is not a name");
    }
    if (function.contains("parameters") && !function["parameters"].is_object() && !function["parameters"].is_null()) {
      return fields->Fail(path + ".function.parameters", "is ", ShownValue(function["parameters"]),
                          ", not a JSON schema");
    }
    // Models read the function of a tool; `strict` concerns the constraint on the answer only.
    Json told = function;
    told.erase("strict");
    form->tools.push_back(std::move(told));
    names->push_back(function["name"].get<std::string>());
  }
}

void ReadToolChoice(RequestFields* fields, const std::vector<std::string>& names, AnswerForm* form) {
  const Json* const choice = fields->Find("tool_choice");
  if (choice == nullptr) return;
  if (*choice == "auto") return;
  if (*choice == "none") {
    form->tool_choice = ToolChoice::kNone;
    return;
  }
  if (names.empty()) return fields->Fail("tool_choice", "requires a call, and there are no tools");
  form->tool_choice = ToolChoice::kRequired;
  if (*choice == "required") return;
  const bool is_named = choice->is_object() && choice->contains("function") && (*choice)["function"].is_object() &&
                        (*choice)["function"].contains("name") && (*choice)["function"]["name"].is_string();
  if (!is_named) {
    return fields->Fail("tool_choice", "is ", ShownValue(*choice),
                        "; expected auto, none, required or {\"type\": \"function\", \"function\": {\"name\"}}");
  }
  form->tool_name = (*choice)["function"]["name"].get<std::string>();
  for (const std::string& name : names) {
    if (name == form->tool_name) return;
  }
  fields->Fail("tool_choice", "names a function that is not one of the tools");
}

void ReadResponseFormat(RequestFields* fields, AnswerForm* form) {
  const Json* const format = fields->Find("response_format");
  if (format == nullptr) return;
  if (!format->is_object()) return fields->Fail("response_format", "is ", ShownValue(*format), ", not an object");
  const Json type = format->contains("type") ? (*format)["type"] : Json();
  if (type == "text") return;
  if (type == "json_object") {
    form->is_json_object = true;
    return;
  }
  if (type != "json_schema") {
    return fields->Fail("response_format.type", "is ", ShownValue(type), "; expected text, json_object or json_schema");
  }
  const bool has_schema = format->contains("json_schema") && (*format)["json_schema"].is_object() &&
                          (*format)["json_schema"].contains("schema") && (*format)["json_schema"]["schema"].is_object();
  if (!has_schema) return fields->Fail("response_format.json_schema.schema", "is not a JSON schema");
  form->schema = (*format)["json_schema"]["schema"];
}

// Several names of the same limit; the last one given here wins.
void ReadMaxTokens(RequestFields* fields, std::optional<uint32_t>* out) {
  for (const char* name : {"n_predict", "max_tokens", "max_completion_tokens"}) fields->Whole(name, 1, UINT32_MAX, out);
}

void ReadLogprobs(RequestFields* fields, std::optional<uint32_t>* out) {
  bool wanted = false;
  std::optional<uint32_t> top;
  fields->Flag("logprobs", &wanted);
  fields->Whole("top_logprobs", 0, kMaxTopLogprobs, &top);
  if (top.has_value() && !wanted) return fields->Fail("top_logprobs", "needs logprobs");
  if (wanted) *out = top.value_or(0);
}

// Other kinds of output, and function calls as they were before tools.
void RefuseOthers(RequestFields* fields) {
  for (const char* name : {"functions", "function_call", "audio", "web_search_options"}) fields->Unsupported(name);
  const Json* const modalities = fields->Find("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"})) {
    fields->Fail("modalities", "is not [\"text\"]");
  }
}

}  // namespace

ApiError ParseChatRequest(std::string_view body, uint32_t vocab_size, ChatRequest* out) {
  Json json;
  LFM2_RETURN_IF_REFUSED(ParseRequestJson(body, &json));
  RequestFields fields(json);
  const Json* const messages = fields.Find("messages");
  LFM2_RETURN_IF_REFUSED(
      ReadChatMessages(messages == nullptr ? Json() : *messages, &out->messages, &out->has_tool_calls));
  std::vector<std::string> tool_names;
  fields.Text("model", &out->model);
  ReadGenerationFields(&fields, vocab_size, &out->generation);
  ReadMaxTokens(&fields, &out->generation.max_tokens);
  ReadLogprobs(&fields, &out->generation.top_logprobs);
  ReadTools(&fields, &out->form, &tool_names);
  ReadToolChoice(&fields, tool_names, &out->form);
  fields.Flag("parallel_tool_calls", &out->form.parallel_calls);
  ReadResponseFormat(&fields, &out->form);
  RefuseOthers(&fields);
  return fields.error();
}

}  // namespace lfm2::tools
