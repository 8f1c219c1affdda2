// Ends text at the first of several stop texts.
#ifndef LFM2_TEXT_STOP_MATCHER_H_
#define LFM2_TEXT_STOP_MATCHER_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Bounds of AnswerOptions::stop_texts.
inline constexpr size_t kMaxStopTexts = 8;
inline constexpr size_t kMaxStopTextBytes = 64;

// Receives text in pieces and passes on what cannot be part of a stop text. The text ends before the stop text whose
// last byte comes first; if several end there, before the longest. The result does not depend on how the text is
// divided into pieces. Contains copies of the stop texts; trivially copyable. Without SetTexts there are no stop texts.
class StopMatcher {
 public:
  // No stop text.
  static constexpr uint8_t kNone = 0xff;

  // Progress of matching, which can be saved. The text held back is the beginning of a stop text.
  struct State {
    uint8_t text = 0;       // index of this stop text
    uint8_t bytes = 0;      // number of its bytes that are held back
    uint8_t found = kNone;  // the stop text that ended the text
    uint8_t shown = 0;      // number of its bytes that Flush has passed on
  };

  // Copies the stop texts and starts a new text. Errors, with nothing changed: kInvalidArgument for more than
  // kMaxStopTexts, and for one that is empty, longer than kMaxStopTextBytes or not UTF-8 (index() is its index).
  Status SetTexts(Span<const std::string_view> texts) {
    if (texts.size() > kMaxStopTexts) {
      return Status(StatusCode::kInvalidArgument, "stop texts", "are too many", texts.size(), kMaxStopTexts);
    }
    for (size_t i = 0; i < texts.size(); ++i) {
      const uint32_t index = static_cast<uint32_t>(i);
      if (texts[i].empty() || texts[i].size() > kMaxStopTextBytes) {
        return Status(StatusCode::kInvalidArgument, "stop text", "is empty or too long: bytes", texts[i].size(),
                      kMaxStopTextBytes)
            .At(index);
      }
      for (std::string_view rest = texts[i]; !rest.empty();) {
        const Utf8Char c = ReadUtf8(rest);
        if (c.kind != Utf8Char::Kind::kValid) {
          return Status(StatusCode::kInvalidArgument, "stop text", "is not UTF-8: byte", texts[i].size() - rest.size())
              .At(index);
        }
        rest.remove_prefix(c.length);
      }
    }
    count_ = static_cast<uint8_t>(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      size_[i] = static_cast<uint8_t>(texts[i].size());
      std::memcpy(text_[i], texts[i].data(), texts[i].size());
    }
    state_ = State();
    return Status();
  }

  // Starts another text.
  void Reset() { state_ = State(); }

  // piece: whole characters; the output then consists of whole characters too. Calls sink(std::string_view) at most
  // twice, never with an empty text; the views are valid during the call. Does nothing once a stop text was found.
  template <class Sink>
  void Put(std::string_view piece, Sink&& sink) {
    if (state_.found != kNone) return;
    const std::string_view held = Held();
    const size_t shown = state_.shown;
    const size_t released = Scan(piece);
    const size_t of_held = Min(released, held.size());
    if (of_held > shown) sink(TextPart(held, shown, of_held - shown));
    if (released > of_held) sink(TextPart(piece, 0, released - of_held));
    state_.shown = static_cast<uint8_t>(state_.found != kNone ? 0 : shown - Min(released, shown));
  }

  // Passes on the text held back, at the end of the text or when it is unknown whether it continues. If it then turns
  // out to be the beginning of a stop text, the text still ends there, before later text.
  template <class Sink>
  void Flush(Sink&& sink) {
    const std::string_view held = TextFrom(Held(), state_.shown);
    state_.shown = state_.bytes;
    if (!held.empty()) sink(held);
  }

  // Index of the stop text that was found; kNone if there is none.
  uint8_t found() const { return state_.found; }

  // The state of the matching, to be saved.
  State state() const { return state_; }
  // Continues from a state that was saved with the same stop texts. Returns false, with nothing changed, for a state
  // that they cannot lead to.
  bool SetState(State state) {
    if (state.found != kNone && (state.found >= count_ || state.bytes != 0)) return false;
    if (state.shown > state.bytes) return false;
    // The text held back, and the part of it that was passed on, end at a character boundary before the end of the stop
    // text.
    if (state.bytes != 0 &&
        (state.text >= count_ || state.bytes >= size_[state.text] || IsContinuation(text_[state.text][state.bytes]) ||
         IsContinuation(text_[state.text][state.shown]))) {
      return false;
    }
    state_ = state;
    return true;
  }

 private:
  std::string_view Held() const { return {text_[state_.text], state_.bytes}; }

  // Advances the state past `piece`. Returns how many bytes of the text held back and the piece, as one text, can be
  // passed on.
  size_t Scan(std::string_view piece) {
    const size_t held = state_.bytes;
    for (size_t i = 0; i < piece.size(); ++i) {
      const size_t cut = Advance(piece[i]);
      if (cut > 0) return held + i + 1 - cut;
    }
    return held + piece.size() - state_.bytes;
  }

  // Advances the state past one byte. Returns the length of the stop text that it completes, or 0.
  size_t Advance(char byte) {
    char end[kMaxStopTextBytes];  // the text held back and the byte: at most as long as the longest stop text
    const size_t size = state_.bytes + size_t{1};
    std::memcpy(end, text_[state_.text], state_.bytes);
    end[size - 1] = byte;
    size_t complete = 0;
    for (uint8_t t = 0; t < count_; ++t) {
      if (size_[t] > complete && size_[t] <= size && std::memcmp(text_[t], end + size - size_[t], size_[t]) == 0) {
        complete = size_[t];
        state_.found = t;
      }
    }
    state_.bytes = 0;
    if (complete > 0) return complete;
    // The longest suffix that is a prefix of a stop text.
    for (size_t length = size; length > 0; --length) {
      for (uint8_t t = 0; t < count_; ++t) {
        if (size_[t] <= length || std::memcmp(text_[t], end + size - length, length) != 0) continue;
        state_.text = t;
        state_.bytes = static_cast<uint8_t>(length);
        return 0;
      }
    }
    return 0;
  }

  char text_[kMaxStopTexts][kMaxStopTextBytes] = {};
  uint8_t size_[kMaxStopTexts] = {};
  uint8_t count_ = 0;
  State state_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_STOP_MATCHER_H_
