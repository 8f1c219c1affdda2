# 64-bit RISC-V without an operating system; boards: examples/bare_metal.
set(lfm2_riscv_flags "-march=rv64gc -mabi=lp64d -mcmodel=medany")
set(CMAKE_SYSTEM_PROCESSOR riscv64)
include("${CMAKE_CURRENT_LIST_DIR}/riscv-bare.cmake")
