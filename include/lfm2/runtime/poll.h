// A callback by which a caller can cancel long calls.
#ifndef LFM2_RUNTIME_POLL_H_
#define LFM2_RUNTIME_POLL_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// For Session::SetPoll.
struct Poll {
  void* context = nullptr;  // handed to go_on
  // Returns false to cancel. Called after each step, on the thread that called the session; must not call the session.
  bool (*go_on)(void* context) = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_POLL_H_
