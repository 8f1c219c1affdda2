// Guesses what comes next from what the text repeats.
#ifndef LFM2_TEXT_PROMPT_LOOKUP_H_
#define LFM2_TEXT_PROMPT_LOOKUP_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"

namespace lfm2 {

// Where the last tokens of a sequence have occurred before, in it or in another text.
struct PromptMatch {
  size_t next = 0;      // the place of the token that came after them there
  uint32_t length = 0;  // how many of the last tokens are the same, kMaxPromptMatch at most; 0: not even one
};

inline constexpr uint32_t kMaxPromptMatch = 8;

// Whether a token is among kPromptStride others. Without a way out of the loop, so that compilers make vectors of it.
inline constexpr size_t kPromptStride = 32;
inline bool IsAmong(int32_t token, const int32_t* others) {
  int32_t any = 0;
  for (size_t i = 0; i < kPromptStride; ++i) any |= others[i] == token ? 1 : 0;
  return any != 0;
}

// The place of the text, before its last token, that agrees with most of the last tokens of the sequence; of several,
// the latest (prompt lookup decoding: Saxena 2023). text: the sequence itself, or another. Goes through the text once.
inline PromptMatch FindPromptMatch(Span<const int32_t> tokens, Span<const int32_t> text) {
  PromptMatch best;
  if (tokens.empty() || text.empty()) return best;
  const size_t last = tokens.size() - 1;
  for (size_t at = text.size() - 1; at-- > 0 && best.length < kMaxPromptMatch;) {
    while (at >= kPromptStride && !IsAmong(tokens[last], &text[at + 1 - kPromptStride])) at -= kPromptStride;
    if (text[at] != tokens[last]) continue;
    uint32_t length = 1;
    while (length < kMaxPromptMatch && length <= Min(at, last) && text[at - length] == tokens[last - length]) ++length;
    if (length > best.length) best = {at + 1, length};
  }
  return best;
}

}  // namespace lfm2

#endif  // LFM2_TEXT_PROMPT_LOOKUP_H_
