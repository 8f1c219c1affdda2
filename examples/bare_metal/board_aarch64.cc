// Armv8-A in 64-bit state, any exception level: the first core runs, others sleep; caches stay as the boot loader set
// them.
#include "start.h"

namespace {

constexpr uint64_t kExitReason = 0x20026;  // exit by the application

}  // namespace

void Exit(int code) {
  volatile uint64_t arguments[2] = {kExitReason, static_cast<uint64_t>(code)};
  register uint64_t x0 __asm__("x0") = 0x18;
  register volatile uint64_t* x1 __asm__("x1") = arguments;
  __asm__ volatile("hlt #0xf000" : : "r"(x0), "r"(x1) : "memory");
  for (;;) {
  }
}

// Called by start_aarch64.S.
extern "C" [[noreturn, gnu::used]] void Run() { SetUpAndRun(); }
extern "C" [[noreturn, gnu::used]] void Fault() { Exit(99); }

uint64_t Ticks() {
  uint64_t ticks;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
}
