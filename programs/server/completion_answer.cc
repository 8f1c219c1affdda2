#include "programs/server/completion_answer.h"

#include <cmath>
#include <utility>

#include "lfm2/text/utf8.h"

namespace lfm2::tools {

namespace {

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    if (c.kind != Utf8Char::Kind::kValid) return false;
    text.remove_prefix(c.length);
  }
  return true;
}

// Counts bytes that begin a character; a character may be split between tokens.
size_t Characters(std::string_view bytes) {
  size_t count = 0;
  for (const char byte : bytes) count += IsContinuation(byte) ? 0 : 1;
  return count;
}

}  // namespace

CompletionAnswer::CompletionAnswer(AnswerHead head, const CompletionRequest& request,
                                   const std::vector<bool>& adds_begin)
    : head_(std::move(head)),
      streams_(request.generation.stream),
      includes_usage_(request.generation.include_usage),
      has_scores_(request.generation.top_logprobs.has_value()),
      choices_(request.prompts.size()) {
  for (size_t i = 0; i < choices_.size(); ++i) choices_[i].adds_begin = request.echo && adds_begin[i];
}

std::string CompletionAnswer::Add(size_t index, const AnswerPiece& piece) {
  Choice& choice = choices_[index];
  if (!streams_) {
    choice.text += piece.text;
    choice.scores.insert(choice.scores.end(), piece.scores.begin(), piece.scores.end());
    return {};
  }
  if (piece.text.empty() && piece.scores.empty()) return {};
  Json chunk = Frame();
  chunk["choices"] = Json::array({ChoiceJson(index, piece.text, piece.scores, Json())});
  if (includes_usage_) chunk["usage"] = nullptr;
  return Event(chunk);
}

std::string CompletionAnswer::End(size_t index, const AnswerSummary& summary) {
  choices_[index].reason = summary.reason;
  prompt_tokens_ += summary.prompt_tokens;
  cached_tokens_ += summary.cached_tokens;
  answer_tokens_ += summary.answer_tokens;
  if (!streams_) return {};
  Json chunk = Frame();
  chunk["choices"] = Json::array({ChoiceJson(index, "", {}, NameOf(summary.reason))});
  if (includes_usage_) chunk["usage"] = nullptr;
  return Event(chunk);
}

std::string CompletionAnswer::Finish() {
  Json body = Frame();
  body["choices"] = Json::array();
  if (streams_ && !includes_usage_) return std::string(kLastEvent);
  body["usage"] = UsageJson(prompt_tokens_, cached_tokens_, answer_tokens_);
  if (streams_) return Event(body).append(kLastEvent);
  for (size_t i = 0; i < choices_.size(); ++i) {
    body["choices"].push_back(ChoiceJson(i, choices_[i].text, choices_[i].scores, NameOf(choices_[i].reason)));
  }
  return DumpJson(body);
}

CompletionAnswer::Json CompletionAnswer::Frame() const {
  return {{"id", head_.id}, {"object", "text_completion"}, {"created", head_.created}, {"model", head_.model}};
}

CompletionAnswer::Json CompletionAnswer::ChoiceJson(size_t index, const std::string& text,
                                                    const std::vector<TokenScore>& scores, Json finish_reason) {
  Json json = {{"index", index}, {"text", text}, {"logprobs", nullptr}};
  if (has_scores_) json["logprobs"] = ScoresJson(scores, &choices_[index]);
  json["finish_reason"] = std::move(finish_reason);
  return json;
}

// Includes the token that ended the answer, which the text does not have.
CompletionAnswer::Json CompletionAnswer::ScoresJson(const std::vector<TokenScore>& scores, Choice* choice) const {
  Json tokens = Json::array(), logprobs = Json::array(), top = Json::array(), offsets = Json::array();
  for (const TokenScore& score : scores) {
    tokens.push_back(TokenText(score.token));
    offsets.push_back(choice->token_offset);
    if (!choice->adds_begin) choice->token_offset += Characters(head_.vocab->TokenBytes(score.token));
    choice->adds_begin = false;
    const bool is_first = std::isnan(score.logprob);
    logprobs.push_back(is_first ? Json() : Json(score.logprob));
    Json best = is_first ? Json() : Json::object();
    for (const auto& [token, logprob] : score.top) best.emplace(TokenText(token), logprob);
    if (!is_first) best.emplace(TokenText(score.token), score.logprob);
    top.push_back(std::move(best));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(top)},
          {"text_offset", std::move(offsets)}};
}

// A token that is not valid UTF-8 is written as its bytes, such as bytes:\xe2\x82.
std::string CompletionAnswer::TokenText(int32_t token) const {
  const std::string_view bytes = head_.vocab->TokenBytes(token);
  if (IsUtf8(bytes)) return std::string(bytes);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "bytes:";
  for (const char byte : bytes) {
    const unsigned value = static_cast<unsigned char>(byte);
    text.append("\\x").append(1, kDigits[value >> 4]).append(1, kDigits[value & 15]);
  }
  return text;
}

}  // namespace lfm2::tools
