// Divides the text of an answer, as it comes, into content, thoughts and tool calls.
#ifndef LFM2_PROGRAMS_SERVER_ANSWER_PARTS_H_
#define LFM2_PROGRAMS_SERVER_ANSWER_PARTS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "programs/server/tool_calls.h"

namespace lfm2::tools {

// What a piece of text adds.
struct AnswerDelta {
  std::string content;
  std::string thoughts;
  std::vector<AnsweredCall> calls;

  bool empty() const { return content.empty() && thoughts.empty() && calls.empty(); }
};

// A marker may be split between pieces, so what could be the beginning of one is held back.
class AnswerParts {
 public:
  // thinks: the answer begins inside a thought. tools: each with a name and possibly parameters; without tools, calls
  // are content.
  AnswerParts(bool thinks, const nlohmann::ordered_json& tools);

  AnswerDelta Put(std::string_view text);
  // The answer ends here: what was held back, including an unfinished call, is content.
  AnswerDelta End();

 private:
  enum class State : uint8_t { kContent, kThought, kCall };

  bool Advance(AnswerDelta* delta);
  void Move(size_t bytes, AnswerDelta* delta);

  State state_;
  const bool reads_calls_;
  ToolParameters parameters_;
  bool trims_ = false;  // white space between a thought and the content is dropped
  std::string held_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ANSWER_PARTS_H_
