// Compile-time facts about the machine and the switches a user may set. Everything else includes this first.
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

// LFM2_SEPARATE_COMPILATION: this unit sees declarations of what is large and depends on the instruction set, and the
// one file that also defines LFM2_IMPLEMENTATION has the definitions. Without it every unit has them.
#if defined(LFM2_IMPLEMENTATION) && !defined(LFM2_SEPARATE_COMPILATION)
#error "LFM2_IMPLEMENTATION is for one file of a program that defines LFM2_SEPARATE_COMPILATION in all files"
#endif
#if defined(LFM2_SEPARATE_COMPILATION)
#define LFM2_FUNCTION
#define LFM2_FUNCTION_OF_UNIT
#else
#define LFM2_FUNCTION inline
// For functions whose definition depends on the compiler's flags: a copy of each unit's own, never merged with
// another's.
#define LFM2_FUNCTION_OF_UNIT inline __attribute__((always_inline))
#endif

// Keeps what a function has on its stack from adding to the stack of the one that calls it.
#define LFM2_NOINLINE __attribute__((noinline))
// For functions that run seldom: compiled for size, whatever the flags say.
#define LFM2_SELDOM __attribute__((noinline, cold))
// For small functions with many callers: a call where the flags ask for small code, and inline elsewhere.
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
