// All definitions of what lfm2.h declares: included in every unit, or by LFM2_SEPARATE_COMPILATION in one.
#ifndef LFM2_RUNTIME_IMPLEMENTATION_H_
#define LFM2_RUNTIME_IMPLEMENTATION_H_

// First, because it compiles kernels for other targets.
#include "lfm2/runtime/dispatch.h"

#include "lfm2/runtime/conversation_impl.h"
#include "lfm2/runtime/conversation_state_impl.h"
#include "lfm2/runtime/image_open_impl.h"
#include "lfm2/runtime/open_token_trie_impl.h"
#include "lfm2/runtime/saved_state_impl.h"
#include "lfm2/runtime/session_draft_impl.h"
#include "lfm2/runtime/session_impl.h"
#include "lfm2/runtime/session_open_impl.h"
#include "lfm2/runtime/session_state_impl.h"
#include "lfm2/runtime/state_store_impl.h"

#endif  // LFM2_RUNTIME_IMPLEMENTATION_H_
