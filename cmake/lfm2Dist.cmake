# The library in one file, without and with Highway inside: BUILD/dist/lfm2.h and BUILD/dist/lfm2_bundled.h, and for C
# BUILD/dist/lfm2_c.h beside one of these, made by tools/amalgamate with every build; and
# BUILD/dist/lfm2-VERSION-firmware.zip, the library for Arduino, PlatformIO and ESP-IDF. `cpack` (or the target `package`) puts
# them into a release archive.
find_package(Python3 COMPONENTS Interpreter)

# Highway for which instruction sets: those of this kind of processor.
set(lfm2_bundle all)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i.86)$")
  set(lfm2_bundle avx512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(lfm2_bundle sve2)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^arm")
  set(lfm2_bundle neon)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^cortex-m")
  set(lfm2_bundle scalar)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^wasm")
  set(lfm2_bundle wasm)
endif()

if(Python3_FOUND)
  set(dist "${PROJECT_BINARY_DIR}/dist")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/*.h")
  set(amalgamate "${PROJECT_SOURCE_DIR}/tools/amalgamate")
  add_custom_command(OUTPUT "${dist}/lfm2.h"
    COMMAND "${Python3_EXECUTABLE}" "${amalgamate}" "${dist}/lfm2.h"
    DEPENDS ${headers} "${amalgamate}" VERBATIM COMMENT "Making dist/lfm2.h")
  add_custom_command(OUTPUT "${dist}/lfm2_bundled.h"
    COMMAND "${Python3_EXECUTABLE}" "${amalgamate}" "${dist}/lfm2_bundled.h"
      --bundle ${lfm2_bundle} --highway "${lfm2_highway_dir}"
    DEPENDS ${headers} "${amalgamate}" VERBATIM COMMENT "Making dist/lfm2_bundled.h (${lfm2_bundle})")
  add_custom_command(OUTPUT "${dist}/lfm2_c.h"
    COMMAND "${Python3_EXECUTABLE}" "${amalgamate}" "${dist}/lfm2_c.h" --c
    DEPENDS ${headers} "${amalgamate}" VERBATIM COMMENT "Making dist/lfm2_c.h")
  set(LFM2_HOMEPAGE "" CACHE STRING "Where the library is published, for the descriptions of packages")
  mark_as_advanced(LFM2_HOMEPAGE)
  set(lfm2_firmware_zip "${dist}/lfm2-${PROJECT_VERSION}-firmware.zip")
  file(GLOB_RECURSE firmware CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/packaging/firmware/*")
  add_custom_command(OUTPUT "${lfm2_firmware_zip}"
    COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/packaging/firmware/make-package" "${lfm2_firmware_zip}"
      --highway "${lfm2_highway_dir}" --homepage "${LFM2_HOMEPAGE}"
    DEPENDS ${headers} ${firmware} "${amalgamate}" VERBATIM COMMENT "Making dist/lfm2-${PROJECT_VERSION}-firmware.zip")
  set(files "${dist}/lfm2.h" "${dist}/lfm2_bundled.h" "${dist}/lfm2_c.h" "${lfm2_firmware_zip}")
  add_custom_target(lfm2_dist ALL DEPENDS ${files})
  if(LFM2_INSTALL)
    install(FILES ${files} DESTINATION "${CMAKE_INSTALL_DATADIR}/lfm2" COMPONENT lfm2_dist)
    set(CPACK_GENERATOR TGZ)
    set(CPACK_PACKAGE_NAME lfm2)
    set(CPACK_PACKAGE_VENDOR "the lfm2.h authors")
    set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
    include(CPack)
  endif()
endif()
