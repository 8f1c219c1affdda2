# lfm2-server, if cpp-httplib is available: as a header alone, or, in Debian, as a header and a library that have to be compiled
# with the same definitions. Its pkg-config file has those, and is read here without pkg-config.
find_path(LFM2_HTTPLIB_INCLUDE_DIR httplib.h DOC "cpp-httplib's header (libcpp-httplib-dev)")
find_library(LFM2_HTTPLIB_LIBRARY cpp-httplib DOC "cpp-httplib's library, where it has one (libcpp-httplib-dev)")
mark_as_advanced(LFM2_HTTPLIB_INCLUDE_DIR LFM2_HTTPLIB_LIBRARY)
if(CMAKE_CROSSCOMPILING)
  return()
elseif(NOT LFM2_HTTPLIB_INCLUDE_DIR)
  message(STATUS "lfm2-server is left out: httplib.h was not found (tools/get-deps, or libcpp-httplib-dev, has it)")
  return()
endif()

set(lfm2_httplib_definitions "")
if(LFM2_HTTPLIB_LIBRARY)
  get_filename_component(lfm2_httplib_pc "${LFM2_HTTPLIB_LIBRARY}" DIRECTORY)
  set(lfm2_httplib_pc "${lfm2_httplib_pc}/pkgconfig/cpp-httplib.pc")
  if(EXISTS "${lfm2_httplib_pc}")
    file(STRINGS "${lfm2_httplib_pc}" lfm2_httplib_flags REGEX "^Cflags:")
    string(REGEX MATCHALL "CPPHTTPLIB_[A-Z_]+" lfm2_httplib_definitions "${lfm2_httplib_flags}")
  endif()
endif()

# The chat page becomes an array in the program.
set(lfm2_page "${PROJECT_SOURCE_DIR}/programs/server/page.html")
set(lfm2_page_source "${PROJECT_BINARY_DIR}/server/page.cc")
add_custom_command(OUTPUT "${lfm2_page_source}"
  COMMAND "${CMAKE_COMMAND}" -D "PAGE=${lfm2_page}" -D "SOURCE=${lfm2_page_source}" -P "${CMAKE_CURRENT_LIST_DIR}/lfm2Page.cmake"
  DEPENDS "${lfm2_page}" "${CMAKE_CURRENT_LIST_DIR}/lfm2Page.cmake"
  COMMENT "Putting the chat page into lfm2-server"
  VERBATIM)

lfm2_add_tool(lfm2-server server)
if(NOT TARGET lfm2-server)  # LFM2_PROGRAMS does not have it
  return()
endif()
target_sources(lfm2-server PRIVATE "${lfm2_page_source}")
target_include_directories(lfm2-server SYSTEM PRIVATE "${LFM2_HTTPLIB_INCLUDE_DIR}")
target_compile_definitions(lfm2-server PRIVATE ${lfm2_httplib_definitions})
if(LFM2_HTTPLIB_LIBRARY)
  target_link_libraries(lfm2-server PRIVATE "${LFM2_HTTPLIB_LIBRARY}")
endif()
