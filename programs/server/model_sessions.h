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

// Weights that are mapped or in memory are shared. With --storage direct each session has its own file and its own copy
// of the front part of the image, because a queue of reads belongs to one session.
class ModelSessions {
 public:
  // Maps the image, to read its metadata.
  Error Open(const ModelArgument& model);
  const ModelFile& file() const { return models_[0]->file(); }
  const Image& image() const { return file().image(); }

  // Makes the plan, passes that of one session to `show`, then allocates and reads. arguments.arena_bytes: of all
  // sessions together; 0: as planned. Called once, after Open. The executor outlives the sessions.
  Error Load(const ModelArgument& model, const SessionArguments& arguments, uint32_t count,
             const std::function<void(const SessionPlan&)>& show, const Executor* executor);

  // After Load.
  const SessionPlan& plan() const { return models_[0]->plan(); }
  uint64_t arena_bytes() const { return plan().plan.total_bytes * sequences_.size(); }
  std::vector<Sequence*> sequences() const;

 private:
  std::vector<std::unique_ptr<RunningModel>> models_;  // one, or one per session
  std::vector<std::unique_ptr<ArenaMemory>> arenas_;   // of sessions that share a model
  std::vector<std::unique_ptr<Sequence>> sequences_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_MODEL_SESSIONS_H_
