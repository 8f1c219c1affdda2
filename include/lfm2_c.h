// lfm2.h for C: the header of programs in C99, and C++ includes it too. One file of the program is C++17 and has the
// implementation:
//   #define LFM2_C_IMPLEMENTATION
//   #include "lfm2_c.h"
// Nothing allocates; objects are the caller's memory, and begin as zero bytes. Calls that can fail return an
// lfm2_status; pointers that are NULL and numbers that are out of range are LFM2_INVALID_ARGUMENT, which names the
// parameter, and queries give zeros for them. Documentation of functions: lfm2/c/*.h. Ownership, lifetimes and threads
// are those of the C++ objects.
#ifndef LFM2_C_H_
#define LFM2_C_H_

#include "lfm2/c/constraint.h"
#include "lfm2/c/conversation.h"
#include "lfm2/c/image.h"
#include "lfm2/c/session.h"
#include "lfm2/c/state.h"
#include "lfm2/c/storage.h"
#include "lfm2/c/text.h"
#include "lfm2/c/tool_call.h"
#include "lfm2/c/types.h"
#if defined(LFM2_POSIX)
#include "lfm2/c/posix.h"
#endif

#endif  // LFM2_C_H_

#if defined(__cplusplus) && defined(LFM2_C_IMPLEMENTATION)
#include "lfm2/c/implementation.h"
#endif
