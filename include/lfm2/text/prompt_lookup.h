// Predicts the next tokens from repetitions in the text.
#ifndef LFM2_TEXT_PROMPT_LOOKUP_H_
#define LFM2_TEXT_PROMPT_LOOKUP_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"

namespace lfm2 {

// The earlier occurrence of the last tokens of a sequence, in the sequence or in another text.
struct PromptMatch {
  size_t next = 0;      // index of the token that follows them there
  uint32_t length = 0;  // number of equal tokens, 2 to kMaxPromptMatch; 0: no match
};

inline constexpr uint32_t kMaxPromptMatch = 8;

// Whether `first` and `second` follow each other within the kPromptStride + 1 tokens from `at` on. The loop has no
// early exit, so that compilers vectorise it.
inline constexpr size_t kPromptStride = 32;
inline bool HasPair(const int32_t* at, int32_t first, int32_t second) {
  int32_t any = 0;
  for (size_t i = 0; i < kPromptStride; ++i) any |= static_cast<int32_t>(at[i] == first) & (at[i + 1] == second);
  return any != 0;
}

// Finds the place in the text, before its last token, that agrees with most of the last tokens of the sequence; of
// several, the latest (prompt lookup decoding: Saxena 2023). A single equal token is not a match: it predicts too
// little. text: the sequence itself, or another text. O(text).
inline PromptMatch FindPromptMatch(Span<const int32_t> tokens, Span<const int32_t> text) {
  PromptMatch best;
  if (tokens.size() < 2 || text.size() < 3) return best;
  const size_t last = tokens.size() - 1;
  const int32_t second = tokens[last], first = tokens[last - 1];
  for (size_t at = text.size() - 1; --at > 0 && best.length < kMaxPromptMatch;) {
    while (at > kPromptStride && !HasPair(&text[at - kPromptStride], first, second)) at -= kPromptStride;
    if (text[at] != second || text[at - 1] != first) continue;
    uint32_t length = 2;
    while (length < kMaxPromptMatch && length <= Min(at, last) && text[at - length] == tokens[last - length]) ++length;
    if (length > best.length) best = {at + 1, length};
  }
  return best;
}

}  // namespace lfm2

#endif  // LFM2_TEXT_PROMPT_LOOKUP_H_
