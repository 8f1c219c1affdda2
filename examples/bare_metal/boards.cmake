# The boards of the examples, all of them QEMU machines, and lfm2_add_firmware.

# The image for a board: in its flash, or on its disk.
set(LFM2_IMAGE "${PROJECT_SOURCE_DIR}/build/release/models/home.lfm2" CACHE FILEPATH "Model image for the boards of the examples")
set(LFM2_ARENA_BYTES "" CACHE STRING "Arena of the examples on boards; empty: each board's own")

set(LFM2_ANSWER_TOKENS 64 CACHE STRING "Tokens of an answer of bare_metal at most")

# Each board: addresses and sizes of code and writable memory, the serial port, and QEMU's command line. `flash` is the address
# of the image; a board without it reads the image from virtio-blk.
set(lfm2_boards_cortex-m7 mps2-an500)
set(lfm2_boards_cortex-m55 mps3-an547)
set(lfm2_boards_aarch64 virt-aarch64 raspi3b)
set(lfm2_boards_riscv64 virt-riscv64)
set(lfm2_boards_riscv32 virt-riscv32)

macro(lfm2_describe_board board)
  set(flash "")
  set(virtio "")
  set(board_definitions "")
  set(arena 0x280000)
  if(board STREQUAL "mps2-an500")
    set(memory 0x00000000 0x400000 0x20000000 0x400000)
    set(flash 0x60000000)
    set(flash_bytes 0x1000000)
    set(uart CMSDK 0x40004000)
    set(qemu qemu-system-arm -M mps2-an500)
  elseif(board STREQUAL "mps3-an547")
    set(memory 0x00000000 0x80000 0x21000000 0x400000)
    set(flash 0x60000000)
    set(flash_bytes 0x1000000)
    set(uart CMSDK 0x49303000)
    set(qemu qemu-system-arm -M mps3-an547)
  elseif(board STREQUAL "virt-aarch64")
    set(memory 0x40080000 0x780000 0x40800000 0x3f800000)
    set(virtio 0x0a000000 0x200 32)
    set(uart PL011 0x09000000)
    set(board_definitions LFM2_NORMAL_BLOCKS=0)
    set(qemu qemu-system-aarch64 -M virt -cpu cortex-a53 -m 1G -nic none)
  elseif(board STREQUAL "raspi3b")
    set(memory 0x00080000 0x780000 0x00800000 0x0f800000)
    set(flash 0x10000000)
    set(flash_bytes 0x10000000)
    set(uart PL011 0x3f201000)
    set(board_definitions LFM2_NORMAL_BLOCKS=504)
    set(qemu qemu-system-aarch64 -M raspi3b)
  elseif(board STREQUAL "virt-riscv64" OR board STREQUAL "virt-riscv32")
    set(memory 0x80000000 0x800000 0x80800000 0x3f800000)
    set(virtio 0x10001000 0x1000 8)
    set(uart 16550 0x10000000)
    string(REPLACE virt- qemu-system- program "${board}")
    set(qemu ${program} -M virt -m 1G -bios none -nic none)
  endif()
  if(LFM2_ARENA_BYTES)
    set(arena "${LFM2_ARENA_BYTES}")
  endif()
endmacro()

set(lfm2_board_folder "${CMAKE_CURRENT_LIST_DIR}")
# Kernels with SIMD unpack weights onto the stack.
set(lfm2_stack_bytes 0x2000)
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^cortex-m")
  set(lfm2_stack_bytes 0x8000)
endif()
# F32, Q4_0 and Q6_K: the types of a model packed from a Q4_0 GGUF. More types would cost flash.
set(LFM2_TENSOR_TYPES 0x29 CACHE STRING "Types of weights that firmware runs: bit n for number n of docs/format.md")

