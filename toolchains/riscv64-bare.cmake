# 64-bit RISC-V without an operating system (gcc-riscv64-unknown-elf, picolibc-riscv64-unknown-elf). Debian has no C++ headers
# for this compiler: those few that the library needs hold nothing of a machine, and come with the compiler for Arm
# (libstdc++-arm-none-eabi-newlib). Boards: examples/bare_metal.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_CXX_COMPILER riscv64-unknown-elf-g++)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
file(GLOB lfm2_cxx_headers LIST_DIRECTORIES true /usr/include/newlib/c++/*)
list(GET lfm2_cxx_headers -1 lfm2_cxx_headers)
set(CMAKE_CXX_FLAGS_INIT
  "-isystem ${lfm2_cxx_headers} -isystem ${lfm2_cxx_headers}/arm-none-eabi --specs=picolibc.specs -march=rv64gc -mabi=lp64d -mcmodel=medany")
# Of the C library: memcpy and its like, and the elementary functions.
set(LFM2_BARE_LIBRARIES -lm -lc -lgcc)
set(CMAKE_ASM_FLAGS_INIT "-march=rv64gc -mabi=lp64d -mcmodel=medany")
