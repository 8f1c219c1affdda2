# install(): headers, a CMake package and a pkg-config file, none of which depends on the architecture. Packagers install
# this component (`cmake --install build/release --component lfm2_headers`) and the tools, lfm2_tools, separately.
include(CMakePackageConfigHelpers)

set(lfm2_cmake_dir "${CMAKE_INSTALL_DATADIR}/cmake/lfm2")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT lfm2_headers FILES_MATCHING PATTERN "*.h")
install(TARGETS lfm2 lfm2_headers lfm2_highway EXPORT lfm2Targets)
install(EXPORT lfm2Targets NAMESPACE lfm2:: DESTINATION "${lfm2_cmake_dir}" COMPONENT lfm2_headers)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/lfm2Config.cmake.in" "${PROJECT_BINARY_DIR}/lfm2Config.cmake"
  INSTALL_DESTINATION "${lfm2_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/lfm2ConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/lfm2Config.cmake"
  "${PROJECT_BINARY_DIR}/lfm2ConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/lfm2Highway.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/lfm2Library.cmake"
  DESTINATION "${lfm2_cmake_dir}" COMPONENT lfm2_headers)

# The paths in lfm2.pc are relative to the file itself, so an installed tree can be moved.
file(RELATIVE_PATH lfm2_pc_prefix
     "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/lfm2.pc.in" "${PROJECT_BINARY_DIR}/lfm2.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/lfm2.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig"
  COMPONENT lfm2_headers)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT lfm2_headers)
