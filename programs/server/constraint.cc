#include "programs/server/constraint.h"

#include "programs/files/json_dumps.h"
#include "programs/text/chat_json.h"

namespace lfm2::tools {

namespace {

// Memory that compiling the schemas of a request into a grammar may use.
constexpr uint64_t kMostGrammarBytes = uint64_t{16} << 20;
// JSON values of one schema: a list of so many constants already takes seconds to compile.
constexpr size_t kMostSchemaValues = 4096;

// Recursive: the JSON of a request has a limited depth.
size_t CountValues(const nlohmann::ordered_json& json) {
  size_t count = 1;
  if (json.is_structured()) {
    for (const auto& value : json) count += CountValues(value);
  }
  return count;
}

Error CheckSize(const nlohmann::ordered_json& schema) {
  const size_t values = CountValues(schema);
  if (values <= kMostSchemaValues) return Error();
  return Error::Of("a schema has ", uint64_t{values}, " values, more than ", uint64_t{kMostSchemaValues});
}

const char* NameOf(ToolChoice choice) {
  switch (choice) {
    case ToolChoice::kAuto: return "auto";
    case ToolChoice::kNone: return "none";
    case ToolChoice::kRequired: return "required";
  }
  return "";
}

}  // namespace

ApiError MakeRule(const AnswerForm& form, const Vocab& vocab, const TokenTrie& trie, std::unique_ptr<AnswerRule>* out) {
  out->reset();
  const bool is_json = form.is_json_object || form.schema.has_value();
  if (!is_json && form.tools.empty()) return ApiError();
  if (is_json && !form.tools.empty() && form.tool_choice != ToolChoice::kNone) {
    return ApiError::Bad("response_format",
                         "response_format needs answers without tool calls (set tool_choice to none)");
  }
  *out = std::make_unique<AnswerRule>(kMostGrammarBytes);
  Error error;
  const char* param = "response_format.json_schema.schema";
  if (form.schema.has_value()) {
    error = CheckSize(*form.schema);
    if (error.ok()) error = (*out)->OpenSchema(vocab, trie, JsonDumps(*form.schema));
  } else if (form.is_json_object) {
    error = (*out)->OpenAnyObject(vocab, trie);
    param = "response_format";
  } else {
    ChatJson chat;
    for (size_t i = 0; i < form.tools.size() && error.ok(); ++i) error = CheckSize(form.tools[i]);
    if (error.ok()) error = chat.ReadTools(form.tools);
    const std::string choice = form.tool_name.empty() ? NameOf(form.tool_choice) : form.tool_name;
    if (error.ok()) {
      error = (*out)->OpenTools(vocab, trie, chat.Prompt(false).tools, choice, form.parallel_calls);
    }
    param = "tools";
  }
  return error.ok() ? ApiError() : ApiError::Bad(param, param, ": ", error.text());
}

}  // namespace lfm2::tools
