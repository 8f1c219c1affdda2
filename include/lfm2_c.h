// lfm2.h for C: a header for C99 and later, which C++ can include too. One C++17 file of the program contains the
// implementation:
//   #define LFM2_C_IMPLEMENTATION
//   #include "lfm2_c.h"
// Nothing allocates: objects are in the caller's memory, which must be zeroed before first use. Functions that can fail
// return an lfm2_status. NULL pointers and numbers out of range give LFM2_INVALID_ARGUMENT, which names the parameter;
// queries return zeros for them. The functions are documented in lfm2/c/*.h. Ownership, lifetimes and threads are as
// for the C++ objects.
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
