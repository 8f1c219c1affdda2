// The system's clock.
#ifndef LFM2_POSIX_CLOCK_H_
#define LFM2_POSIX_CLOCK_H_

#include <time.h>

#include "lfm2/base/config.h"

namespace lfm2::posix {

// Nanoseconds since an arbitrary moment, by a clock that is never adjusted: for SessionOptions::now_ns.
inline uint64_t MonotonicNs(void* /*context*/ = nullptr) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_CLOCK_H_
