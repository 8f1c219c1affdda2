# How this repository compiles its own programs. Nothing here reaches users of lfm2::lfm2.

set(lfm2_isa "${LFM2_ISA}")
if(NOT lfm2_isa AND LFM2_NATIVE AND NOT LFM2_DYNAMIC_DISPATCH)
  set(lfm2_isa native)
endif()
set(lfm2_isa_options "")
if(lfm2_isa)
  lfm2_isa_flags(${lfm2_isa} lfm2_isa_options)
endif()

# Warnings and sanitizers: for every translation unit.
add_library(lfm2_build_options INTERFACE)
target_compile_options(lfm2_build_options INTERFACE
  -Wall -Wextra -Wconversion -Wdouble-promotion -Wshadow $<$<BOOL:${LFM2_WERROR}>:-Werror>)
if(LFM2_SANITIZE)
  string(REPLACE ";" "," lfm2_sanitizers "${LFM2_SANITIZE}")
  target_compile_options(lfm2_build_options INTERFACE
    -fsanitize=${lfm2_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(lfm2_build_options INTERFACE -fsanitize=${lfm2_sanitizers})
endif()

# Coverage everywhere, to guide libFuzzer; its main function is in the programs of tests/fuzz only. Comparisons are not traced:
# that costs a third of the speed, and the dictionaries have what tracing would find.
if(LFM2_FUZZ)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=fuzzer)
  check_cxx_source_compiles("extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, decltype(sizeof(0))) { return 0; }"
    LFM2_HAVE_LIBFUZZER)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT LFM2_HAVE_LIBFUZZER)
    message(FATAL_ERROR "LFM2_FUZZ needs a compiler with libFuzzer (-fsanitize=fuzzer), which ${CMAKE_CXX_COMPILER} does not have: "
      "on Debian clang and libclang-rt-dev of the same version")
  endif()
  target_compile_options(lfm2_build_options INTERFACE -fsanitize-coverage=inline-8bit-counters,pc-table)
  target_link_options(lfm2_build_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The whole library in every translation unit, the warnings and the chosen instruction set: for programs of one file, and for
# programs that use kernels directly.
add_library(lfm2_header_only INTERFACE)
target_compile_options(lfm2_header_only INTERFACE ${lfm2_isa_options})
target_compile_definitions(lfm2_header_only INTERFACE $<$<BOOL:${LFM2_DYNAMIC_DISPATCH}>:LFM2_DYNAMIC_DISPATCH>)
target_link_libraries(lfm2_header_only INTERFACE lfm2::lfm2 lfm2_build_options)

# The same with the library compiled once, which all other programs share.
set(lfm2_dispatch "")
if(LFM2_DYNAMIC_DISPATCH)
  set(lfm2_dispatch DYNAMIC_DISPATCH)
endif()
set(lfm2_posix "")
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
  set(lfm2_posix POSIX)
endif()
lfm2_add_library(lfm2_compiled ISA ${lfm2_isa} ${lfm2_dispatch} ${lfm2_posix})
target_link_libraries(lfm2_compiled PRIVATE lfm2_build_options)
set_target_properties(lfm2_compiled PROPERTIES EXCLUDE_FROM_ALL ON)
add_library(lfm2_program INTERFACE)
target_compile_options(lfm2_program INTERFACE ${lfm2_isa_options})
target_link_libraries(lfm2_program INTERFACE lfm2_compiled lfm2_build_options)

# Finds a header that a Debian package provides and makes an INTERFACE target of it.
function(lfm2_find_header target header package)
  find_path(${target}_DIR "${header}" DOC "Directory that contains ${header}")
  if(NOT ${target}_DIR)
    message(FATAL_ERROR "${header} was not found. Run tools/get-deps, install ${package}, or set ${target}_DIR.")
  endif()
  mark_as_advanced(${target}_DIR)
  set(directory "${${target}_DIR}")
  if(EMSCRIPTEN)
    # This folder alone: others next to it are for this machine, and would be searched before Emscripten's own.
    string(REGEX REPLACE "/.*" "" folder "${header}")
    file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/headers")
    file(CREATE_LINK "${directory}/${folder}" "${PROJECT_BINARY_DIR}/headers/${folder}" SYMBOLIC)
    set(directory "${PROJECT_BINARY_DIR}/headers")
  endif()
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE "${directory}")
endfunction()
