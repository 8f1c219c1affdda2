# Builds the page, its module without SIMD and the kernels' tests by the preset `wasm`, in the preset's own tree.
cmake_minimum_required(VERSION 3.20)

include("${CMAKE_CURRENT_LIST_DIR}/../run.cmake")

run("${CMAKE_COMMAND}" --preset wasm -DLFM2_WERROR=ON -DLFM2_TEST_LEVEL=all "-DLFM2_HIGHWAY_DIR=${HIGHWAY}" "-DLFM2_IMAGE=${IMAGE}")
run("${CMAKE_COMMAND}" --build --preset wasm --target web web_scalar kernels_test)
