// lfm2-eval tokens, text and render: what needs a model's vocabulary only.
#ifndef LFM2_PROGRAMS_EVAL_TEXT_COMMANDS_H_
#define LFM2_PROGRAMS_EVAL_TEXT_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/format/image.h"
#include "programs/base/error.h"
#include "programs/open/model_file.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

struct TokensArguments {
  ModelArgument model;
  bool special = false;
  bool bos = false;
};
// Standard input to a JSON list on standard output.
Error RunTokens(const TokensArguments& arguments);

// A JSON list on standard input to bytes on standard output.
Error RunText(const ModelArgument& argument);

struct RenderArguments {
  ModelArgument model;
  std::string messages;
  std::string tools;
  std::optional<OwnedChatFormat> chat_format;  // in place of the image's
  std::string date;                            // YYYY-MM-DD
  bool no_generation_prompt = false;
  bool lines = false;
};
// A chat in a JSON file to the exact text of its prompt on standard output. lines: instead, each line of standard
// input, {"messages": ..., "tools"?, "add_generation_prompt"?, "date"?}, to a line of standard output, {"text": ...} or
// {"error": ...}.
Error RunRender(const RenderArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TEXT_COMMANDS_H_
