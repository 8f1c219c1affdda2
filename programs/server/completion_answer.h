// The response of POST /v1/completions.
#ifndef LFM2_PROGRAMS_SERVER_COMPLETION_ANSWER_H_
#define LFM2_PROGRAMS_SERVER_COMPLETION_ANSWER_H_

#include <string>
#include <vector>

#include "programs/server/answer_writer.h"
#include "programs/server/completion_request.h"

namespace lfm2::tools {

class CompletionAnswer final : public AnswerWriter {
 public:
  // adds_begin: for each prompt, whether its first token is not part of its text.
  CompletionAnswer(AnswerHead head, const CompletionRequest& request, const std::vector<bool>& adds_begin);

  std::string Add(size_t index, const AnswerPiece& piece) override;
  std::string End(size_t index, const AnswerSummary& summary) override;
  std::string Finish() override;

 private:
  using Json = nlohmann::ordered_json;
  struct Choice {
    std::string text;
    std::vector<TokenScore> scores;
    FinishReason reason = FinishReason::kStop;
    size_t token_offset = 0;  // characters of the tokens so far
    bool adds_begin = false;  // the next token has no text
  };

  Json Frame() const;
  Json ChoiceJson(size_t index, const std::string& text, const std::vector<TokenScore>& scores, Json finish_reason);
  Json ScoresJson(const std::vector<TokenScore>& scores, Choice* choice) const;
  std::string TokenText(int32_t token) const;

  AnswerHead head_;
  const bool streams_, includes_usage_, has_scores_;
  std::vector<Choice> choices_;
  uint32_t prompt_tokens_ = 0, cached_tokens_ = 0, answer_tokens_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_COMPLETION_ANSWER_H_
