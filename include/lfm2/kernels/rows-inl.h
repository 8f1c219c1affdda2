// The kernels for one of Highway's targets and, with LFM2_DYNAMIC_DISPATCH, again for each row of the table that has
// instructions beyond that target: AVX-VNNI, and dot products and int8 matrices of NEON. A row is another pass over the
// same files in the namespace LFM2_ROW_NAMESPACE; their include guards depend on LFM2_ROW_TOGGLE as well as on
// Highway's HWY_TARGET_TOGGLE.
#if defined(LFM2_KERNELS_ROWS_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_ROWS_INL_H_
#undef LFM2_KERNELS_ROWS_INL_H_
#else
#define LFM2_KERNELS_ROWS_INL_H_
#endif

#include "lfm2/kernels/kernels-inl.h"

#if defined(LFM2_DYNAMIC_DISPATCH) && !defined(LFM2_ROW_NAMESPACE)

// The file that a row includes; the single-file library includes itself.
#ifndef LFM2_ROW_INCLUDE
#define LFM2_ROW_INCLUDE "lfm2/kernels/rows-inl.h"
#endif

#if HWY_TARGET == HWY_AVX2 && !LFM2_HAVE_AVX_VNNI && (HWY_COMPILER_GCC_ACTUAL >= 1100 || HWY_COMPILER_CLANG >= 1200)
#define LFM2_COMPILED_AVX_VNNI 1
#define LFM2_ROW_NAMESPACE N_AVX2_VNNI
#define LFM2_ROW_FLAGS HWY_TARGET_STR ",avxvnni"
#define LFM2_ROW_HAS_AVX_VNNI 1
#define LFM2_ROW_HAS_DOTPROD 0
#define LFM2_ROW_HAS_I8MM 0
#if defined(LFM2_ROW_TOGGLE)
#undef LFM2_ROW_TOGGLE
#else
#define LFM2_ROW_TOGGLE
#endif
#include LFM2_ROW_INCLUDE
#undef LFM2_ROW_NAMESPACE
#undef LFM2_ROW_FLAGS
#undef LFM2_ROW_HAS_AVX_VNNI
#undef LFM2_ROW_HAS_DOTPROD
#undef LFM2_ROW_HAS_I8MM
#endif

// Intrinsics beyond the compiler's flags: GCC provides them, clang from version 16 on.
#if HWY_TARGET == HWY_STATIC_TARGET && HWY_TARGET_IS_NEON && HWY_ARCH_ARM_A64 && defined(__linux__) && \
    (HWY_COMPILER_GCC_ACTUAL >= 1000 || HWY_COMPILER_CLANG >= 1600)
#if !LFM2_HAVE_DOTPROD
#define LFM2_COMPILED_NEON_DOTPROD 1
#define LFM2_ROW_NAMESPACE N_NEON_DOTPROD
#define LFM2_ROW_FLAGS "arch=armv8.2-a+dotprod"
#define LFM2_ROW_HAS_AVX_VNNI 0
#define LFM2_ROW_HAS_DOTPROD 1
#define LFM2_ROW_HAS_I8MM 0
#if defined(LFM2_ROW_TOGGLE)
#undef LFM2_ROW_TOGGLE
#else
#define LFM2_ROW_TOGGLE
#endif
#include LFM2_ROW_INCLUDE
#undef LFM2_ROW_NAMESPACE
#undef LFM2_ROW_FLAGS
#undef LFM2_ROW_HAS_AVX_VNNI
#undef LFM2_ROW_HAS_DOTPROD
#undef LFM2_ROW_HAS_I8MM
#endif
#if !LFM2_HAVE_I8MM
#define LFM2_COMPILED_NEON_I8MM 1
#define LFM2_ROW_NAMESPACE N_NEON_I8MM
#define LFM2_ROW_FLAGS "arch=armv8.2-a+dotprod+i8mm"
#define LFM2_ROW_HAS_AVX_VNNI 0
#define LFM2_ROW_HAS_DOTPROD 1
#define LFM2_ROW_HAS_I8MM 1
#if defined(LFM2_ROW_TOGGLE)
#undef LFM2_ROW_TOGGLE
#else
#define LFM2_ROW_TOGGLE
#endif
#include LFM2_ROW_INCLUDE
#undef LFM2_ROW_NAMESPACE
#undef LFM2_ROW_FLAGS
#undef LFM2_ROW_HAS_AVX_VNNI
#undef LFM2_ROW_HAS_DOTPROD
#undef LFM2_ROW_HAS_I8MM
#endif
#endif

#endif  // LFM2_DYNAMIC_DISPATCH

#endif  // LFM2_KERNELS_ROWS_INL_H_
