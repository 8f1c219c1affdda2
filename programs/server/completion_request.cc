#include "programs/server/completion_request.h"

#include "programs/server/request_json.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kMaxLogprobs = 20;
// As in the OpenAI API.
constexpr uint32_t kDefaultMaxTokens = 16;

void ReadIds(RequestFields* fields, const std::string& path, const Json& list, uint32_t vocab_size,
             CompletionRequest* out) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& id = list[i];
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab_size) {
      return fields->Fail(path + "[" + std::to_string(i) + "]", "is ", ShownValue(id), ", not a token below ",
                          vocab_size);
    }
    ids.push_back(static_cast<int32_t>(id.get<uint64_t>()));
  }
  if (ids.empty()) return fields->Fail(path, "has no tokens");
  out->prompts.emplace_back(std::move(ids));
}

// A string, a list of strings, a list of ids, or a list of such lists.
void ReadPrompts(RequestFields* fields, uint32_t vocab_size, uint32_t max_prompts, CompletionRequest* out) {
  const Json* const prompt = fields->Find("prompt");
  if (prompt == nullptr) return fields->Fail("prompt", "is missing");
  if (prompt->is_string()) {
    out->prompts.emplace_back(prompt->get<std::string>());
    return;
  }
  if (!prompt->is_array()) return fields->Fail("prompt", "is ", ShownValue(*prompt), ", neither a string nor a list");
  if (prompt->empty()) return fields->Fail("prompt", "is an empty list");
  if ((*prompt)[0].is_number()) return ReadIds(fields, "prompt", *prompt, vocab_size, out);
  if (prompt->size() > max_prompts) {
    return fields->Fail("prompt", "has ", uint64_t{prompt->size()}, " prompts; at most ", max_prompts, " are possible");
  }
  for (size_t i = 0; i < prompt->size(); ++i) {
    const Json& one = (*prompt)[i];
    const std::string path = "prompt[" + std::to_string(i) + "]";
    if (one.is_string()) {
      out->prompts.emplace_back(one.get<std::string>());
    } else if (one.is_array()) {
      ReadIds(fields, path, one, vocab_size, out);
    } else {
      fields->Fail(path, "is ", ShownValue(one), ", neither a string nor a list of tokens");
    }
  }
}

}  // namespace

ApiError ParseCompletionRequest(std::string_view body, uint32_t vocab_size, uint32_t max_prompts,
                                CompletionRequest* out) {
  Json json;
  LFM2_RETURN_IF_REFUSED(ParseRequestJson(body, &json));
  RequestFields fields(json);
  ReadPrompts(&fields, vocab_size, max_prompts, out);
  fields.Text("model", &out->model);
  ReadGenerationFields(&fields, vocab_size, &out->generation);
  out->generation.max_tokens = kDefaultMaxTokens;
  fields.Flag("echo", &out->echo);
  // 0 only if the prompt is part of the answer.
  const uint64_t least = out->echo ? 0 : 1;
  for (const char* name : {"n_predict", "max_tokens"}) {
    fields.Whole(name, least, UINT32_MAX, &out->generation.max_tokens);
  }
  fields.Whole("logprobs", 0, kMaxLogprobs, &out->generation.top_logprobs);
  for (const char* name : {"suffix", "response_format"}) fields.Unsupported(name);
  return fields.error();
}

}  // namespace lfm2::tools
