// The command line of chat.
#ifndef LFM2_PROGRAMS_CHAT_OPTIONS_H_
#define LFM2_PROGRAMS_CHAT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "lfm2/posix/thread_pool.h"
#include "lfm2/text/sampler.h"
#include "programs/open/model_file.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

struct ChatOptions {
  ModelArgument model;
  std::optional<std::string> prompt;
  std::string system;
  std::string tools;         // path of a JSON file; empty: none
  std::string session_file;  // empty: none
  uint32_t max_tokens = 512;
  SamplerOptions sampler;
  posix::ThreadPool::Pinning pinning = posix::ThreadPool::Pinning::kNone;
  uint32_t threads = 0;  // 0: as many as there are processors
  SessionArguments session;
  bool stats = false;
};

// False where the program is to end now with *exit_code.
bool ParseChatOptions(int argc, char** argv, ChatOptions* options, int* exit_code);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CHAT_OPTIONS_H_
