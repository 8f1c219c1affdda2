// lfm2-eval logits and perplexity: the commands that run the whole model.
#ifndef LFM2_PROGRAMS_EVAL_MODEL_COMMANDS_H_
#define LFM2_PROGRAMS_EVAL_MODEL_COMMANDS_H_

#include <cstdint>
#include <string>

#include "programs/base/error.h"
#include "programs/eval/corpus.h"
#include "programs/open/model_file.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

struct LogitsArguments {
  ModelArgument model;
  std::string ids;
  std::string out;
  std::string save;          // file of a state to write; empty: none
  std::string load;          // file of the state that the ids continue; empty: none
  std::string record_trace;  // file; empty: none
  bool reference = false;
  SessionArguments session;  // the context is set to the total number of positions
  uint32_t threads = 1;
};
// Writes the logits of every position of the ids to a .npy file.
Error RunLogits(const LogitsArguments& arguments);

struct PerplexityArguments {
  ModelArgument model;
  CorpusArguments corpus;
  std::string record_trace;  // file; empty: none
  SessionArguments session;  // the context is the corpus's window
  uint32_t threads = 1;
};
// Writes the perplexity and its standard error to standard output.
Error RunPerplexity(const PerplexityArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_MODEL_COMMANDS_H_
