# Cortex-M7 without an operating system; boards: examples/bare_metal.
set(lfm2_cortex_m_flags "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16")
set(CMAKE_SYSTEM_PROCESSOR cortex-m7)
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m-bare.cmake")
