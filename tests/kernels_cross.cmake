# The kernels' tests, cross compiled and run by qemu: for every instruction set and processor that the preset PRESET knows,
# in the preset's own tree.
cmake_minimum_required(VERSION 3.20)

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}: failed with ${result}")
  endif()
endfunction()

run("${CMAKE_COMMAND}" --preset ${PRESET} "-DLFM2_HIGHWAY_DIR=${HIGHWAY}")
run("${CMAKE_COMMAND}" --build --preset ${PRESET} --target kernels_test)
run("${CMAKE_CTEST_COMMAND}" --preset ${PRESET} -R "^kernels\\.")
