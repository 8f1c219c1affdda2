#include "programs/server/chat_answer.h"

#include <utility>

namespace lfm2::tools {

ChatAnswer::ChatAnswer(AnswerHead head, const ChatRequest& request, bool thinks)
    : head_(std::move(head)),
      streams_(request.generation.stream),
      includes_usage_(request.generation.include_usage),
      has_scores_(request.generation.top_logprobs.has_value()),
      parts_(thinks, request.form.tools) {}

std::string ChatAnswer::Add(size_t, const AnswerPiece& piece) {
  return Take(parts_.Put(piece.text), ScoresJson(piece));
}

std::string ChatAnswer::End(size_t, const AnswerSummary& summary) {
  summary_ = summary;
  std::string events = Take(parts_.End(), Json::array());
  if (!streams_) return events;
  const bool calls = !calls_.empty() && summary.reason == FinishReason::kStop;
  return events + Chunk(Json::object(), Json(), calls ? "tool_calls" : NameOf(summary.reason));
}

std::string ChatAnswer::Finish() {
  const Json usage = UsageJson(summary_.prompt_tokens, summary_.cached_tokens, summary_.answer_tokens);
  if (streams_) {
    std::string events;
    if (includes_usage_) {
      Json last = Frame("chat.completion.chunk");
      last["choices"] = Json::array();
      last["usage"] = usage;
      events = Event(last);
    }
    return events.append(kLastEvent);
  }
  Json message = {{"role", "assistant"}, {"content", content_}, {"refusal", nullptr}};
  if (content_.empty() && !calls_.empty()) message["content"] = nullptr;
  if (!thoughts_.empty()) message["reasoning_content"] = thoughts_;
  if (!calls_.empty()) message["tool_calls"] = calls_;
  const bool calls = !calls_.empty() && summary_.reason == FinishReason::kStop;
  Json choice = {{"index", 0}, {"message", std::move(message)}, {"logprobs", nullptr}};
  if (has_scores_) choice["logprobs"] = {{"content", scores_}, {"refusal", nullptr}};
  choice["finish_reason"] = calls ? "tool_calls" : NameOf(summary_.reason);
  Json body = Frame("chat.completion");
  body["choices"] = Json::array({std::move(choice)});
  body["usage"] = usage;
  return DumpJson(body);
}

ChatAnswer::Json ChatAnswer::Frame(const char* object) const {
  return {{"id", head_.id}, {"object", object}, {"created", head_.created}, {"model", head_.model}};
}

std::string ChatAnswer::Chunk(Json delta, Json logprobs, Json finish_reason) {
  Json chunk = Frame("chat.completion.chunk");
  Json choice = {{"index", 0}, {"delta", std::move(delta)}};
  choice["logprobs"] = logprobs.empty() ? Json() : Json({{"content", std::move(logprobs)}, {"refusal", nullptr}});
  choice["finish_reason"] = std::move(finish_reason);
  chunk["choices"] = Json::array({std::move(choice)});
  if (includes_usage_) chunk["usage"] = nullptr;
  return Event(chunk);
}

std::string ChatAnswer::Take(const AnswerDelta& delta, Json logprobs) {
  std::string events;
  if (streams_ && !has_begun_) {
    has_begun_ = true;
    events += Chunk({{"role", "assistant"}, {"content", ""}}, Json(), Json());
  }
  Json shown = Json::object();
  if (!delta.thoughts.empty()) shown["reasoning_content"] = delta.thoughts;
  if (!delta.content.empty()) shown["content"] = delta.content;
  for (const AnsweredCall& call : delta.calls) {
    Json json = {{"id", RandomId("call_")},
                 {"type", "function"},
                 {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
    calls_.push_back(json);
    if (!streams_) continue;
    json["index"] = calls_.size() - 1;
    shown["tool_calls"].push_back(std::move(json));
  }
  if (streams_) {
    if (!shown.empty() || !logprobs.empty()) events += Chunk(std::move(shown), std::move(logprobs), Json());
    return events;
  }
  content_ += delta.content;
  thoughts_ += delta.thoughts;
  for (Json& score : logprobs) scores_.push_back(std::move(score));
  return events;
}

// The scores of all tokens except the one that ends the answer, which has no text.
ChatAnswer::Json ChatAnswer::ScoresJson(const AnswerPiece& piece) const {
  const Vocab& vocab = *head_.vocab;
  const auto one = [&](int32_t token, float logprob) -> Json {
    const std::string_view text = vocab.TokenBytes(token);
    Json bytes = Json::array();
    for (const char byte : text) bytes.push_back(static_cast<uint8_t>(byte));
    return {{"token", std::string(text)}, {"logprob", logprob}, {"bytes", std::move(bytes)}};
  };
  Json list = Json::array();
  for (const TokenScore& score : piece.scores) {
    if (vocab.IsStop(score.token)) continue;
    Json json = one(score.token, score.logprob);
    json["top_logprobs"] = Json::array();
    for (const auto& [token, logprob] : score.top) json["top_logprobs"].push_back(one(token, logprob));
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace lfm2::tools
