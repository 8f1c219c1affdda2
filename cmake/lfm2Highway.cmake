# Finds Google Highway, of which only the headers are used. Part of the build and of the installed package.

set(LFM2_HIGHWAY_MINIMUM 1.3)

# Sets `out` to the version of the copy in `directory`, such as 1.3, or to an empty string when there is none.
function(lfm2_highway_version directory out)
  set(version "")
  if(EXISTS "${directory}/hwy/highway.h" AND EXISTS "${directory}/hwy/base.h")
    file(STRINGS "${directory}/hwy/base.h" lines REGEX "^#define HWY_(MAJOR|MINOR) [0-9]+$")
    if("${lines}" MATCHES "HWY_MAJOR ([0-9]+)")
      set(version "${CMAKE_MATCH_1}")
      if("${lines}" MATCHES "HWY_MINOR ([0-9]+)")
        string(APPEND version ".${CMAKE_MATCH_1}")
      endif()
    endif()
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Sets `out` to a directory that contains hwy/ in a version that is new enough, or to an empty string. A directory given
# as LFM2_HIGHWAY_DIR is the only candidate; otherwise the system's comes first and then the arguments after `out`.
function(lfm2_find_highway out)
  set(${out} "" PARENT_SCOPE)
  if(LFM2_HIGHWAY_DIR)
    lfm2_highway_version("${LFM2_HIGHWAY_DIR}" version)
    if(NOT version)
      message(FATAL_ERROR "LFM2_HIGHWAY_DIR is ${LFM2_HIGHWAY_DIR}, which does not contain hwy/highway.h")
    elseif(version VERSION_LESS LFM2_HIGHWAY_MINIMUM)
      message(FATAL_ERROR "LFM2_HIGHWAY_DIR holds Highway ${version}; lfm2 needs ${LFM2_HIGHWAY_MINIMUM} or newer")
    endif()
    set(${out} "${LFM2_HIGHWAY_DIR}" PARENT_SCOPE)
    return()
  endif()
  find_path(LFM2_SYSTEM_HIGHWAY hwy/highway.h DOC "The system's copy of Highway, whatever its version")
  mark_as_advanced(LFM2_SYSTEM_HIGHWAY)
  foreach(directory IN ITEMS "${LFM2_SYSTEM_HIGHWAY}" LISTS ARGN)
    lfm2_highway_version("${directory}" version)
    if(version AND NOT version VERSION_LESS LFM2_HIGHWAY_MINIMUM)
      set(${out} "${directory}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# The build's own search: also the copy that tools/get-deps unpacked, and finally a download, pinned by its hash.
function(lfm2_locate_highway out)
  lfm2_find_highway(directory "${PROJECT_SOURCE_DIR}/build/deps/highway/usr/include")
  if(NOT directory AND LFM2_HIGHWAY_FETCH)
    message(STATUS "No Highway ${LFM2_HIGHWAY_MINIMUM} here: downloading it (tools/get-deps avoids this)")
    include(FetchContent)
    if(POLICY CMP0135)
      cmake_policy(SET CMP0135 NEW)
    endif()
    # SOURCE_SUBDIR names a folder without a CMakeLists.txt, so nothing of Highway is built.
    FetchContent_Declare(lfm2_highway
      URL "https://github.com/google/highway/archive/refs/tags/1.3.0.tar.gz"
      URL_HASH SHA256=07b3c1ba2c1096878a85a31a5b9b3757427af963b1141ca904db2f9f4afe0bc2
      SOURCE_SUBDIR hwy)
    FetchContent_MakeAvailable(lfm2_highway)
    set(directory "${lfm2_highway_SOURCE_DIR}")
  endif()
  if(NOT directory)
    message(FATAL_ERROR "Highway ${LFM2_HIGHWAY_MINIMUM} or newer was not found. Run tools/get-deps, or give the "
                        "directory that contains hwy/ with -DLFM2_HIGHWAY_DIR=DIRECTORY.")
  endif()
  lfm2_highway_version("${directory}" version)
  message(STATUS "Highway ${version}: ${directory}")
  set(${out} "${directory}" PARENT_SCOPE)
endfunction()
