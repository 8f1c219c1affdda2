# The kernels' tests, cross compiled and run by qemu: for every instruction set and processor that the preset PRESET knows,
# in the preset's own tree; where LFM2_TEST_LONG is not set, without those of the label "long" and with fewer types of weights.
cmake_minimum_required(VERSION 3.20)

include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")

set(left_out -LE "^long$")
set(every_type OFF)
if(DEFINED ENV{LFM2_TEST_LONG})
  set(left_out "")
  set(every_type ON)
endif()
run("${CMAKE_COMMAND}" --preset ${PRESET} "-DLFM2_HIGHWAY_DIR=${HIGHWAY}" -DLFM2_TEST_EVERY_TYPE=${every_type})
run("${CMAKE_COMMAND}" --build --preset ${PRESET} --target kernels_test)
run("${CMAKE_CTEST_COMMAND}" --preset ${PRESET} -R "^kernels\\." ${left_out})
