// Compile-time facts about the machine, and macros that users may define. Every other header includes this first.
#ifndef LFM2_BASE_CONFIG_H_
#define LFM2_BASE_CONFIG_H_

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "lfm2.h needs C++17 or newer: pass -std=c++17"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lfm2.h needs a little-endian machine: model images are used in place and are little-endian"
#endif

#include <cstddef>
#include <cstdint>

// LFM2_SEPARATE_COMPILATION: this unit sees only the declarations of large functions and of those that depend on the
// instruction set; the one file that also defines LFM2_IMPLEMENTATION has the definitions. Without this macro every
// unit has them.
#if defined(LFM2_IMPLEMENTATION) && !defined(LFM2_SEPARATE_COMPILATION)
#error "LFM2_IMPLEMENTATION is for one file of a program that defines LFM2_SEPARATE_COMPILATION in all files"
#endif
#if defined(LFM2_SEPARATE_COMPILATION)
#define LFM2_FUNCTION
#define LFM2_FUNCTION_OF_UNIT
#else
#define LFM2_FUNCTION inline
// For functions whose definition depends on the compiler's flags: each unit gets its own copy, which is never merged
// with another unit's.
#define LFM2_FUNCTION_OF_UNIT inline __attribute__((always_inline))
#endif

// Keeps a function's stack frame separate from its caller's.
#define LFM2_NOINLINE __attribute__((noinline))
// For functions that rarely run: compiled for size, whatever the flags.
#define LFM2_SELDOM __attribute__((noinline, cold))
// For small functions with many callers: not inlined where the flags request small code.
#if defined(__OPTIMIZE_SIZE__)
#define LFM2_SMALL __attribute__((noinline))
#else
#define LFM2_SMALL
#endif

namespace lfm2 {

// Alignment of every region that the library carves from an arena, and of every pinned tensor in an image: one cache
// line, and the widest vector that kernels load.
inline constexpr size_t kAlignment = 64;

// Alignment of expert records in an image: the unit of direct reads on every common drive.
inline constexpr size_t kRecordAlignment = 4096;

}  // namespace lfm2

#endif  // LFM2_BASE_CONFIG_H_
