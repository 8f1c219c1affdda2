# WebAssembly with SIMD, with Emscripten: its own toolchain file, and additions for tests. They run under Node.js, and their
# headers are also searched for on this machine.
find_file(LFM2_EMSCRIPTEN_TOOLCHAIN Emscripten.cmake
  PATHS /usr/share/emscripten/cmake/Modules/Platform "$ENV{EMSDK}/upstream/emscripten/cmake/Modules/Platform"
  DOC "The toolchain file that Emscripten ships" REQUIRED NO_CMAKE_FIND_ROOT_PATH)
set(EMSCRIPTEN_SYSTEM_PROCESSOR wasm32)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
include("${LFM2_EMSCRIPTEN_TOOLCHAIN}")
set(CMAKE_CXX_FLAGS_INIT "-msimd128")
set(CMAKE_CROSSCOMPILING_EMULATOR node)
list(APPEND CMAKE_SYSTEM_PREFIX_PATH /usr)
