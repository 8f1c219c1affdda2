// Definitions of Session's marks.
#ifndef LFM2_RUNTIME_SESSION_STATE_IMPL_H_
#define LFM2_RUNTIME_SESSION_STATE_IMPL_H_

#include <cstring>

#include "lfm2/base/crc32c.h"
#include "lfm2/runtime/session.h"

namespace lfm2 {

LFM2_FUNCTION Status Session::CheckIdle(const char* where) const {
  if (!is_open()) return Status(StatusCode::kFailedPrecondition, where, "needs an open session");
  if (steps_left() == 0) return Status();
  return Status(StatusCode::kFailedPrecondition, where,
                "while a call is in progress (call Step, Finish or Abort): steps left", steps_left());
}

// The header of a mark of the current end of the sequence; no call is in progress.
LFM2_FUNCTION Session::MarkHead Session::HeadOfMark() const {
  const Span<float> conv = memory_.state.conv_state();
  MarkHead head{{'L', 'F', 'M', '2', 'M', 'A', 'R', 'K'}, position_, 0, 0, 0, 0, 0};
  head.tokens_crc = Crc32c(0, memory_.tokens, position_ * sizeof(int32_t));
  head.model = image_->fingerprint();
  head.conv_bytes = static_cast<uint32_t>(conv.size() * sizeof(float));
  head.conv_crc = Crc32c(0, conv.data(), head.conv_bytes);
  head.head_crc = Crc32c(0, &head, offsetof(MarkHead, head_crc));
  return head;
}

LFM2_FUNCTION Status Session::Mark(Span<std::byte> to) const {
  LFM2_RETURN_IF_ERROR(CheckIdle("Session::Mark"));
  const MarkHead head = HeadOfMark();
  if (to.size() < sizeof(head) + head.conv_bytes) {
    return Status(StatusCode::kOutputTooSmall, "mark", "does not fit the buffer: bytes", sizeof(head) + head.conv_bytes,
                  to.size());
  }
  std::memcpy(to.data(), &head, sizeof(head));
  std::memcpy(to.data() + sizeof(head), memory_.state.conv_state().data(), head.conv_bytes);
  return Status();
}

LFM2_FUNCTION Status Session::Rewind(Span<const std::byte> mark) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Session::Rewind"));
  const Span<float> conv = memory_.state.conv_state();
  MarkHead head;
  if (mark.size() < sizeof(head) + conv.size() * sizeof(float)) {
    return Status(StatusCode::kCorrupt, "mark", "is cut short: bytes", mark.size(),
                  sizeof(head) + conv.size() * sizeof(float));
  }
  std::memcpy(&head, mark.data(), sizeof(head));
  if (std::memcmp(head.magic, "LFM2MARK", sizeof(head.magic)) != 0 ||
      Crc32c(0, &head, offsetof(MarkHead, head_crc)) != head.head_crc) {
    return Status(StatusCode::kCorrupt, "mark", "was not written by Session::Mark, or is damaged");
  }
  if (head.model != image_->fingerprint() || head.conv_bytes != conv.size() * sizeof(float)) {
    return Status(StatusCode::kInvalidArgument, "mark", "is of another model");
  }
  if (Crc32c(0, mark.data() + sizeof(head), head.conv_bytes) != head.conv_crc) {
    return Status(StatusCode::kCorrupt, "mark", "has the wrong CRC-32C");
  }
  if (head.position > position_ || Crc32c(0, memory_.tokens, head.position * sizeof(int32_t)) != head.tokens_crc) {
    return Status(StatusCode::kFailedPrecondition, "mark", "is of a sequence with other tokens: position",
                  head.position);
  }
  std::memcpy(conv.data(), mark.data() + sizeof(head), head.conv_bytes);
  position_ = head.position;
  has_logits_ = false;
  ForgetDraft();
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_STATE_IMPL_H_
