# 64-bit Raspberry Pi OS, or any other 64-bit Arm Linux, with Debian's cross compiler (g++-aarch64-linux-gnu): for the oldest of
# them, the Cortex-A53 of a Raspberry Pi 3. Programs are static: one file to copy.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CXX_FLAGS_INIT "-mcpu=cortex-a53")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu cortex-a53)
