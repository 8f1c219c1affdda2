// Session and Conversation under their public names, for the instruction set that the compiler's flags name or, with
// LFM2_DYNAMIC_DISPATCH, for the processor that the program finds itself on.
#ifndef LFM2_RUNTIME_SESSION_H_
#define LFM2_RUNTIME_SESSION_H_

// Before all others: it compiles them for other targets first.
#include "lfm2/runtime/dispatch.h"

#include "lfm2/runtime/conversation-inl.h"
#include "lfm2/runtime/session-inl.h"

namespace lfm2 {

using HWY_NAMESPACE::AnswerEnd;
using HWY_NAMESPACE::ConversationOptions;
using HWY_NAMESPACE::ReferenceSession;

#if defined(LFM2_DYNAMIC_DISPATCH)
using Session = HWY_NAMESPACE::BasicSession<HWY_NAMESPACE::DispatchedKernels>;
using Conversation = HWY_NAMESPACE::BasicConversation<HWY_NAMESPACE::DispatchedKernels>;
#else
using HWY_NAMESPACE::Conversation;
using HWY_NAMESPACE::Session;
#endif

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_H_
