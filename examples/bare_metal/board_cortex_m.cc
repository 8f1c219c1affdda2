// Cortex-M: sets the vectors, enables the FPU or Helium, and uses SysTick as the clock.
#include "start.h"

namespace {

volatile uint32_t& SystemRegister(uintptr_t address) { return *reinterpret_cast<volatile uint32_t*>(address); }

constexpr uint32_t kTickMask = 0xffffff;   // SysTick counts down from here
constexpr uint32_t kExitReason = 0x20026;  // exit by the application

uint64_t g_ticks;
uint32_t g_last_tick;

void Fault() { Exit(99); }

}  // namespace

void Exit(int code) {
  volatile uint32_t arguments[2] = {kExitReason, static_cast<uint32_t>(code)};
  register uint32_t r0 __asm__("r0") = 0x20;
  register volatile uint32_t* r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1) : "memory");
  for (;;) {
  }
}

extern "C" [[noreturn]] void Start() {
  SystemRegister(0xe000ed88) |= 0xfu << 20;  // CPACR: coprocessors 10 and 11
  __asm__ volatile("dsb\n isb");
  SystemRegister(0xe000e014) = kTickMask;
  SystemRegister(0xe000e018) = 0;
  SystemRegister(0xe000e010) = 5;  // the processor's clock, on, no interrupt
  SetUpAndRun();
}

// An RTOS has its own.
extern "C" {
void DefaultHandler() { Fault(); }
__attribute__((weak, alias("DefaultHandler"))) void SvcHandler();
__attribute__((weak, alias("DefaultHandler"))) void PendSvHandler();
__attribute__((weak, alias("DefaultHandler"))) void SysTickHandler();
}

struct Vectors {
  uint32_t* stack;
  void (*handler[15])();
};
extern "C" __attribute__((section(".start"), used))
const Vectors lfm2_vectors = {lfm2_stack_end,
                              {Start, Fault, Fault, Fault, Fault, Fault, Fault, Fault, Fault, Fault, SvcHandler, Fault,
                               Fault, PendSvHandler, SysTickHandler}};

// Correct if it is called at least once in 2^24 ticks.
uint64_t Ticks() {
  const uint32_t now = kTickMask - SystemRegister(0xe000e018);
  g_ticks += (now - g_last_tick) & kTickMask;
  g_last_tick = now;
  return g_ticks;
}
