# The kernels' tests, cross compiled, on the processors that QEMU's user mode emulates.

# lfm2_add_kernel_run(NAME SET PROCESSOR LEVEL [LONG_VECTORS]): the test kernels.NAME runs the program for the instruction set SET
# on PROCESSOR, from LFM2_TEST_LEVEL LEVEL on. LONG_VECTORS: of more than 128 bits, where QEMU is slow: without the longest tests.
function(lfm2_add_kernel_run name set processor level)
  cmake_parse_arguments(run "LONG_VECTORS" "" "" ${ARGN})
  if(NOT lfm2_test_${level})
    return()
  endif()
  if(NOT TARGET kernels_${set}_test)
    lfm2_add_kernel_program(${set})
    if(set MATCHES "^sve")
      # GCC 12 crashes where it vectorises the tests' own loops.
      target_compile_options(kernels_${set}_test PRIVATE -fno-tree-vectorize)
    endif()
    add_dependencies(kernels_test kernels_${set}_test)
  endif()
  # Attention is slow as well; the test `kernels` has it.
  set(filter "--source-file-exclude=*/attention_test.cc")
  if(run_LONG_VECTORS)
    set(filter "--source-file-exclude=*/attention_test.cc,*/math_test.cc" "--test-case-exclude=every type*")
  endif()
  add_test(NAME kernels.${name}
    COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} -cpu ${processor} $<TARGET_FILE:kernels_${set}_test> ${filter})
  set_tests_properties(kernels.${name} PROPERTIES LABELS kernels)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  lfm2_add_kernel_run(neon_dotprod neon_dotprod cortex-a76 ci)
  lfm2_add_kernel_run(neon_i8mm neon_i8mm max ci)
  lfm2_add_kernel_run(sve.128 sve max,sve128=on,sve256=off,sve512=off all)
  lfm2_add_kernel_run(sve.256 sve max,sve256=on,sve512=off all LONG_VECTORS)
  lfm2_add_kernel_run(sve.512 sve max,sve512=on,sve1024=off,sve2048=off all LONG_VECTORS)
  lfm2_add_kernel_run(sve2.128 sve2 max,sve128=on,sve256=off,sve512=off all)
  lfm2_add_kernel_run(sve2.2048 sve2 max all LONG_VECTORS)
  lfm2_add_kernel_run(sve2_i8mm.256 sve2_i8mm max,sve256=on,sve512=off ci LONG_VECTORS)
  lfm2_add_kernel_run(sve2_i8mm.2048 sve2_i8mm max all LONG_VECTORS)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "riscv64")
  lfm2_add_kernel_run(rvv.128 rvv rv64,v=true,vext_spec=v1.0,vlen=128 ci)
  lfm2_add_kernel_run(rvv.256 rvv rv64,v=true,vext_spec=v1.0,vlen=256 all LONG_VECTORS)
  lfm2_add_kernel_run(rvv.1024 rvv rv64,v=true,vext_spec=v1.0,vlen=1024 all LONG_VECTORS)
endif()
