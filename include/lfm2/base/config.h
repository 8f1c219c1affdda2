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

// Keeps what a function has on its stack from adding to the stack of the one that calls it.
#define LFM2_NOINLINE __attribute__((noinline))

namespace lfm2 {

// Alignment of every region that the library carves from an arena, and of every pinned tensor in an image: one cache
// line, and the widest vector that kernels load.
inline constexpr size_t kAlignment = 64;

// Alignment of expert records in an image: the unit of direct reads on every common drive.
inline constexpr size_t kRecordAlignment = 4096;

}  // namespace lfm2

#endif  // LFM2_BASE_CONFIG_H_
