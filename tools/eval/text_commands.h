// lfm2-eval tokens, text and render: what needs a model's vocabulary only.
#ifndef LFM2_TOOLS_EVAL_TEXT_COMMANDS_H_
#define LFM2_TOOLS_EVAL_TEXT_COMMANDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/format/image.h"
#include "tools/common/error.h"
#include "tools/open/model_file.h"

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
  bool no_generation_prompt = false;
};
// A chat in a JSON file to the exact text of its prompt on standard output.
Error RunRender(const RenderArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EVAL_TEXT_COMMANDS_H_
