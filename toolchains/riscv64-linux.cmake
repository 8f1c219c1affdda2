# 64-bit RISC-V Linux with vectors: clang 16 or newer (older compilers have no intrinsics for them), with the headers
# and libraries of Debian's cross compiler (g++-riscv64-linux-gnu); tests run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
find_program(CMAKE_CXX_COMPILER NAMES clang++-16 clang++-17 clang++-18 clang++-19 clang++-20 clang++-21 REQUIRED)
string(REPLACE "clang++" "clang" CMAKE_C_COMPILER "${CMAKE_CXX_COMPILER}")
foreach(language ASM C CXX)
  set(CMAKE_${language}_COMPILER_TARGET riscv64-linux-gnu)
  set(CMAKE_${language}_FLAGS_INIT "-march=rv64gcv")
endforeach()
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-riscv64 -L /usr/riscv64-linux-gnu -cpu rv64,v=true,vext_spec=v1.0,vlen=256)
