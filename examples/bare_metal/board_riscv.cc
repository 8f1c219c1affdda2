// RISC-V in machine mode, 32 or 64 bits: the first hart runs, others sleep.
#include "start.h"

namespace {

constexpr uintptr_t kExitReason = 0x20026;  // exit by the application

}  // namespace

void Exit(int code) {
  volatile uintptr_t arguments[2] = {kExitReason, static_cast<uintptr_t>(code)};
  register uintptr_t a0 __asm__("a0") = 0x20;
  register volatile uintptr_t* a1 __asm__("a1") = arguments;
  __asm__ volatile(
      ".option push\n .option norvc\n .balign 16\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  for (;;) {
  }
}

// Called by start_riscv.S.
extern "C" [[noreturn, gnu::used]] void Run() { SetUpAndRun(); }
extern "C" [[noreturn, gnu::used]] void Fault() { Exit(99); }

uint64_t Ticks() {
#if __riscv_xlen == 32
  uint32_t low, high, again;
  do {
    __asm__ volatile("rdinstreth %0\n rdinstret %1\n rdinstreth %2" : "=r"(high), "=r"(low), "=r"(again));
  } while (high != again);
  return uint64_t{high} << 32 | low;
#else
  uint64_t ticks;
  __asm__ volatile("rdinstret %0" : "=r"(ticks));
  return ticks;
#endif
}
