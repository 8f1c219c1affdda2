// All definitions of lfm2_c.h, compiled once per program, as C++17.
#ifndef LFM2_C_IMPLEMENTATION_H_
#define LFM2_C_IMPLEMENTATION_H_

#include "lfm2/c/constraint_impl.h"
#include "lfm2/c/conversation_impl.h"
#include "lfm2/c/image_impl.h"
#include "lfm2/c/session_impl.h"
#include "lfm2/c/session_queries_impl.h"
#include "lfm2/c/state_impl.h"
#include "lfm2/c/storage_impl.h"
#include "lfm2/c/text_impl.h"
#include "lfm2/c/tool_call_impl.h"
#include "lfm2/c/types_impl.h"
#if defined(LFM2_POSIX)
#include "lfm2/c/posix_impl.h"
#endif

#endif  // LFM2_C_IMPLEMENTATION_H_
