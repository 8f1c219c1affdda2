// What the operating system says of this machine and this process.
#ifndef LFM2_PROGRAMS_SESSION_HOST_H_
#define LFM2_PROGRAMS_SESSION_HOST_H_

#include <cstdint>
#include <string>

namespace lfm2::tools {

// Bytes of this process that lie in memory now; 0 where the system does not tell (it is Linux that does).
struct ResidentMemory {
  uint64_t anonymous = 0;  // arena, stacks, heap
  uint64_t file = 0;       // pages of the image and of the program, which the system may take back
  uint64_t peak = 0;       // the most that both were together
};
ResidentMemory ReadResidentMemory();

// The processor's name; empty where the system does not tell.
std::string ProcessorName();

// The time now, such as 2025-01-31T12:00:00Z.
std::string TimeNow();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_HOST_H_
