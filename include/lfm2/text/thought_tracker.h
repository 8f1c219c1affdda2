// Tracks where thoughts, <think> ... </think>, begin and end in generated text.
#ifndef LFM2_TEXT_THOUGHT_TRACKER_H_
#define LFM2_TEXT_THOUGHT_TRACKER_H_

#include <string_view>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

// Receives the bytes of each token; a marker may span tokens. Trivially copyable.
class ThoughtTracker {
 public:
  // Can be saved and restored.
  struct State {
    uint32_t tokens_inside = 0;
    uint8_t matched = 0;  // matched bytes of the next marker
    uint8_t inside = 0;   // 0 or 1
  };

  // bytes: those of the next token (Vocab::TokenBytes).
  void Put(std::string_view bytes) {
    if (inside() && state_.tokens_inside < 0xffffffffu) ++state_.tokens_inside;
    PutText(bytes);
  }
  // Text of the same answer that does not count as a token.
  void PutText(std::string_view bytes) {
    for (const char byte : bytes) {
      const std::string_view marker = Marker(state_.inside);
      // '<' occurs in a marker as its first byte only, so a failed match can restart only at the current byte.
      if (byte != marker[state_.matched]) state_.matched = 0;
      if (byte == marker[state_.matched]) ++state_.matched;
      if (state_.matched == marker.size()) {
        state_.inside ^= 1;
        state_.matched = 0;
      }
    }
  }

  // Whether the text ends within a thought.
  bool inside() const { return state_.inside != 0; }
  // Number of tokens that began within a thought, over all thoughts so far, including the tokens of </think>.
  uint32_t tokens_inside() const { return state_.tokens_inside; }

  State state() const { return state_; }
  // Returns false, with nothing changed, for a state that no text leads to.
  bool SetState(State state) {
    if (state.inside > 1 || state.matched >= Marker(state.inside).size()) return false;
    state_ = state;
    return true;
  }

 private:
  static constexpr std::string_view Marker(uint8_t inside) { return inside != 0 ? kThinkEnd : kThinkBegin; }

  State state_;
};

inline constexpr size_t kMaxThinkEndTokens = kThinkEnd.size();

// Writes the tokens of the text </think> to ids[0 .. count) and returns count, at least 1: the special token if the
// vocabulary has one.
inline size_t ThinkEndTokens(const Vocab& vocab, int32_t (&ids)[kMaxThinkEndTokens]) {
  std::byte scratch[Tokenizer::ScratchBytes(kMaxThinkEndTokens)];
  size_t count = 0;
  EncodeOptions options;
  options.parse_special = true;
  const Status status = Tokenizer(vocab).Encode(kThinkEnd, options, scratch, ids, &count);
  LFM2_ASSERT(status.ok());  // each token has at least one byte, and the scratch is for one word
  static_cast<void>(status);
  return count;
}

}  // namespace lfm2

#endif  // LFM2_TEXT_THOUGHT_TRACKER_H_