# lfm2_add_firmware(TARGET BOARD SOURCE...): a program for a board, and a target run_TARGET that starts it in QEMU with the
# serial line on standard input and output.
function(lfm2_add_firmware target board)
  lfm2_describe_board("${board}")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^cortex-m")
    set(sources board_cortex_m.cc)
  elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    set(sources board_aarch64.cc start_aarch64.S)
  else()
    set(sources board_riscv.cc start_riscv.S)
  endif()
  list(APPEND sources serial.cc)
  if(virtio)
    list(APPEND sources virtio_block.cc)
  endif()
  list(TRANSFORM sources PREPEND "${lfm2_board_folder}/")
  add_executable(${target} ${ARGN} ${sources})
  set_target_properties(${target} PROPERTIES SUFFIX ".elf" LINK_DEPENDS "${lfm2_board_folder}/memory.ld")
  target_include_directories(${target} PRIVATE "${lfm2_board_folder}")
  target_link_libraries(${target} PRIVATE lfm2_header_only)
  list(GET uart 0 uart_kind)
  list(GET uart 1 uart_address)
  target_compile_definitions(${target} PRIVATE HWY_NO_LIBCXX ${board_definitions} LFM2_ARENA_BYTES=${arena}
    LFM2_ANSWER_TOKENS=${LFM2_ANSWER_TOKENS} LFM2_TENSOR_TYPES=${LFM2_TENSOR_TYPES} LFM2_NO_DRAFTS
    LFM2_UART_${uart_kind} LFM2_UART_ADDRESS=${uart_address})
  if(flash)
    target_compile_definitions(${target} PRIVATE LFM2_IMAGE_ADDRESS=${flash} LFM2_IMAGE_ROOM=${flash_bytes})
    set(image -device "loader,file=${LFM2_IMAGE},addr=${flash},force-raw=on")
  else()
    list(GET virtio 0 address)
    list(GET virtio 1 step)
    list(GET virtio 2 count)
    target_compile_definitions(${target} PRIVATE
      LFM2_VIRTIO_ADDRESS=${address} LFM2_VIRTIO_STEP=${step} LFM2_VIRTIO_COUNT=${count})
    set(image -global virtio-mmio.force-legacy=false -drive "file=${LFM2_IMAGE},if=none,format=raw,readonly=on,id=disk"
      -device virtio-blk-device,drive=disk)
  endif()
  # A compiler cache restores the object, but not the call graph that GCC writes next to it.
  set_target_properties(${target} PROPERTIES C_COMPILER_LAUNCHER "" CXX_COMPILER_LAUNCHER "")
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections
    $<$<OR:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<COMPILE_LANG_AND_ID:C,GNU>>:-fcallgraph-info=su>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>)
  list(GET memory 0 code)
  list(GET memory 1 code_bytes)
  list(GET memory 2 ram)
  list(GET memory 3 ram_bytes)
  target_link_options(${target} PRIVATE -nostartfiles -nodefaultlibs -T "${lfm2_board_folder}/memory.ld"
    -Wl,--gc-sections,--no-warn-rwx-segments,-Map=$<TARGET_FILE:${target}>.map
    -Wl,--defsym=LFM2_CODE=${code},--defsym=LFM2_CODE_SIZE=${code_bytes}
    -Wl,--defsym=LFM2_RAM=${ram},--defsym=LFM2_RAM_SIZE=${ram_bytes},--defsym=LFM2_STACK_SIZE=${lfm2_stack_bytes})
  target_link_libraries(${target} PRIVATE ${LFM2_BARE_LIBRARIES})
  set(command ${qemu} -nographic -monitor none -serial stdio -semihosting-config enable=on,target=native ${image}
    -kernel $<TARGET_FILE:${target}>)
  add_custom_target(run_${target} COMMAND ${command} DEPENDS ${target} USES_TERMINAL VERBATIM)
  # For scripts that add to it.
  string(JOIN "\n" lines ${command})
  file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/bin/${target}.qemu" CONTENT "${lines}\n")
endfunction()
