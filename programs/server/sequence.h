// A session of the server between requests: its tokens, and marks at places that another prompt may go on from.
#ifndef LFM2_PROGRAMS_SERVER_SEQUENCE_H_
#define LFM2_PROGRAMS_SERVER_SEQUENCE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lfm2/runtime/session.h"

namespace lfm2::tools {

class Sequence {
 public:
  // Marks that are kept at a time. A system text, the turns of a chat and the last prompt take one each.
  static constexpr size_t kMaxMarks = 6;
  static uint64_t MarksBytes(const ModelConfig& config) { return kMaxMarks * Session::MarkBytes(config); }

  Sequence() = default;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  // Behind a successful open of session(): takes the memory of the marks.
  void Prepare();
  Session& session() { return session_; }
  const Session& session() const { return session_; }

  // Tokens that the sequence and the prompt both begin with.
  uint32_t Common(Span<const int32_t> prompt) const;
  // The largest position, short of the whole prompt, up to which the prompt is the sequence's beginning and that GoTo
  // can reach.
  uint32_t Reusable(Span<const int32_t> prompt) const;
  // Goes to a position that Reusable has returned; what comes after it is forgotten.
  Status GoTo(uint32_t position);
  // Becomes what the other is at this position, which its Reusable has returned.
  Status Copy(const Sequence& other, uint32_t position);
  // Notes the end of the sequence as a place to go on from. Of too many, the first one and the latest stay: a system
  // text, and the newest turns.
  Status Mark();
  // After a step that failed: an empty sequence.
  void Clear();

 private:
  Span<std::byte> MarkAt(size_t slot) { return {memory_.data() + slot * mark_bytes_, mark_bytes_}; }
  Span<const std::byte> MarkAt(size_t slot) const { return {memory_.data() + slot * mark_bytes_, mark_bytes_}; }

  struct Place {
    uint32_t position;
    size_t slot;
  };

  Session session_;
  std::vector<std::byte> memory_;
  size_t mark_bytes_ = 0;
  std::vector<Place> marks_;  // positions increase
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_SEQUENCE_H_
