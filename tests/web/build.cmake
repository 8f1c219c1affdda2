# Builds the page, its module without SIMD and the kernels' tests by the preset `wasm`, in the preset's own tree.
cmake_minimum_required(VERSION 3.20)

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}: failed with ${result}")
  endif()
endfunction()

run("${CMAKE_COMMAND}" --preset wasm -DLFM2_WERROR=ON "-DLFM2_HIGHWAY_DIR=${HIGHWAY}" "-DLFM2_IMAGE=${IMAGE}")
run("${CMAKE_COMMAND}" --build --preset wasm --target web web_scalar kernels_test)
