// The instruction sets that kernels can be compiled for.
#ifndef LFM2_BASE_CPU_TARGET_H_
#define LFM2_BASE_CPU_TARGET_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// Which kernels a session computes with. Without LFM2_DYNAMIC_DISPATCH there are only those of the compiler's flags.
enum class CpuTarget : uint8_t {
  kAutomatic,  // the best that this program contains and this processor and its operating system support
  kBaseline,   // what the compiler's flags name: for x86-64 without flags SSE2
  kSse4,       // SSE4.2
  kAvx2,       // AVX2, FMA, F16C, BMI2: Haswell, Zen and later
  kAvx3Dl,     // AVX-512 with VNNI: Ice Lake, Zen 4 and later
};

}  // namespace lfm2

#endif  // LFM2_BASE_CPU_TARGET_H_
