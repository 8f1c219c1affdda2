// An answer's text as it comes, divided into what the API tells apart: content, thoughts, calls of tools.
#ifndef LFM2_PROGRAMS_SERVER_ANSWER_PARTS_H_
#define LFM2_PROGRAMS_SERVER_ANSWER_PARTS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "programs/server/tool_calls.h"

namespace lfm2::tools {

// What a piece of text has added.
struct AnswerDelta {
  std::string content;
  std::string thoughts;
  std::vector<AnsweredCall> calls;

  bool empty() const { return content.empty() && thoughts.empty() && calls.empty(); }
};

// Markers may be torn over pieces: what could be the beginning of one is held back.
class AnswerParts {
 public:
  // thinks: the answer begins within a thought. tools: those whose calls are told apart, each with a name and perhaps
  // parameters; where there are none, calls are content.
  AnswerParts(bool thinks, const nlohmann::ordered_json& tools);

  AnswerDelta Put(std::string_view text);
  // The answer ends here: what was held back is content, also a call that was not finished.
  AnswerDelta End();

 private:
  enum class State : uint8_t { kContent, kThought, kCall };

  bool Advance(AnswerDelta* delta);
  void Move(size_t bytes, AnswerDelta* delta);

  State state_;
  const bool reads_calls_;
  ToolParameters parameters_;
  bool trims_ = false;  // white space between a thought and the content is neither's
  std::string held_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ANSWER_PARTS_H_
