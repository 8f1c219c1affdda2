// The first hart gets its floating-point registers and a stack, others sleep.
  .section .start, "ax"
  .global Start
  .option norelax
Start:
  csrr t0, mhartid
  bnez t0, sleep
  la t0, fault
  csrw mtvec, t0
  li t0, 0x2600                   # floats, and vectors where there are any
  csrs mstatus, t0
  la sp, lfm2_stack_end
  tail Run
sleep:
  wfi
  j sleep
  .balign 4
fault:
  tail Fault
