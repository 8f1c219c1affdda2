# 32-bit RISC-V without an operating system; boards: examples/bare_metal.
set(lfm2_riscv_flags "-march=rv32imafc -mabi=ilp32f -mcmodel=medany")
set(CMAKE_SYSTEM_PROCESSOR riscv32)
include("${CMAKE_CURRENT_LIST_DIR}/riscv-bare.cmake")
