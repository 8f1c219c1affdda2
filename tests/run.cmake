# run(COMMAND...): in the folder SOURCE; a failure ends the script.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}: failed with ${result}")
  endif()
endfunction()
