// Definitions of session.h that do not change a session.
#ifndef LFM2_C_SESSION_QUERIES_IMPL_H_
#define LFM2_C_SESSION_QUERIES_IMPL_H_

#include <cstring>

#include "lfm2.h"
#include "lfm2/c/object.h"
#include "lfm2/c/session.h"
#include "lfm2/c/session_impl.h"

uint32_t lfm2_session_position(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return open == nullptr ? 0 : open->position();
}

uint32_t lfm2_session_context_length(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return open == nullptr ? 0 : open->options().context_length;
}

uint32_t lfm2_session_vocab_size(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return open == nullptr ? 0 : open->config().vocab_size;
}

const char* lfm2_session_kernels_name(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return open == nullptr ? "" : open->kernels_name();
}

uint32_t lfm2_session_steps_left(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return open == nullptr ? 0 : open->steps_left();
}

const int32_t* lfm2_session_tokens(const lfm2_session* session, size_t* count) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return lfm2::c_api::Give(open == nullptr ? lfm2::Span<const int32_t>() : open->tokens(), count);
}

int32_t* lfm2_session_token_room(lfm2_session* session, size_t* count) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return lfm2::c_api::Give(open == nullptr ? lfm2::Span<int32_t>() : open->token_room(), count);
}

void* lfm2_session_text_scratch(lfm2_session* session, size_t* bytes) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return lfm2::c_api::Give(open == nullptr ? lfm2::Span<std::byte>() : open->text_scratch(), bytes);
}

float* lfm2_session_logits(lfm2_session* session, size_t* count) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return lfm2::c_api::Give(open == nullptr ? lfm2::Span<float>() : open->mutable_logits(), count);
}

const float* lfm2_session_hidden(const lfm2_session* session, size_t* count) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return lfm2::c_api::Give(open == nullptr ? lfm2::Span<const float>() : open->hidden(), count);
}

lfm2_stream_statistics lfm2_session_statistics(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  const lfm2::StreamStatistics statistics = open == nullptr ? lfm2::StreamStatistics() : open->statistics();
  lfm2_stream_statistics to;
  std::memcpy(&to, &statistics, sizeof(to));
  return to;
}

lfm2_draft_statistics lfm2_session_draft_statistics(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  const lfm2::DraftStatistics from = open == nullptr ? lfm2::DraftStatistics() : open->draft_statistics();
  return {from.passes, from.drafted, from.accepted};
}

lfm2_stream_statistics lfm2_session_layer_statistics(const lfm2_session* session, uint32_t moe_layer) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  const lfm2::StreamStatistics statistics =
      open == nullptr ? lfm2::StreamStatistics() : open->layer_statistics(moe_layer);
  lfm2_stream_statistics to;
  std::memcpy(&to, &statistics, sizeof(to));
  return to;
}

#endif  // LFM2_C_SESSION_QUERIES_IMPL_H_
