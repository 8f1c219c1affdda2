// The instruction sets that kernels can be compiled for.
#ifndef LFM2_BASE_CPU_TARGET_H_
#define LFM2_BASE_CPU_TARGET_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// Which kernels a session computes with. Without LFM2_DYNAMIC_DISPATCH only those for the compiler's flags exist.
enum class CpuTarget : uint8_t {
  kAutomatic,    // the best in this program that the processor and operating system support
  kBaseline,     // what the compiler's flags name: for x86-64 without flags SSE2, for 64-bit Arm NEON
  kSse4,         // SSE4.2
  kAvx2,         // AVX2, FMA, F16C, BMI2: Haswell, Zen and later
  kAvxVnni,      // the same and AVX-VNNI: Alder Lake, its N series, Zen 5 and later
  kAvx3Dl,       // AVX-512 with VNNI: Ice Lake, Zen 4 and later
  kNeonDotprod,  // NEON with dot products of int8: Cortex-A75 and later, Raspberry Pi 5
  kNeonI8mm,     // the same and products of int8 matrices: most phones since 2021, Neoverse V1 and N2
  kSve2,         // SVE2 with int8 matrices, where vectors are longer than NEON's
};

}  // namespace lfm2

#endif  // LFM2_BASE_CPU_TARGET_H_
