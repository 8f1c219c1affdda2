# Runs the port file in PORT as vcpkg does, with vcpkg's functions defined here: configures, installs into
# WORK/installed.
cmake_minimum_required(VERSION 3.20)

set(CURRENT_INSTALLED_DIR "${WORK}/installed")
set(CURRENT_PACKAGES_DIR "${WORK}/installed")
file(MAKE_DIRECTORY "${WORK}/installed/include")
file(CREATE_LINK "${HIGHWAY}/hwy" "${WORK}/installed/include/hwy" SYMBOLIC)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  run("${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${WORK}/build" "-DCMAKE_CXX_COMPILER=${COMPILER}"
    "-DCMAKE_BUILD_TYPE=Release" "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" ${arg_OPTIONS})
endfunction()

function(vcpkg_cmake_install)
  run("${CMAKE_COMMAND}" --build "${WORK}/build" --target install)
endfunction()

function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/lfm2Config.cmake")
    message(FATAL_ERROR "${arg_CONFIG_PATH} has no lfm2Config.cmake")
  endif()
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/share/pkgconfig/lfm2.pc")
    message(FATAL_ERROR "no lfm2.pc")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(STRINGS "${arg_FILE_LIST}" licence LIMIT_COUNT 1 REGEX "Apache License")
  if(NOT licence)
    message(FATAL_ERROR "${arg_FILE_LIST} is not the licence")
  endif()
endfunction()

include("${PORT}/portfile.cmake")
