// lfm2-eval logits and perplexity: what needs the whole model.
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
  SessionArguments session;  // context is as long as everything together
  uint32_t threads = 1;
};
// The logits of every position of the ids, to a .npy file.
Error RunLogits(const LogitsArguments& arguments);

struct PerplexityArguments {
  ModelArgument model;
  CorpusArguments corpus;
  std::string record_trace;  // file; empty: none
  SessionArguments session;  // context is the corpus's window
  uint32_t threads = 1;
};
// Perplexity and its standard error, on standard output.
Error RunPerplexity(const PerplexityArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_MODEL_COMMANDS_H_
