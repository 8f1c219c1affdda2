// Several sessions of one model, each with an arena of its own.
#ifndef LFM2_PROGRAMS_SERVER_MODEL_SESSIONS_H_
#define LFM2_PROGRAMS_SERVER_MODEL_SESSIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/open/running_model.h"
#include "programs/server/sequence.h"
#include "programs/session/arena_memory.h"

namespace lfm2::tools {

// Weights that are mapped or in memory are there once. From a direct file every session reads for itself, since the
// reads of a drive are one session's: each has the image's front part in its arena and a file of its own.
class ModelSessions {
 public:
  // Maps the image, to see what is in it.
  Error Open(const ModelArgument& model);
  const Image& image() const { return models_[0]->file().image(); }

  // Plans, hands the plan of one session to `show`, and only then allocates and reads. arguments.arena_bytes: of all
  // sessions together; 0: what the plan says. Called once, behind Open. The executor outlives the sessions.
  Error Load(const ModelArgument& model, const SessionArguments& arguments, uint32_t count,
             const std::function<void(const SessionPlan&)>& show, const Executor* executor);

  // Behind Load.
  const SessionPlan& plan() const { return models_[0]->plan(); }
  uint64_t arena_bytes() const { return plan().plan.total_bytes * sequences_.size(); }
  std::vector<Sequence*> sequences() const;

 private:
  std::vector<std::unique_ptr<RunningModel>> models_;  // one, or one for each session
  std::vector<std::unique_ptr<ArenaMemory>> arenas_;   // of sessions without a model of their own
  std::vector<std::unique_ptr<Sequence>> sequences_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_MODEL_SESSIONS_H_
