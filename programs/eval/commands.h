// lfm2-eval commands: measures how often a model answers commands with exactly the right tool calls.
#ifndef LFM2_PROGRAMS_EVAL_COMMANDS_H_
#define LFM2_PROGRAMS_EVAL_COMMANDS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/base/error.h"
#include "programs/measure/running_mean.h"
#include "programs/open/running_model.h"
#include "programs/session/session_plan.h"
#include "programs/text/chat_json.h"

namespace lfm2::tools {

struct Command {
  std::string user;
  std::string call;             // the exact text of the right answer
  std::vector<int32_t> greedy;  // tokens of another engine's answer; empty: unknown
};

// Reads a JSON object {"user", "call", "greedy"?} from each line; at least one. The Error names the file, the line and
// the member.
Error ReadCommands(const std::string& path, std::vector<Command>* commands);

struct CommandAnswers {
  struct Answer {
    std::string text;
    std::vector<int32_t> tokens;
    bool exact = false;
  };
  std::vector<Answer> items;
  RunningMean exact;        // the share of answers that are equal to the call
  RunningMean same_tokens;  // of those whose `greedy` is known, the share with identical tokens
};

struct CommandsArguments {
  ModelArgument model;
  std::string commands;
  std::string out;  // JSON file to write; empty: none
  std::string system;
  std::string tools;   // JSON file; empty: none
  uint32_t limit = 0;  // commands; 0: all
  uint32_t max_tokens = 128;
  SessionArguments session;
  uint32_t threads = 1;
};

// Loads an opened model and sends it every command as a chat's first turn; answers are decoded greedily. show is called
// with the number of commands done so far, and of all commands.
Error AnswerCommands(RunningModel& model, const CommandsArguments& arguments, const Executor* executor,
                     const std::vector<Command>& commands, const std::function<void(uint64_t, uint64_t)>& show,
                     CommandAnswers* answers);

Error RunCommands(const CommandsArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_COMMANDS_H_
