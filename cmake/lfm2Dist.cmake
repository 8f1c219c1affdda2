# The library in one file, without and with Highway inside: BUILD/dist/lfm2.h and BUILD/dist/lfm2_bundled.h; for C,
# BUILD/dist/lfm2_c.h, which needs one of them; and BUILD/dist/lfm2-VERSION-firmware.zip, the library for Arduino, PlatformIO and
# ESP-IDF. `cpack` (or the target `package`) puts them into its archive.
find_package(Python3 COMPONENTS Interpreter)

# The instruction sets for which Highway is included: those of this kind of processor.
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
  set(LFM2_HOMEPAGE "" CACHE STRING "Where the library is published, for the descriptions of packages")
  mark_as_advanced(LFM2_HOMEPAGE)
  set(lfm2_firmware_zip "${dist}/lfm2-${PROJECT_VERSION}-firmware.zip")
  file(GLOB_RECURSE firmware CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/packaging/firmware/*")
  set(files "")

  # lfm2_dist_file(FILE SCRIPT [ARGUMENT...]): `SCRIPT FILE ARGUMENT...` makes the file, with every build and with every
  # installation, which therefore needs no build.
  macro(lfm2_dist_file file script)
    get_filename_component(name "${file}" NAME)
    add_custom_command(OUTPUT "${file}"
      COMMAND "${Python3_EXECUTABLE}" -B "${script}" "${file}" ${ARGN}
      DEPENDS ${headers} ${firmware} "${amalgamate}" VERBATIM COMMENT "Making dist/${name}")
    list(APPEND files "${file}")
    if(LFM2_INSTALL)
      set(command "${Python3_EXECUTABLE}" -B "${script}" "${file}" ${ARGN})
      list(JOIN command "]==] [==[" command)
      install(CODE "file(MAKE_DIRECTORY [==[${dist}]==])
  execute_process(COMMAND [==[${command}]==] RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR [==[cannot make dist/${name}: its script failed, see above]==])
  endif()" COMPONENT lfm2_dist)
    endif()
  endmacro()
  lfm2_dist_file("${dist}/lfm2.h" "${amalgamate}")
  lfm2_dist_file("${dist}/lfm2_bundled.h" "${amalgamate}" --bundle ${lfm2_bundle} --highway "${lfm2_highway_dir}")
  lfm2_dist_file("${dist}/lfm2_c.h" "${amalgamate}" --c)
  lfm2_dist_file("${lfm2_firmware_zip}" "${PROJECT_SOURCE_DIR}/packaging/firmware/make-package"
    --highway "${lfm2_highway_dir}" "--homepage=${LFM2_HOMEPAGE}")
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
