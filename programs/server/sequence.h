// A session of the server between requests, with marks at places from which other prompts may continue.
#ifndef LFM2_PROGRAMS_SERVER_SEQUENCE_H_
#define LFM2_PROGRAMS_SERVER_SEQUENCE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lfm2/runtime/session.h"

namespace lfm2::tools {

class Sequence {
 public:
  // Number of marks: for a system text, turns of a chat and the last prompt.
  static constexpr size_t kMaxMarks = 6;
  static uint64_t MarksBytes(const ModelConfig& config) { return kMaxMarks * Session::MarkBytes(config); }

  Sequence() = default;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  // Allocates the memory of the marks. Called after session() was opened.
  void Prepare();
  Session& session() { return session_; }
  const Session& session() const { return session_; }

  // Number of tokens with which both the sequence and the prompt begin.
  uint32_t Common(Span<const int32_t> prompt) const;
  // The largest position before the end of the prompt that GoTo can reach and up to which both are equal.
  uint32_t Reusable(Span<const int32_t> prompt) const;
  // Goes to a position that Reusable has returned, and forgets what follows it.
  Status GoTo(uint32_t position);
  // Copies the state of the other at this position, which its Reusable has returned.
  Status Copy(const Sequence& other, uint32_t position);
  // Marks the end of the sequence as a place to continue from. If there are too many, the first and the latest ones are
  // kept: a system text, and the newest turns.
  Status Mark();
  // Empties the sequence, also after a step that failed.
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
