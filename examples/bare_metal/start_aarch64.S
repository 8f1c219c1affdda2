// Enters EL1, enables SIMD, sets up a stack, and enables the MMU: without it all memory is device memory, which does not
// allow misaligned accesses. Addresses are mapped to themselves. Of the first 512 blocks of 2 MB, LFM2_NORMAL_BLOCKS are
// memory and the rest of that gigabyte is devices; the next three gigabytes are memory.
  .section .start, "ax"
  .global Start
Start:
  mrs x0, mpidr_el1
  tst x0, #3
  b.ne sleep
  mrs x0, CurrentEL
  cmp x0, #8
  b.lo at_el1
  b.eq at_el2
  msr cptr_el3, xzr
  mov x0, #0x5b1                  // EL2 is 64 bits wide and not secure
  msr scr_el3, x0
  mov x0, #0x3c9                  // EL2 with its own stack, no interrupts
  msr spsr_el3, x0
  adr x0, at_el2
  msr elr_el3, x0
  eret
at_el2:
  mov x0, #0x33ff                 // SIMD traps nowhere
  msr cptr_el2, x0
  mov x0, #(1 << 31)              // EL1 is 64 bits wide
  msr hcr_el2, x0
  mov x0, #0x3c5                  // EL1 with its own stack, no interrupts
  msr spsr_el2, x0
  adr x0, at_el1
  msr elr_el2, x0
  eret
at_el1:
  mov x0, #(3 << 20)
  msr cpacr_el1, x0
  ldr x0, =exceptions
  msr vbar_el1, x0
  ldr x0, =gigabytes
  msr ttbr0_el1, x0
  mov x0, #0xff00                 // kinds of memory: 0 device, 1 cached
  msr mair_el1, x0
  ldr x0, =0x803520               // 32 bits of address, pages of 4 KB, cached walks
  msr tcr_el1, x0
  tlbi vmalle1
  dsb sy
  isb
  mrs x0, sctlr_el1
  mov x1, #0x1005                 // MMU and caches
  orr x0, x0, x1
  msr sctlr_el1, x0
  isb
  ldr x0, =lfm2_stack_end
  mov sp, x0
  b Run
sleep:
  wfe
  b sleep

  .balign 4096
first_gigabyte:
  .set address, 0
  .rept LFM2_NORMAL_BLOCKS
  .quad address + 0x705           // cached, shared, accessed
  .set address, address + 0x200000
  .endr
  .rept 512 - LFM2_NORMAL_BLOCKS
  .quad address + 0x401           // a device
  .set address, address + 0x200000
  .endr
gigabytes:
  .quad first_gigabyte + 3
  .quad 0x40000000 + 0x705
  .quad 0x80000000 + 0x705
  .quad 0xc0000000 + 0x705
  .balign 2048
exceptions:
  .rept 16
  b Fault
  .balign 128
  .endr
