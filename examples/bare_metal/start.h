// Common start-up code, which runs once there is a stack.
#ifndef LFM2_EXAMPLES_BARE_METAL_START_H_
#define LFM2_EXAMPLES_BARE_METAL_START_H_

#include "uart.h"

extern "C" {
extern uint32_t lfm2_data_initial[], lfm2_data[], lfm2_data_end[], lfm2_bss[], lfm2_bss_end[], lfm2_stack_end[];
}

// Ends the emulation with a semihosting call; on a board without a debugger it never returns.
[[noreturn]] void Exit(int code);

[[noreturn]] inline void SetUpAndRun() {
  const uint32_t* from = lfm2_data_initial;
  for (uint32_t* to = lfm2_data; to < lfm2_data_end; ++to, ++from) *to = *from;
  for (uint32_t* to = lfm2_bss; to < lfm2_bss_end; ++to) *to = 0;
  uart::Open();
  Exit(Main());
}

#endif  // LFM2_EXAMPLES_BARE_METAL_START_H_
