# An overlay port of this clone: vcpkg install lfm2 --overlay-ports=CLONE/packaging/vcpkg
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(VCPKG_BUILD_TYPE release)  # headers only

# Python would make dist/lfm2.h as well, which the port does not install.
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DLFM2_BUILD_TOOLS=OFF
    -DLFM2_BUILD_TESTS=OFF
    -DLFM2_BUILD_EXAMPLES=OFF
    -DLFM2_HIGHWAY_FETCH=OFF
    "-DLFM2_HIGHWAY_DIR=${CURRENT_INSTALLED_DIR}/include"
    -DCMAKE_DISABLE_FIND_PACKAGE_Python3=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/lfm2)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
