# 64-bit Arm without an operating system: Debian's Linux compiler and its headers, and picolibc for memcpy and similar and the
# mathematical functions (g++-aarch64-linux-gnu, picolibc-aarch64-linux-gnu); boards: examples/bare_metal.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_CXX_FLAGS_INIT "-mcpu=cortex-a53 -fno-pic -fno-stack-protector")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -no-pie -nostdlib -Wl,--build-id=none")
set(LFM2_BARE_LIBRARIES
  /usr/lib/picolibc/aarch64-linux-gnu/lib/libm.a /usr/lib/picolibc/aarch64-linux-gnu/lib/libc.a -lgcc)
