# Common part of riscv64-bare.cmake and riscv32-bare.cmake: gcc-riscv64-unknown-elf with picolibc-riscv64-unknown-elf. Debian has no
# C++ headers for this compiler: the few that the library needs do not depend on the machine, and come with the compiler for
# Arm (libstdc++-arm-none-eabi-newlib).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_CXX_COMPILER riscv64-unknown-elf-g++)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
file(GLOB lfm2_cxx_headers LIST_DIRECTORIES true /usr/include/newlib/c++/*)
if(NOT lfm2_cxx_headers)
  message(FATAL_ERROR "libstdc++-arm-none-eabi-newlib is not installed: tools/get-deps --targets does")
endif()
list(GET lfm2_cxx_headers -1 lfm2_cxx_headers)
set(CMAKE_CXX_FLAGS_INIT "-isystem ${lfm2_cxx_headers} -isystem ${lfm2_cxx_headers}/arm-none-eabi \
--specs=picolibc.specs ${lfm2_riscv_flags}")
set(CMAKE_ASM_FLAGS_INIT "${lfm2_riscv_flags}")
# From the C library: memcpy and similar, and the mathematical functions.
set(LFM2_BARE_LIBRARIES -lm -lc -lgcc)
