// What an x86 processor says of itself. __builtin_cpu_supports is not enough: GCC 10 and clang 14 do not know all names
// that are needed here, and it needs the compiler's runtime library.
#ifndef LFM2_KERNELS_CPU_FEATURES_H_
#define LFM2_KERNELS_CPU_FEATURES_H_

#include "lfm2/base/config.h"
#include "lfm2/base/cpu_target.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace lfm2 {

// Registers of CPUID and XCR0 (Intel SDM volume 2, CPUID; volume 1, 13.3), zeros where there are none.
struct CpuFeatures {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0;
  uint32_t leaf7_ecx = 0;
  uint32_t xcr0 = 0;  // register states that the operating system saves
};

inline CpuFeatures DetectCpuFeatures() {
  CpuFeatures cpu;
#if defined(__x86_64__) || defined(__i386__)
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) cpu.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
    cpu.leaf7_ebx = b;
    cpu.leaf7_ecx = c;
  }
  constexpr uint32_t kOsXsave = 1u << 27;
  if ((cpu.leaf1_ecx & kOsXsave) != 0) {
    __asm__("xgetbv" : "=a"(cpu.xcr0), "=d"(d) : "c"(0));
  }
#endif
  return cpu;
}

// Whether the processor has everything that Highway's compiler attributes for `target` allow, and the operating system
// saves its registers. kAutomatic and kBaseline: always.
constexpr bool SupportsTarget(const CpuFeatures& cpu, CpuTarget target) {
  constexpr auto flag = [](uint32_t n) { return uint32_t{1} << n; };
  const auto has = [](uint32_t reg, uint32_t bits) { return (reg & bits) == bits; };
  // SSSE3, SSE4.1, SSE4.2, POPCNT.
  const bool sse4 = has(cpu.leaf1_ecx, flag(9) | flag(19) | flag(20) | flag(23));
  // FMA, AVX, F16C; BMI1, AVX2, BMI2; states of SSE and AVX.
  const bool avx2 = sse4 && has(cpu.leaf1_ecx, flag(12) | flag(28) | flag(29)) &&
                    has(cpu.leaf7_ebx, flag(3) | flag(5) | flag(8)) && has(cpu.xcr0, flag(1) | flag(2));
  // PCLMULQDQ, AES; AVX512F, DQ, CD, BW, VL; VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ; states of
  // masks and of both parts of the 512-bit registers.
  const bool avx3_dl =
      avx2 && has(cpu.leaf1_ecx, flag(1) | flag(25)) &&
      has(cpu.leaf7_ebx, flag(16) | flag(17) | flag(28) | flag(30) | flag(31)) &&
      has(cpu.leaf7_ecx, flag(1) | flag(6) | flag(8) | flag(9) | flag(10) | flag(11) | flag(12) | flag(14)) &&
      has(cpu.xcr0, flag(5) | flag(6) | flag(7));
  switch (target) {
    case CpuTarget::kAutomatic:
    case CpuTarget::kBaseline: return true;
    case CpuTarget::kSse4: return sse4;
    case CpuTarget::kAvx2: return avx2;
    case CpuTarget::kAvx3Dl: return avx3_dl;
  }
  return false;
}

}  // namespace lfm2

#endif  // LFM2_KERNELS_CPU_FEATURES_H_
