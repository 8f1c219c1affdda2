# The kernels' tests, compiled for 64-bit Arm and run by qemu-aarch64. Shares the tree of the preset aarch64-linux.
cmake_minimum_required(VERSION 3.20)

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}: failed with ${result}")
  endif()
endfunction()

run("${CMAKE_COMMAND}" --preset aarch64-linux "-DLFM2_HIGHWAY_DIR=${HIGHWAY}")
run("${CMAKE_COMMAND}" --build "${BUILD}" --target kernels_test)
run("${CMAKE_CTEST_COMMAND}" --test-dir "${BUILD}" --output-on-failure --no-tests=error -R "^kernels$")
