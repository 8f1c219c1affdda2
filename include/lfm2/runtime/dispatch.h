// The kernels in a program, and the ones a session uses: those for the compiler's flags or, with LFM2_DYNAMIC_DISPATCH,
// those for the processor that the program runs on. Only kernels are compiled for several targets; everything else is
// compiled once, for the compiler's flags.
#ifndef LFM2_RUNTIME_DISPATCH_H_
#define LFM2_RUNTIME_DISPATCH_H_

#if defined(LFM2_DYNAMIC_DISPATCH)

#if defined(HWY_HIGHWAY_INCLUDED) || defined(HIGHWAY_HWY_DETECT_TARGETS_H_)
#error "LFM2_DYNAMIC_DISPATCH chooses Highway's targets: include lfm2.h before hwy/highway.h and hwy/foreach_target.h"
#endif
// Only targets that make a difference for these kernels, because each one costs seconds of compile time. On x86 the
// kernels need neither AES nor PCLMUL, which virtual machines do not always provide.
#if !defined(HWY_DISABLED_TARGETS)
#if defined(__aarch64__)
#define HWY_DISABLED_TARGETS (HWY_NEON | HWY_NEON_BF16 | HWY_SVE | HWY_SVE_256 | HWY_SVE2_128)
#else
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3 | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_AVX10_2)
#endif
#endif
#if !defined(HWY_DISABLE_PCLMUL_AES)
#define HWY_DISABLE_PCLMUL_AES
#endif
// Other platforms have only one row, and their compilers may not support the newer sets.
#if !defined(__x86_64__) && !defined(__i386__) && !(defined(__aarch64__) && defined(__linux__)) && \
    !defined(HWY_COMPILE_ONLY_STATIC) && !defined(HWY_COMPILE_ONLY_SCALAR) && !defined(HWY_COMPILE_ONLY_EMU128)
#define HWY_COMPILE_ONLY_STATIC
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lfm2/kernels/rows-inl.h"
#include "hwy/foreach_target.h"
#endif  // LFM2_DYNAMIC_DISPATCH

#include "lfm2/base/status.h"
#include "lfm2/kernels/cpu_features.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/kernels/rows-inl.h"

// In HWY_NAMESPACE, like everything that depends on the compiler's flags, and with a name for each way to choose: two
// translation units may differ in both.
HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

#if defined(LFM2_DYNAMIC_DISPATCH)
// Best first; the last one is for the compiler's flags.
inline constexpr const KernelTable* kKernelTables[] = {
#if (HWY_TARGETS & HWY_AVX3_DL) && HWY_STATIC_TARGET != HWY_AVX3_DL
    &N_AVX3_DL::kKernelTable,
#endif
#if defined(LFM2_COMPILED_AVX_VNNI)
    &N_AVX2_VNNI::kKernelTable,
#endif
#if (HWY_TARGETS & HWY_AVX2) && HWY_STATIC_TARGET != HWY_AVX2
    &N_AVX2::kKernelTable,
#endif
#if (HWY_TARGETS & HWY_SSE4) && HWY_STATIC_TARGET != HWY_SSE4
    &N_SSE4::kKernelTable,
#endif
#if (HWY_TARGETS & HWY_SVE2) && HWY_STATIC_TARGET != HWY_SVE2
    &N_SVE2::kKernelTable,
#endif
#if defined(LFM2_COMPILED_NEON_I8MM)
    &N_NEON_I8MM::kKernelTable,
#endif
#if defined(LFM2_COMPILED_NEON_DOTPROD)
    &N_NEON_DOTPROD::kKernelTable,
#endif
    &kKernelTable,
};

// Sets *kernels to those of one target. Errors: kUnsupported where the program or the processor does not have the
// target.
inline Status DispatchKernels(CpuTarget wanted, const CpuFeatures& cpu, const KernelTable** kernels) {
  for (const KernelTable* table : kKernelTables) {
    const bool is_baseline = table == &kKernelTable;
    const bool runs = is_baseline || SupportsTarget(cpu, table->target);
    const bool is_wanted = wanted == CpuTarget::kAutomatic  ? runs
                           : wanted == CpuTarget::kBaseline ? is_baseline
                                                            : wanted == table->target;
    if (!is_wanted) continue;
    if (!runs) {
      return Status(StatusCode::kUnsupported, "options.cpu_target", "is not supported by this processor and system");
    }
    *kernels = table;
    return Status();
  }
  return Status(StatusCode::kUnsupported, "options.cpu_target", "is not among the kernels in this program");
}
inline Status DispatchKernels(CpuTarget wanted, const KernelTable** kernels) {
  return DispatchKernels(wanted, DetectCpuFeatures(), kernels);
}
#define LFM2_CHOOSE_KERNELS HWY_NAMESPACE::DispatchKernels
#else
// Sets *kernels to those for the compiler's flags. Errors: kUnsupported for any other target.
inline Status StaticKernels(CpuTarget wanted, const KernelTable** kernels) {
  if (wanted != CpuTarget::kAutomatic && wanted != CpuTarget::kBaseline && wanted != kCpuTarget) {
    return Status(StatusCode::kUnsupported, "options.cpu_target",
                  "is not what the compiler's flags name, and this program has no other kernels");
  }
  *kernels = &kKernelTable;
  return Status();
}
#define LFM2_CHOOSE_KERNELS HWY_NAMESPACE::StaticKernels
#endif

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_RUNTIME_DISPATCH_H_
