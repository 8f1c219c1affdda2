// The threads of a tool's session.
#ifndef LFM2_TOOLS_EVAL_WORKER_THREADS_H_
#define LFM2_TOOLS_EVAL_WORKER_THREADS_H_

#include <cstdint>

#include "lfm2/base/executor.h"
#include "tools/common/error.h"

namespace lfm2::tools {

class WorkerThreads {
 public:
  Error Open(uint32_t threads) { return threads > 1 ? Error::Of("this build has no threads") : Error(); }
  const Executor* executor() const { return nullptr; }
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EVAL_WORKER_THREADS_H_
