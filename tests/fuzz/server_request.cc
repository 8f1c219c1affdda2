// Bodies of requests to lfm2-server. Input: which endpoint, and which chat format; then the body.
#include "lfm2/text/sampler.h"
#include "lfm2/text/stop_matcher.h"
#include "programs/server/completion_request.h"
#include "programs/server/prompt_tokens.h"
#include "programs/text/chat_formats.h"
#include "tests/fuzz/encode_check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace server_request {

using tools::ApiError;

void CheckRefusal(const ApiError& error) {
  LFM2_HOLDS(error.status == 400 && error.type == "invalid_request_error" && !error.message.empty());
  CheckSentence(tools::Error::Of(error.message));
  LFM2_HOLDS(tools::Error::Of(error.message).text() == error.message);
  LFM2_HOLDS(tools::Error::Of(error.param).text() == error.param && error.param.size() < 1000);
  const auto json = nlohmann::json::parse(error.Json(), nullptr, false);
  LFM2_HOLDS(json.is_object() && json["error"]["message"] == error.message);
}

void CheckGeneration(const tools::GenerationRequest& request, uint32_t vocab_size) {
  LFM2_HOLDS(Sampler::Check(request.sampler).ok());
  const std::vector<std::string_view> texts(request.stop.begin(), request.stop.end());
  LFM2_HOLDS(StopMatcher().SetTexts({texts.data(), texts.size()}).ok());
  LFM2_HOLDS(request.stream || !request.include_usage);
  LFM2_HOLDS(request.top_logprobs.value_or(0) <= 20);
  for (const auto& [token, bias] : request.logit_bias) {
    LFM2_HOLDS(token >= 0 && static_cast<uint32_t>(token) < vocab_size && bias >= -100 && bias <= 100);
  }
}

void CheckPrompt(const Vocab& vocab, const tools::PromptTokens& prompt) {
  LFM2_HOLDS(!prompt.ids.empty());
  for (const int32_t id : prompt.ids) LFM2_HOLDS(vocab.Contains(id));
  for (size_t i = 0; i < prompt.places.size(); ++i) {
    LFM2_HOLDS(prompt.places[i] < prompt.ids.size() && (i == 0 || prompt.places[i - 1] < prompt.places[i]));
  }
}

void RunChat(std::string_view body, const ChatFormat& format) {
  const Vocab& vocab = TinyVocab();
  tools::ChatRequest request;
  ApiError error = tools::ParseChatRequest(body, vocab.size(), &request);
  if (!error.ok()) return CheckRefusal(error);
  CheckGeneration(request.generation, vocab.size());
  LFM2_HOLDS(request.generation.max_tokens.value_or(1) > 0 && !request.messages.empty());
  tools::PromptTokens prompt;
  error = tools::EncodeChatRequest(vocab, format, "2026-11-26", request, &prompt);
  if (!error.ok()) return CheckRefusal(error);
  CheckPrompt(vocab, prompt);
}

void RunCompletion(std::string_view body) {
  constexpr uint32_t kMaxPrompts = 4;
  const Vocab& vocab = TinyVocab();
  tools::CompletionRequest request;
  ApiError error = tools::ParseCompletionRequest(body, vocab.size(), kMaxPrompts, &request);
  if (!error.ok()) return CheckRefusal(error);
  CheckGeneration(request.generation, vocab.size());
  LFM2_HOLDS(!request.prompts.empty() && request.prompts.size() <= kMaxPrompts);
  LFM2_HOLDS(request.generation.max_tokens.has_value() && (request.echo || *request.generation.max_tokens > 0));
  for (const auto& one : request.prompts) {
    tools::PromptTokens prompt;
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&one)) {
      prompt.ids = *ids;
    } else {
      error = tools::EncodeCompletionText(vocab, std::get<std::string>(one), &prompt);
      if (!error.ok()) {
        CheckRefusal(error);
        continue;
      }
    }
    CheckPrompt(vocab, prompt);
  }
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint8_t kind = input.Byte();
  const auto formats = tools::KnownChatFormats();
  if (kind % 4 == 0) return RunCompletion(input.Rest());
  RunChat(input.Rest(), formats[kind / 4 % formats.size()]);
}

std::vector<std::string> Seeds() {
  const std::string chats[] = {
      R"({"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],)"
      R"("temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,"repetition_penalty":1.1,"seed":-1,"max_tokens":5,)"
      R"("stop":["a","b"],"n":1,"stream":true,"stream_options":{"include_usage":true},"logprobs":true,)"
      R"("top_logprobs":2,"logit_bias":{"3":-1.5}})",
      R"({"messages":[{"role":"developer","content":[{"type":"text","text":"a"}]},{"role":"user","content":"b"},)"
      R"({"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"c","type":"function",)"
      R"("function":{"name":"f","arguments":"{\"a\":[1,null,\"x\"]}"}}]},)"
      R"({"role":"tool","tool_call_id":"c","content":"{}"}],)"
      R"("tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"properties":{"a":{}}}}}],)"
      R"("tool_choice":"auto","response_format":{"type":"text"}})",
      R"({"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}],)"
      R"("tool_choice":{"type":"function","function":{"name":"f"}},)"
      R"("response_format":{"type":"json_schema","json_schema":{"schema":{}}}})"};
  const std::string completions[] = {R"({"prompt":"a text","max_tokens":0,"echo":true,"logprobs":1})",
                                     R"({"prompt":["a","b"],"stop":"x","stream":true})",
                                     R"({"prompt":[[1,2],[3]],"n_predict":9223372036854775808})",
                                     R"({"prompt":[1,2,3],"frequency_penalty":0,"best_of":1})"};
  std::vector<std::string> seeds;
  for (const std::string& body : chats) {
    for (const char kind : {'\1', '\5', '\x0d', '\x15'}) seeds.push_back(kind + body);
  }
  for (const std::string& body : completions) seeds.push_back('\0' + body);
  return seeds;
}

std::vector<std::string> Words() {
  return {"\"messages\":",
          "\"role\":",
          "\"content\":",
          "\"assistant\"",
          "\"developer\"",
          "\"tool\"",
          "\"tool_calls\":",
          "\"function\":",
          "\"arguments\":",
          "\"name\":",
          "\"type\":\"text\",",
          "\"tools\":",
          "\"tool_choice\":",
          "\"required\"",
          "\"none\"",
          "\"response_format\":",
          "\"json_object\"",
          "\"json_schema\"",
          "\"prompt\":",
          "\"max_tokens\":",
          "\"n_predict\":",
          "\"stop\":",
          "\"logit_bias\":",
          "\"logprobs\":",
          "\"stream\":true",
          "[[[[[[[[",
          "{\"a\":{\"a\":",
          "9223372036854775808",
          "-1",
          "1e999",
          "NaN",
          "null",
          "true",
          "\\ud800",
          "\xff",
          "\xc0\x80",
          "<|im_start|>",
          "\\u0000"};
}

}  // namespace server_request

const Target kServerRequest = {"server_request", 1024, &server_request::Run, &server_request::Seeds,
                               &server_request::Words};

}  // namespace lfm2::fuzz
