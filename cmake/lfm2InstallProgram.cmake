# lfm2_install_program(TARGET): installs a program in the component lfm2_tools. An installation of everything leaves out a
# program that has not been built, with a message; one of lfm2_tools alone then fails.
function(lfm2_install_program target)
  install(CODE "if(NOT EXISTS [==[$<TARGET_FILE:${target}>]==])
  if(CMAKE_INSTALL_COMPONENT STREQUAL \"lfm2_tools\")
    message(FATAL_ERROR [==[cannot install ${target}: it has not been built (cmake --build \"${PROJECT_BINARY_DIR}\" first)]==])
  endif()
  message(STATUS [==[Left out, not built: ${target} (to have it, first cmake --build \"${PROJECT_BINARY_DIR}\")]==])
endif()" COMPONENT lfm2_tools)
  install(TARGETS ${target} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT lfm2_tools OPTIONAL)
endfunction()
