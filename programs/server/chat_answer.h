// The response of POST /v1/chat/completions.
#ifndef LFM2_PROGRAMS_SERVER_CHAT_ANSWER_H_
#define LFM2_PROGRAMS_SERVER_CHAT_ANSWER_H_

#include <optional>
#include <string>

#include "programs/server/answer_parts.h"
#include "programs/server/answer_writer.h"
#include "programs/server/chat_request.h"

namespace lfm2::tools {

class ChatAnswer final : public AnswerWriter {
 public:
  // thinks: answers of the format begin inside a thought.
  ChatAnswer(AnswerHead head, const ChatRequest& request, bool thinks);

  std::string Add(size_t index, const AnswerPiece& piece) override;
  std::string End(size_t index, const AnswerSummary& summary) override;
  std::string Finish() override;

 private:
  using Json = nlohmann::ordered_json;

  Json Frame(const char* object) const;
  std::string Chunk(Json delta, Json logprobs, Json finish_reason);
  std::string Take(const AnswerDelta& delta, Json logprobs);
  Json ScoresJson(const AnswerPiece& piece) const;

  AnswerHead head_;
  const bool streams_, includes_usage_, has_scores_;
  AnswerParts parts_;
  bool has_begun_ = false;
  std::string content_, thoughts_;
  Json calls_ = Json::array();
  Json scores_ = Json::array();
  AnswerSummary summary_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_CHAT_ANSWER_H_
