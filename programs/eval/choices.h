// lfm2-eval choices: which of several texts a model finds most likely.
#ifndef LFM2_PROGRAMS_EVAL_CHOICES_H_
#define LFM2_PROGRAMS_EVAL_CHOICES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lfm2/base/executor.h"
#include "lfm2/format/vocab.h"
#include "programs/base/error.h"
#include "programs/eval/choice_tasks.h"
#include "programs/measure/running_mean.h"
#include "programs/open/running_model.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

// The tokens of context + choice. Those of the choice are the ones that follow the tokens of the context alone.
struct ChoiceTokens {
  std::vector<int32_t> ids;
  size_t context = 0;  // number of context tokens; at least one, and fewer than all
};

// Encodes as lm-evaluation-harness does: white space at the end of the context belongs to the choice, and the text of
// special tokens becomes those tokens.
Error EncodeChoice(const Vocab& vocab, const std::string& context, const std::string& choice, ChoiceTokens* tokens);

// A model's result for an item.
struct ChoiceScore {
  std::vector<double> log_likelihood;  // of each choice, in nats
  std::vector<uint64_t> tokens;        // of each choice
  uint32_t best = 0;                   // the likeliest choice; of equals the first
  uint32_t best_per_byte = 0;          // the likeliest per byte of its text
};

struct ChoiceScores {
  std::vector<ChoiceScore> items;
  RunningMean acc, acc_norm;  // the share of items whose best choice, or best per byte, is the right one
};

// Called with the number of items done so far, and of all items.
using ShowItems = std::function<void(uint64_t, uint64_t)>;

// Loads an opened model, and scores every item in a session just long enough for the longest. name: of the task file.
Error ScoreChoices(RunningModel& model, const SessionArguments& session, bool reference, const Executor* executor,
                   const std::string& name, const std::vector<ChoiceItem>& items, const ShowItems& show,
                   ChoiceScores* scores);

struct ChoicesArguments {
  ModelArgument model;
  std::string tasks;
  std::string out;     // JSON file to write; empty: none
  uint32_t limit = 0;  // items; 0: all
  bool reference = false;
  SessionArguments session;  // the context is that of the longest item
  uint32_t threads = 1;
};
Error RunChoices(const ChoicesArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_CHOICES_H_
