// A model's session, as the commands of lfm2-eval use it.
#ifndef LFM2_PROGRAMS_EVAL_OPEN_SESSION_H_
#define LFM2_PROGRAMS_EVAL_OPEN_SESSION_H_

#include <cstdint>

#include "lfm2.h"
#include "programs/base/error.h"
#include "programs/open/running_model.h"

namespace lfm2::tools {

// Positions whose logits are computed in one pass over the output matrix.
inline constexpr uint32_t kLogitsRows = 8;

// Loads an opened model and opens a session on it. The model and the executor outlive the session.
inline Error OpenSession(RunningModel& model, SessionArguments arguments, const Executor* executor, Session* session) {
  arguments.logits_rows = kLogitsRows;
  LFM2_RETURN_IF_FAILED(model.Load(arguments));
  return Error::From(session->Open(model.image(), model.plan().options, model.arena(), executor));
}

// The same arguments for the scalar reference, whose sessions have a float cache.
inline SessionArguments ForReference(SessionArguments arguments) {
  arguments.kv_cache = KvCacheType::kF32;
  arguments.reference = true;
  return arguments;
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_OPEN_SESSION_H_
