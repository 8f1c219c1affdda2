# lfm2_add_library: the library compiled once, for programs of more than one file. Also for users of lfm2::lfm2.

# Sets `out` to the compiler flags of an instruction set. -maes and -mpclmul are required: without them Highway treats an AVX2
# or AVX-512 compilation as SSSE3.
function(lfm2_isa_flags isa out)
  set(scalar -DHWY_COMPILE_ONLY_SCALAR)
  set(sse4 -mssse3 -msse4.2 -maes -mpclmul)
  set(avx2 -mavx2 -mfma -mbmi -mbmi2 -mf16c -maes -mpclmul)
  set(avx_vnni ${avx2} -mavxvnni)
  set(avx512 -march=icelake-server)
  set(neon -march=armv8-a)
  set(neon_dotprod -march=armv8.2-a+dotprod)
  set(neon_i8mm -march=armv8.2-a+dotprod+i8mm)
  set(sve -march=armv8.2-a+sve)
  set(sve2 -march=armv8.5-a+sve2)
  set(sve2_i8mm -march=armv8.5-a+sve2+i8mm)
  set(rvv -march=rv64gcv)
  set(native -march=native)
  if(NOT DEFINED ${isa})
    message(FATAL_ERROR "The instruction set is ${isa}; it can be scalar or native; sse4, avx2, avx_vnni or avx512 on x86; "
      "neon, neon_dotprod, neon_i8mm, sve, sve2 or sve2_i8mm on 64-bit Arm; rvv on RISC-V")
  endif()
  set(${out} ${${isa}} PARENT_SCOPE)
endfunction()

# Sets `out` to a mask of weight types, with the names of lfm2-inspect: LFM2_TENSOR_TYPES (format/tensor_type.h).
function(lfm2_tensor_type_mask types out)
  set(known F32 F16 BF16 Q4_0 Q8_0 Q6_K Q4_K Q5_K MXFP4 Q2_K Q3_K IQ4_XS IQ3_XXS IQ3_S IQ2_XXS Q4_1 Q5_0 Q5_1 IQ4_NL
    IQ2_XS IQ2_S IQ1_S IQ1_M TQ1_0 TQ2_0 Q1_0 Q2_0 NVFP4 MXFP8 T4G64 T3G64 T2G32 A2 A3 A4 A5 A6 A8)
  set(mask 1)  # F32 is always there
  foreach(type IN LISTS types)
    # Types that one kernel serves have one bit.
    string(REGEX REPLACE "^IQ2_S$" "IQ2_XS" family "${type}")
    string(REGEX REPLACE "^(TQ2_0|Q1_0|Q2_0)$" "TQ1_0" family "${family}")
    string(REGEX REPLACE "^(A[0-9])G(32|64|128)H?$" "\\1" family "${family}")
    list(FIND known "${family}" number)
    if(number LESS 0)
      string(JOIN " " known ${known})
      message(FATAL_ERROR "${type} is not a weight type; there are ${known}")
    endif()
    math(EXPR mask "${mask} | (1 << ${number})")
  endforeach()
  set(${out} ${mask} PARENT_SCOPE)
endfunction()

# lfm2_add_library(NAME [ISA SET] [TYPES TYPE...] [DYNAMIC_DISPATCH] [POSIX]): a static library with all of lfm2.h and
# lfm2_c.h in it. Targets that link it see declarations only, compile in a fraction of a second and need no Highway.
#   ISA               the instruction set, one of those of lfm2_isa_flags; by default that of the compiler's flags
#   TYPES             the weight types that its kernels are compiled for (F32 is always included); by default all
#   DYNAMIC_DISPATCH  kernels for several instruction sets, chosen at run time
#   POSIX             files and threads for C programs too
function(lfm2_add_library name)
  cmake_parse_arguments(library "DYNAMIC_DISPATCH;POSIX" "ISA" "TYPES" ${ARGN})
  if(library_UNPARSED_ARGUMENTS)
    string(JOIN " " unknown ${library_UNPARSED_ARGUMENTS})
    message(FATAL_ERROR "lfm2_add_library(${name}) has unknown arguments: ${unknown}")
  endif()
  set(flags "")
  if(library_ISA)
    lfm2_isa_flags("${library_ISA}" flags)
  endif()
  set(types "")
  if(library_TYPES)
    lfm2_tensor_type_mask("${library_TYPES}" mask)
    set(types LFM2_TENSOR_TYPES=${mask})
  endif()
  # Each of these headers has its definitions in this file.
  set(headers lfm2.h lfm2_c.h)
  set(text "#define LFM2_IMPLEMENTATION\n#define LFM2_C_IMPLEMENTATION\n")
  foreach(header IN LISTS headers)
    string(APPEND text "#include \"${header}\"\n")
  endforeach()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${name}.cc")
  file(CONFIGURE OUTPUT "${source}" CONTENT "${text}" @ONLY)
  add_library(${name} STATIC "${source}")
  target_link_libraries(${name} PUBLIC lfm2::headers PRIVATE $<BUILD_INTERFACE:lfm2::lfm2>)
  target_compile_definitions(${name} PUBLIC LFM2_SEPARATE_COMPILATION ${types}
    PRIVATE $<$<BOOL:${library_DYNAMIC_DISPATCH}>:LFM2_DYNAMIC_DISPATCH>)
  target_compile_options(${name} PRIVATE ${flags})
  if(library_POSIX)
    find_package(Threads REQUIRED)
    target_compile_definitions(${name} PUBLIC LFM2_POSIX)
    target_link_libraries(${name} PUBLIC Threads::Threads)
  endif()
endfunction()
