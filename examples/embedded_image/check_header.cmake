# Fails if HEADER is not what INSPECT prints for IMAGE.
execute_process(COMMAND "${INSPECT}" "${IMAGE}" --header OUTPUT_VARIABLE made COMMAND_ERROR_IS_FATAL ANY)
file(READ "${HEADER}" kept)
if(NOT made STREQUAL kept)
  message(FATAL_ERROR "${HEADER} is of another image; `lfm2-inspect ${IMAGE} --header` prints what it has to be")
endif()
