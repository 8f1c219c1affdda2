// Definitions of Conversation's functions that drop, save and restore parts of it.
#ifndef LFM2_RUNTIME_CONVERSATION_STATE_IMPL_H_
#define LFM2_RUNTIME_CONVERSATION_STATE_IMPL_H_

#include <cstring>

#include "lfm2/base/crc32c.h"
#include "lfm2/base/numeric.h"
#include "lfm2/runtime/conversation.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

LFM2_FUNCTION Status Conversation::DropOldest(uint32_t positions) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::DropOldest"));
  if (room() >= positions) return Status();
  const Vocab& vocab = session_->image().vocab();
  int32_t start[8];  // of a user message, without the newline: that may be part of a longer token
  size_t start_size = 0;
  LFM2_RETURN_IF_ERROR(
      Tokenizer(vocab).Encode("<|im_start|>user", {true, false}, session_->text_scratch(), start, &start_size));
  // The ids of appended messages directly follow those of the sequence.
  const int32_t* const ids = session_->tokens().data();
  const uint32_t all = session_->position() + pending_;
  const uint64_t context = session_->options().context_length;
  uint32_t from = system_tokens_ + 1;
  for (;; ++from) {
    if (from + start_size > all) {
      return Status(StatusCode::kContextFull, "messages", "cannot be dropped to free as many positions", positions,
                    room());
    }
    if (uint64_t{all} - (from - system_tokens_) + positions > context) continue;
    if (std::memcmp(ids + from, start, start_size * sizeof(int32_t)) == 0) break;
  }
  session_->Reset();
  int32_t* const kept = session_->token_room().data();
  std::memmove(kept + system_tokens_, kept + from, (all - from) * sizeof(int32_t));
  pending_ = all - (from - system_tokens_);
  return Status();
}

namespace conversation_internal {

// The low eight bits of a check sum of the pieces of a format.
inline uint8_t Digest(const ChatFormat& format) {
  uint32_t crc = Crc32c(0, &format.flags, offsetof(ChatFormat, contents) + 1 - offsetof(ChatFormat, flags));
  for (const auto text : kChatTexts) crc = Crc32c(crc, (format.*text).data(), (format.*text).size());
  return static_cast<uint8_t>(crc);
}

}  // namespace conversation_internal

LFM2_FUNCTION Conversation::Note Conversation::MakeNote() const {
  Note note{};
  note.version = 2;
  note.system_tokens = system_tokens_;
  note.random = sampler_.random_state();
  note.token = token_;
  note.tail = tail_;
  note.finished = finished_ ? 1 : 0;
  const std::string_view held = stream_.held();
  note.held_bytes = static_cast<uint8_t>(held.size());
  note.chat_format = conversation_internal::Digest(format());
  std::memcpy(note.held, held.data(), held.size());
  const ThoughtTracker::State thoughts = thoughts_.state();
  note.thought_tokens = thoughts.tokens_inside;
  note.thought_matched = thoughts.matched;
  note.inside_thought = thoughts.inside;
  note.crc = Crc32c(0, &note, offsetof(Note, crc));
  return note;
}

LFM2_FUNCTION Status Conversation::CheckNote(const Note& note) const {
  if (Crc32c(0, &note, offsetof(Note, crc)) != note.crc) {
    return Status(StatusCode::kCorrupt, "note of the conversation", "has the wrong CRC-32C");
  }
  if (note.version != 2) {
    return Status(StatusCode::kUnsupported, "note of the conversation",
                  "has another version; compute the sequence again", note.version, 2);
  }
  if (note.chat_format != conversation_internal::Digest(format())) {
    return Status(StatusCode::kInvalidArgument, "note of the conversation", "is of another chat template");
  }
  TextStream stream;
  ThoughtTracker thoughts;
  const bool holds = static_cast<uint8_t>(note.tail) <= static_cast<uint8_t>(Tail::kAnswer) && note.finished <= 1 &&
                     (note.token == kNone || session_->image().vocab().Contains(note.token)) &&
                     note.held_bytes <= sizeof(note.held) && stream.SetHeld({note.held, note.held_bytes}) &&
                     thoughts.SetState({note.thought_tokens, note.thought_matched, note.inside_thought}) &&
                     note.zero == 0;
  if (holds) return Status();
  return Status(StatusCode::kCorrupt, "note of the conversation", "contradicts itself");
}

