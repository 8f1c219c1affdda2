# Cortex-M55 with Helium without an operating system; boards: examples/bare_metal.
set(lfm2_cortex_m_flags "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard")
set(CMAKE_SYSTEM_PROCESSOR cortex-m55)
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m-bare.cmake")
