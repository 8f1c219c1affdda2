# Installs the build in BUILD below WORK, moves the installed tree, and builds and runs the project in SOURCE with it.
cmake_minimum_required(VERSION 3.20)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}\n${output}\nfailed with ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first" --component lfm2_headers)
file(RENAME "${WORK}/first" "${WORK}/installed")

# A release archive contains, in addition to headers and tools, the library in one file, without and with Highway, and
# for boards.
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/release" --component lfm2_dist)
file(GLOB released RELATIVE "${WORK}/release/share/lfm2" "${WORK}/release/share/lfm2/*")
list(TRANSFORM released REPLACE "lfm2-[0-9]+\\.[0-9]+\\.[0-9]+" "lfm2-VERSION")
if(NOT released STREQUAL "lfm2-VERSION-firmware.zip;lfm2.h;lfm2_bundled.h;lfm2_c.h")
  message(FATAL_ERROR "A release has the files ${released}")
endif()

# expect_answer(PROGRAM KERNELS): the program answers with those kernels, a regular expression.
function(expect_answer program kernels)
  run("${program}" "${MODEL}")
  if(NOT output MATCHES "^${kernels}: .*start_timer\\(minutes=21\\)")
    message(FATAL_ERROR "${program} printed: ${output}")
  endif()
endfunction()

# By find_package: in each file, compiled once, and compiled once for several processors.
set(common "${CMAKE_COMMAND}" -S "${SOURCE}" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
    "-DLFM2_HIGHWAY_DIR=${HIGHWAY}")
set(configure ${common} -DLFM2_FROM=package "-DCMAKE_PREFIX_PATH=${WORK}/installed")
run(${configure} -B "${WORK}/build")
run("${CMAKE_COMMAND}" --build "${WORK}/build" --target all answers_anywhere)
run("${WORK}/build/uses_lfm2")
if(NOT output MATCHES "^lfm2 [0-9]+\\.[0-9]+\\.[0-9]+\n$")
  message(FATAL_ERROR "uses_lfm2 printed: ${output}")
endif()
expect_answer("${WORK}/build/answers" "SCALAR|Scalar|EMU128|Emu128")
expect_answer("${WORK}/build/answers_anywhere" "[A-Z0-9_]+")

# From a clone.
foreach(way subdirectory fetch)
  run(${common} -DLFM2_FROM=${way} "-DLFM2_SOURCE=${CLONE}" -B "${WORK}/${way}")
  run("${CMAKE_COMMAND}" --build "${WORK}/${way}" --target answers)
  expect_answer("${WORK}/${way}/answers" "[A-Za-z0-9]+")
endforeach()

# refused(ARGUMENTS SENTENCE): lfm2_add_library rejects the arguments with this message.
function(refused arguments sentence)
  execute_process(COMMAND ${configure} -B "${WORK}/refused" "-DLFM2_ARGUMENTS=${arguments}"
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " said "${output}")
  if(result EQUAL 0 OR NOT said MATCHES "${sentence}")
    message(FATAL_ERROR "lfm2_add_library(lfm2_small ISA scalar TYPES Q4_0 Q6_K ${arguments}) gave ${result}:\n${output}")
  endif()
endfunction()
refused("Q9_K" "Q9_K is not a weight type; there are F32 .*IQ4_NL")
refused("ISA;avx1024" "The instruction set is avx1024; it can be scalar or native")
refused("ISA;native;FAST" "lfm2_add_library\\(lfm2_small\\) has unknown arguments: FAST")

# A directory without Highway gives one clear sentence.
execute_process(COMMAND ${configure} -B "${WORK}/refused" "-DLFM2_HIGHWAY_DIR=${WORK}"
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
# CMake wraps lines depending on the length of the path.
string(REGEX REPLACE "[ \n]+" " " sentence "${output}")
if(result EQUAL 0 OR NOT sentence MATCHES "LFM2_HIGHWAY_DIR is .*, which does not contain hwy/highway.h")
  message(FATAL_ERROR "A wrong LFM2_HIGHWAY_DIR gave ${result}:\n${output}")
endif()

# By pkg-config, if it is installed.
find_program(pkg_config NAMES pkg-config pkgconf)
if(pkg_config)
  set(ENV{PKG_CONFIG_PATH} "${WORK}/installed/share/pkgconfig")
  run("${pkg_config}" --define-variable=highwaydir=${HIGHWAY} --cflags lfm2)
  separate_arguments(flags UNIX_COMMAND "${output}")
  run("${COMPILER}" -std=c++17 ${flags} "${SOURCE}/main.cc" -o "${WORK}/by_pkg_config")
  run("${WORK}/by_pkg_config")
else()
  message(STATUS "pkg-config was not found: lfm2.pc is not tried")
endif()
