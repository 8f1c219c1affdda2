// Facts about this machine and this process, from the operating system.
#ifndef LFM2_PROGRAMS_SESSION_HOST_H_
#define LFM2_PROGRAMS_SESSION_HOST_H_

#include <cstdint>
#include <string>

namespace lfm2::tools {

// Resident bytes of this process; 0 if the system does not report them. Linux does.
struct ResidentMemory {
  uint64_t anonymous = 0;  // arena, stacks, heap
  uint64_t file = 0;       // pages of the image and of the program, which the system may reclaim
  uint64_t peak = 0;       // largest sum of both so far
};
ResidentMemory ReadResidentMemory();

// The processor's name; empty if the system does not report it.
std::string ProcessorName();

// The current time, such as 2025-01-31T12:00:00Z.
std::string TimeNow();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_HOST_H_
