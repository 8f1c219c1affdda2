// Assertions for hot loops, whose preconditions set-up code has already turned into a Status.
// Define LFM2_ASSERT(condition) before including lfm2.h to install a handler of your own.
#ifndef LFM2_BASE_ASSERT_H_
#define LFM2_BASE_ASSERT_H_

#if !defined(LFM2_ASSERT)
#if defined(NDEBUG)
// Not evaluated but still compiled, so that conditions stay valid and their operands count as used.
#define LFM2_ASSERT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#include <cassert>
#define LFM2_ASSERT(condition) assert(condition)
#endif
#endif

#endif  // LFM2_BASE_ASSERT_H_
