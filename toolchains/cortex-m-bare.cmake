# Common part of the toolchains for Cortex-M: gcc-arm-none-eabi with libnewlib-arm-none-eabi and
# libstdc++-arm-none-eabi-newlib.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "${lfm2_cortex_m_flags}")
set(CMAKE_CXX_FLAGS_INIT "${lfm2_cortex_m_flags}")
# From the C library: memcpy and similar, and the mathematical functions.
set(LFM2_BARE_LIBRARIES -lm -lc -lgcc)
