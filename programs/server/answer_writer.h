// Writes answers in the form of the OpenAI API: whole, or as events of a stream.
#ifndef LFM2_PROGRAMS_SERVER_ANSWER_WRITER_H_
#define LFM2_PROGRAMS_SERVER_ANSWER_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lfm2/format/vocab.h"
#include "programs/server/answer_channel.h"

namespace lfm2::tools {

// Common to all parts of a response.
struct AnswerHead {
  std::string id;       // such as "chatcmpl-..."
  int64_t created = 0;  // seconds since 1970
  std::string model;
  const Vocab* vocab = nullptr;  // outlives the writer
};

class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  // More of the answer to prompt `index`, and its end. Return events if the request streams, otherwise nothing.
  virtual std::string Add(size_t index, const AnswerPiece& piece) = 0;
  virtual std::string End(size_t index, const AnswerSummary& summary) = 0;
  // After the end of all answers: the body, or the last events.
  virtual std::string Finish() = 0;
};

// {"prompt_tokens", ...}
nlohmann::ordered_json UsageJson(uint32_t prompt_tokens, uint32_t cached_tokens, uint32_t answer_tokens);
const char* NameOf(FinishReason reason);
// JSON for a body or an event; bytes that are not UTF-8 are replaced.
std::string DumpJson(const nlohmann::ordered_json& json);
// "data: JSON" and an empty line.
std::string Event(const nlohmann::ordered_json& json);
inline constexpr std::string_view kLastEvent = "data: [DONE]\n\n";
// The prefix and random letters and digits.
std::string RandomId(const char* prefix);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ANSWER_WRITER_H_