// note: has passed CheckNote; system_tokens is still to be limited to the sequence.
LFM2_FUNCTION void Conversation::TakeNote(const Note& note) {
  GoTo({0, Min(note.system_tokens, session_->position()), note.token, note.tail, note.finished != 0});
  sampler_.SetRandomState(note.random);
  stream_ = TextStream(session_->image().vocab(), options_.show_special);
  static_cast<void>(stream_.SetHeld({note.held, note.held_bytes}));
  static_cast<void>(thoughts_.SetState({note.thought_tokens, note.thought_matched, note.inside_thought}));
  stops_ = StopMatcher();
  forced_count_ = forced_at_ = generated_ = 0;
  end_ = AnswerEnd::kStop;
}

LFM2_FUNCTION Status Conversation::CheckComputed(const char* where) const {
  LFM2_RETURN_IF_ERROR(CheckIdle(where));
  if (pending_ == 0) return Status();
  return Status(StatusCode::kFailedPrecondition, where, "while messages are not computed (call Compute): tokens",
                pending_);
}

LFM2_FUNCTION Status Conversation::Mark(Span<std::byte> to) const {
  LFM2_RETURN_IF_ERROR(CheckComputed("Conversation::Mark"));
  const uint64_t needed = MarkBytes(session_->config());
  if (to.size() < needed) {
    return Status(StatusCode::kOutputTooSmall, "mark", "does not fit the buffer: bytes", needed, to.size());
  }
  const Note note = MakeNote();
  std::memcpy(to.data(), &note, sizeof(note));
  return session_->Mark(to.subspan(sizeof(note), to.size() - sizeof(note)));
}

LFM2_FUNCTION Status Conversation::Rewind(Span<const std::byte> mark) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::Rewind"));
  Note note;
  if (mark.size() < sizeof(note)) {
    return Status(StatusCode::kCorrupt, "mark", "is cut short: bytes", mark.size(), MarkBytes(session_->config()));
  }
  std::memcpy(&note, mark.data(), sizeof(note));
  LFM2_RETURN_IF_ERROR(CheckNote(note));
  LFM2_RETURN_IF_ERROR(session_->Rewind(mark.subspan(sizeof(note), mark.size() - sizeof(note))));
  TakeNote(note);
  return Status();
}

LFM2_FUNCTION Status Conversation::ForkFrom(const Conversation& other) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::ForkFrom"));
  LFM2_RETURN_IF_ERROR(other.CheckComputed("Conversation::ForkFrom"));
  const Note note = other.MakeNote();
  LFM2_RETURN_IF_ERROR(CheckNote(note));
  LFM2_RETURN_IF_ERROR(session_->ForkFrom(*other.session_));
  TakeNote(note);
  return Status();
}

LFM2_FUNCTION Status Conversation::Save(StateSink sink) const {
  LFM2_RETURN_IF_ERROR(CheckComputed("Conversation::Save"));
  const Note mine = MakeNote();
  StateNote note;
  note.size = sizeof(mine);
  std::memcpy(note.data, &mine, sizeof(mine));
  return session_->Save(sink, note, can_go_on() && token_ == kNone);
}

LFM2_FUNCTION Status Conversation::Load(StateSource source) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::Load"));
  GoTo(Place());
  StateNote kept;
  Status status = session_->Load(source, &kept);
  Note note;
  if (status.ok() && kept.size != sizeof(note)) {
    status = Status(StatusCode::kInvalidArgument, "saved state", "is of no conversation: bytes of its note", kept.size,
                    sizeof(note));
  }
  std::memcpy(&note, kept.data, sizeof(note));
  if (status.ok()) status = CheckNote(note);
  if (status.ok()) {
    TakeNote(note);
  } else {
    session_->Reset();
  }
  return status;
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_CONVERSATION_STATE_IMPL_H_
