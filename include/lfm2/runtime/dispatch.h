// Kernels chosen at run time: LFM2_DYNAMIC_DISPATCH. Only they are compiled for several targets; everything around them
// is compiled once, for the compiler's flags.
#ifndef LFM2_RUNTIME_DISPATCH_H_
#define LFM2_RUNTIME_DISPATCH_H_

#if defined(LFM2_DYNAMIC_DISPATCH)

#if defined(HWY_HIGHWAY_INCLUDED) || defined(HIGHWAY_HWY_DETECT_TARGETS_H_)
#error "LFM2_DYNAMIC_DISPATCH chooses Highway's targets: include lfm2.h before hwy/highway.h and hwy/foreach_target.h"
#endif
// The sets that differ for these kernels; each costs the compiler seconds. They need neither AES nor PCLMUL, and
// virtual machines do not always have them.
#if !defined(HWY_DISABLED_TARGETS)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3 | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_AVX10_2)
#endif
#if !defined(HWY_DISABLE_PCLMUL_AES)
#define HWY_DISABLE_PCLMUL_AES
#endif
// Elsewhere than on x86 there is nothing to choose from, and the compiler may not know the newer sets.
#if !defined(__x86_64__) && !defined(__i386__) && !defined(HWY_COMPILE_ONLY_STATIC) && \
    !defined(HWY_COMPILE_ONLY_SCALAR) && !defined(HWY_COMPILE_ONLY_EMU128)
#define HWY_COMPILE_ONLY_STATIC
#endif
// Every pass goes over all per-target headers, though only kernels are taken from it: their include guards stand for
// all of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lfm2/runtime/conversation-inl.h"
#include "hwy/foreach_target.h"

#include "lfm2/base/status.h"
#include "lfm2/kernels/cpu_features.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/kernels/kernels-inl.h"
#include "lfm2/runtime/conversation-inl.h"

// Within HWY_NAMESPACE as all that depends on the compiler's flags: two translation units may differ in them.
HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Best first; the last is the compiler's flags' own.
inline constexpr const KernelTable* kKernelTables[] = {
#if (HWY_TARGETS & HWY_AVX3_DL) && HWY_STATIC_TARGET != HWY_AVX3_DL
    &N_AVX3_DL::kKernelTable,
#endif
#if (HWY_TARGETS & HWY_AVX2) && HWY_STATIC_TARGET != HWY_AVX2
    &N_AVX2::kKernelTable,
#endif
#if (HWY_TARGETS & HWY_SSE4) && HWY_STATIC_TARGET != HWY_SSE4
    &N_SSE4::kKernelTable,
#endif
    &kKernelTable,
};

// The kernels of one target, called through pointers. Computes nothing before Select has succeeded.
struct DispatchedKernels : KernelTable {
  // kUnsupported where the program or the processor does not have the target.
  Status Select(CpuTarget wanted) { return Select(wanted, DetectCpuFeatures()); }
  Status Select(CpuTarget wanted, const CpuFeatures& cpu) {
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
      static_cast<KernelTable&>(*this) = *table;
      return Status();
    }
    return Status(StatusCode::kUnsupported, "options.cpu_target", "is not among the kernels in this program");
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_DYNAMIC_DISPATCH
#endif  // LFM2_RUNTIME_DISPATCH_H_
