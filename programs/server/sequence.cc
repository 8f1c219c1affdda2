#include "programs/server/sequence.h"

#include <algorithm>

namespace lfm2::tools {

void Sequence::Prepare() {
  mark_bytes_ = static_cast<size_t>(Session::MarkBytes(session_.config()));
  memory_.resize(kMaxMarks * mark_bytes_);
  marks_.reserve(kMaxMarks);
}

uint32_t Sequence::Common(Span<const int32_t> prompt) const {
  const Span<const int32_t> tokens = session_.tokens();
  const size_t most = std::min(tokens.size(), prompt.size());
  return static_cast<uint32_t>(std::mismatch(tokens.data(), tokens.data() + most, prompt.data()).first - tokens.data());
}

uint32_t Sequence::Reusable(Span<const int32_t> prompt) const {
  if (prompt.empty()) return 0;
  // At least one token must be computed, for its logits.
  const uint32_t most = std::min(Common(prompt), static_cast<uint32_t>(prompt.size() - 1));
  if (session_.position() <= most) return session_.position();
  for (auto mark = marks_.rbegin(); mark != marks_.rend(); ++mark) {
    if (mark->position <= most) return mark->position;
  }
  return 0;
}

Status Sequence::GoTo(uint32_t position) {
  while (!marks_.empty() && marks_.back().position > position) marks_.pop_back();
  if (position == session_.position()) return Status();
  if (position == 0) {
    Clear();
    return Status();
  }
  return session_.Rewind(MarkAt(marks_.back().slot));
}

Status Sequence::Copy(const Sequence& other, uint32_t position) {
  Clear();
  LFM2_RETURN_IF_ERROR(session_.ForkFrom(other.session_));
  memory_ = other.memory_;
  marks_ = other.marks_;
  return GoTo(position);
}

Status Sequence::Mark() {
  const uint32_t position = session_.position();
  if (position == 0 || (!marks_.empty() && marks_.back().position == position)) return Status();
  size_t slot = marks_.size();
  if (slot == kMaxMarks) {
    slot = marks_[1].slot;
    marks_.erase(marks_.begin() + 1);
  } else {
    // Slots of dropped marks may be between others.
    for (slot = 0; std::any_of(marks_.begin(), marks_.end(), [&](const Place& p) { return p.slot == slot; });) ++slot;
  }
  LFM2_RETURN_IF_ERROR(session_.Mark(MarkAt(slot)));
  marks_.push_back({position, slot});
  return Status();
}

void Sequence::Clear() {
  session_.Reset();
  marks_.clear();
}

}  // namespace lfm2::tools
