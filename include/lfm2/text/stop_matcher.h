// Ends text at the first of some stop texts.
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

inline constexpr size_t kMaxStopTexts = 8;
inline constexpr size_t kMaxStopTextBytes = 64;

// Takes text in pieces and hands on what no stop text can begin in any more. The text ends before the stop text whose
// last byte comes first; of several that end there, before the longest. How the text is cut into pieces changes
// nothing. Holds copies of the stop texts; plain data, copied freely. A default one has no stop text.
class StopMatcher {
 public:
  static constexpr uint8_t kNone = 0xff;

  // How far the matching has come, to be saved: what is held back is the beginning of a stop text.
  struct State {
    uint8_t text = 0;       // the stop text that it begins
    uint8_t bytes = 0;      // how much of it has come and is held back
    uint8_t found = kNone;  // the stop text that ended the text
    uint8_t shown = 0;      // how much of that was handed out nevertheless, by Flush
  };

  // Takes copies of the stop texts and begins anew. Errors, with nothing changed: kInvalidArgument for more than
  // kMaxStopTexts, and for one that is empty, longer than kMaxStopTextBytes or no UTF-8 (index() says which).
  Status SetTexts(Span<const std::string_view> texts) {
    if (texts.size() > kMaxStopTexts) {
      return Status(StatusCode::kInvalidArgument, "stop texts", "are too many", texts.size(), kMaxStopTexts);
    }
    for (size_t i = 0; i < texts.size(); ++i) {
      const uint32_t index = static_cast<uint32_t>(i);
      if (texts[i].empty() || texts[i].size() > kMaxStopTextBytes) {
        return Status(StatusCode::kInvalidArgument, "stop text", "has an impossible length: bytes", texts[i].size(),
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

  // Another text begins.
  void Reset() { state_ = State(); }

  // piece: whole characters, which then come out whole. Calls sink(std::string_view), at most twice and never with an
  // empty text; the views are valid during the call. Does nothing once a stop text was found.
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

  // The text ends here, or nobody knows when it goes on: hands out what is held back. A stop text that it is the
  // beginning of still ends the text that goes on, before what comes then.
  template <class Sink>
  void Flush(Sink&& sink) {
    const std::string_view held = TextFrom(Held(), state_.shown);
    state_.shown = state_.bytes;
    if (!held.empty()) sink(held);
  }

  // The index of the stop text that was found; kNone if none was.
  uint8_t found() const { return state_.found; }

  State state() const { return state_; }
  // Goes on from a state that was saved with the same stop texts. Returns false, with nothing changed, for one that
  // they can not have.
  bool SetState(State state) {
    if (state.found != kNone && (state.found >= count_ || state.bytes != 0)) return false;
    if (state.shown > state.bytes) return false;
    // What is held back ends where a character does, before the end of the stop text, and so does what was shown of it.
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

  // Moves the state past `piece`. Returns how much of what was held back and of the piece, as one text, can be handed
  // out.
  size_t Scan(std::string_view piece) {
    const size_t held = state_.bytes;
    for (size_t i = 0; i < piece.size(); ++i) {
      const size_t cut = Advance(piece[i]);
      if (cut > 0) return held + i + 1 - cut;
    }
    return held + piece.size() - state_.bytes;
  }

  // Moves the state past one byte. The length of the stop text that it completes; 0 where it completes none.
  size_t Advance(char byte) {
    char end[kMaxStopTextBytes];  // what is held back, and the byte: shorter than the longest stop text, or that
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
    // The longest end that a stop text begins with.
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
