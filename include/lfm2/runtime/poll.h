// A question that long calls ask their caller: whether to go on.
#ifndef LFM2_RUNTIME_POLL_H_
#define LFM2_RUNTIME_POLL_H_

#include "lfm2/base/config.h"

namespace lfm2 {

struct Poll {
  void* context = nullptr;
  // false: stop. Called on the thread that called the session, after each step; does not call the session.
  bool (*go_on)(void* context) = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_POLL_H_
