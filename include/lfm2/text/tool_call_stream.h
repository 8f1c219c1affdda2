// Finds tool calls in an answer while it is generated, and passes on the text around them.
#ifndef LFM2_TEXT_TOOL_CALL_STREAM_H_
#define LFM2_TEXT_TOOL_CALL_STREAM_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/thought_tracker.h"
#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Receives an answer in pieces of any kind, also within characters, escapes and markers. Finds the calls and errors
// that a ToolCallReader finds in the whole answer, and passes on all other text, including thoughts, as it arrives;
// only a possible beginning of <|tool_call_start|> is held back.
class ToolCallStream {
 public:
  // Receives text outside of calls; receives a call.
  using TextSink = FunctionRef<void(std::string_view text)>;
  using CallSink = FunctionRef<void(const ToolCall& call)>;

  // buffer: room for the calls of one pair of markers, including the markers. It must outlive the stream.
  // begins_in_thought: as in ToolCallPlaces.
  explicit ToolCallStream(Span<char> buffer, bool begins_in_thought = false) : buffer_(buffer) {
    if (begins_in_thought) thoughts_.PutText(kThinkBegin);
  }

  // The next bytes of the answer. Calls `text` with text outside of calls and, at an end marker, `calls` with each call
  // of the pair; their views are valid during the call only. Errors, after which every call returns the same error and
  // does nothing: kInvalidArgument for malformed calls, with the byte of the answer as value(); kOutputTooSmall where
  // the buffer is full.
  Status Put(std::string_view piece, TextSink text, CallSink calls) {
    size_t sent = 0;                // bytes of the piece that were passed on or kept
    size_t held_before = matched_;  // bytes of a marker that are not in the piece
    for (size_t i = 0; i < piece.size() && status_.ok(); ++i) {
      if (in_call_) {
        sent = i + 1;
        if (Keep(piece[i])) Deliver(calls);
        held_before = 0;
        continue;
      }
      thoughts_.PutText(TextPart(piece, i, 1));
      const auto fits = [&] { return piece[i] == kToolCallBegin[matched_] && !thoughts_.inside(); };
      if (!fits()) {
        if (held_before > 0) text(TextPart(kToolCallBegin, 0, held_before));
        matched_ = held_before = 0;
      }
      if (!fits() || ++matched_ < kToolCallBegin.size()) continue;
      Send(TextPart(piece, sent, i + 1 - sent), matched_ - held_before, text);
      sent = i + 1;
      begin_ = bytes_ + i + 1 - matched_;
      Begin();
    }
    bytes_ += piece.size();
    if (!in_call_ && status_.ok()) Send(TextFrom(piece, sent), matched_ - held_before, text);
    return status_;
  }

  // The end of the answer.
  Status End(TextSink text, CallSink calls) {
    if (!status_.ok()) return status_;
    if (in_call_) {
      Deliver(calls);
    } else if (matched_ > 0) {
      text(TextPart(kToolCallBegin, 0, matched_));
      matched_ = 0;
    }
    return status_;
  }

  // Whether there was a start marker without its end marker.
  bool in_call() const { return in_call_; }

 private:
  static void Send(std::string_view text, size_t held, TextSink sink) {
    if (text.size() > held) sink(TextPart(text, 0, text.size() - held));
  }

  void Begin() {
    in_call_ = true;
    used_ = matched_ = 0;
    quote_ = '\0';
    for (const char c : kToolCallBegin) static_cast<void>(Append(c));
  }
  bool Append(char byte) {
    if (used_ == buffer_.size()) {
      status_ = Status(StatusCode::kOutputTooSmall, "tool call", "is longer than the buffer: bytes", used_ + 1, used_);
      return false;
    }
    buffer_[used_++] = byte;
    return true;
  }
  // Whether this byte ends the calls: the last byte of an end marker that is not within a string.
  bool Keep(char byte) {
    if (!Append(byte)) return false;
    if (quote_ != '\0') {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (byte == '\\') {
        is_escaped_ = true;
      } else if (byte == quote_) {
        quote_ = '\0';
      }
      return false;
    }
    if (byte != kToolCallEnd[matched_]) matched_ = 0;
    if (byte == kToolCallEnd[matched_]) ++matched_;
    if (byte == '"' || byte == '\'') quote_ = byte;
    return matched_ == kToolCallEnd.size();
  }

  void Deliver(CallSink calls) {
    in_call_ = false;
    matched_ = 0;
    ToolCallReader reader({buffer_.data(), used_});
    ToolCall call;
    while (reader.Next(&call)) calls(call);
    const Status status = reader.status();
    if (!status.ok()) status_ = Status(status.code(), status.where(), status.what(), begin_ + status.value());
  }

  Span<char> buffer_;
  ThoughtTracker thoughts_;
  uint64_t bytes_ = 0;  // of the answer, before the piece
  uint64_t begin_ = 0;  // of the calls
  size_t used_ = 0;     // of the buffer
  size_t matched_ = 0;  // matched bytes of the next marker
  bool in_call_ = false;
  bool is_escaped_ = false;
  char quote_ = '\0';  // of the string that the text is in
  Status status_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_CALL_STREAM_H_
