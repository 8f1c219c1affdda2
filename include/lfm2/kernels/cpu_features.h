// The instruction sets that the processor reports. On x86 __builtin_cpu_supports is not enough: GCC 10 and clang 14 do
// not accept all the names that are needed here, and it requires the compiler's runtime library. On 64-bit Arm only the
// operating system can tell, and Linux passes the answer to every process.
#ifndef LFM2_KERNELS_CPU_FEATURES_H_
#define LFM2_KERNELS_CPU_FEATURES_H_

#include "lfm2/base/config.h"
#include "lfm2/base/cpu_target.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__) && defined(LFM2_DYNAMIC_DISPATCH)
#include <sys/auxv.h>
#endif

namespace lfm2 {

// Registers of CPUID and XCR0 (Intel SDM volume 2, CPUID; volume 1, 13.3), or the words of Linux' arm64 HWCAPs
// (Documentation/arch/arm64/elf_hwcaps.rst); zeros where they do not exist.
struct CpuFeatures {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0;
  uint32_t leaf7_ecx = 0;
  uint32_t leaf7_1_eax = 0;
  uint32_t xcr0 = 0;  // register states that the operating system saves
  uint64_t hwcap = 0;
  uint64_t hwcap2 = 0;
  uint32_t sve_bytes = 0;  // of a vector
};

#if defined(__aarch64__) && defined(__linux__) && defined(LFM2_DYNAMIC_DISPATCH)
// Bytes of a vector of SVE, on a processor that has it; a function of its own, so that no other function contains the
// instruction.
__attribute__((noinline)) inline uint32_t SveVectorBytes() {
  // cntb x0, encoded for an assembler without SVE.
  register uint64_t bytes __asm__("x0");
  __asm__ volatile(".inst 0x0420e3e0" : "=r"(bytes));
  return static_cast<uint32_t>(bytes);
}
#endif

inline CpuFeatures DetectCpuFeatures() {
  CpuFeatures cpu;
#if defined(__x86_64__) || defined(__i386__)
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) cpu.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
    cpu.leaf7_ebx = b;
    cpu.leaf7_ecx = c;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) cpu.leaf7_1_eax = a;
  }
  constexpr uint32_t kOsXsave = 1u << 27;
  if ((cpu.leaf1_ecx & kOsXsave) != 0) {
    __asm__("xgetbv" : "=a"(cpu.xcr0), "=d"(d) : "c"(0));
  }
#elif defined(__aarch64__) && defined(__linux__) && defined(LFM2_DYNAMIC_DISPATCH)
  // The C library keeps these words in memory: this is not a system call.
  cpu.hwcap = getauxval(AT_HWCAP);
  cpu.hwcap2 = getauxval(AT_HWCAP2);
  constexpr uint64_t kSve = 1u << 22;
  if ((cpu.hwcap & kSve) != 0) cpu.sve_bytes = SveVectorBytes();
#endif
  return cpu;
}

// Whether the processor has every feature that Highway's compiler attributes for `target` enable, and the operating
// system saves the registers. Always true for kAutomatic and kBaseline.
constexpr bool SupportsTarget(const CpuFeatures& cpu, CpuTarget target) {
  constexpr auto flag = [](uint32_t n) { return uint32_t{1} << n; };
  const auto has = [](uint64_t reg, uint64_t bits) { return (reg & bits) == bits; };
  // SSSE3, SSE4.1, SSE4.2, POPCNT.
  const bool sse4 = has(cpu.leaf1_ecx, flag(9) | flag(19) | flag(20) | flag(23));
  // FMA, AVX, F16C; BMI1, AVX2, BMI2; states of SSE and AVX.
  const bool avx2 = sse4 && has(cpu.leaf1_ecx, flag(12) | flag(28) | flag(29)) &&
                    has(cpu.leaf7_ebx, flag(3) | flag(5) | flag(8)) && has(cpu.xcr0, flag(1) | flag(2));
  const bool avx_vnni = avx2 && has(cpu.leaf7_1_eax, flag(4));
  // PCLMULQDQ, AES; AVX512F, DQ, CD, BW, VL; VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ; states of
  // masks and of both parts of the 512-bit registers.
  const bool avx3_dl =
      avx2 && has(cpu.leaf1_ecx, flag(1) | flag(25)) &&
      has(cpu.leaf7_ebx, flag(16) | flag(17) | flag(28) | flag(30) | flag(31)) &&
      has(cpu.leaf7_ecx, flag(1) | flag(6) | flag(8) | flag(9) | flag(10) | flag(11) | flag(12) | flag(14)) &&
      has(cpu.xcr0, flag(5) | flag(6) | flag(7));
  // Also what Armv8.2 adds to Armv8.0, because the compiler may use it: ATOMICS, ASIMDRDM; then ASIMDDP; I8MM.
  const bool dotprod = has(cpu.hwcap, flag(8) | flag(12) | flag(20));
  const bool i8mm = dotprod && has(cpu.hwcap2, flag(13));
  // The same, SVE, SVE2 and SVEI8MM; with vectors of 128 bits NEON is as fast.
  const bool sve2 = i8mm && has(cpu.hwcap, flag(22)) && has(cpu.hwcap2, flag(1) | flag(9)) && cpu.sve_bytes > 16;
  switch (target) {
    case CpuTarget::kAutomatic:
    case CpuTarget::kBaseline: return true;
    case CpuTarget::kSse4: return sse4;
    case CpuTarget::kAvx2: return avx2;
    case CpuTarget::kAvxVnni: return avx_vnni;
    case CpuTarget::kAvx3Dl: return avx3_dl;
    case CpuTarget::kNeonDotprod: return dotprod;
    case CpuTarget::kNeonI8mm: return i8mm;
    case CpuTarget::kSve2: return sve2;
  }
  return false;
}

}  // namespace lfm2

#endif  // LFM2_KERNELS_CPU_FEATURES_H_
