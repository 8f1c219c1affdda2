// lfm2-eval tokens, text and render: the commands that need only a model's vocabulary.
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
// Encodes standard input as a JSON list on standard output.
Error RunTokens(const TokensArguments& arguments);

// Decodes a JSON list on standard input to bytes on standard output.
Error RunText(const ModelArgument& argument);

struct RenderArguments {
  ModelArgument model;
  std::string messages;
  std::string tools;
  std::optional<OwnedChatFormat> chat_format;  // replaces the image's
  std::string date;                            // YYYY-MM-DD
  bool no_generation_prompt = false;
  bool lines = false;
};
// Renders a chat in a JSON file as the exact text of its prompt on standard output. lines: instead, renders each line
// of standard input, {"messages": ..., "tools"?, "add_generation_prompt"?, "date"?}, as a line of standard output,
// {"text": ...} or {"error": ...}.
Error RunRender(const RenderArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TEXT_COMMANDS_H_
