// The last tokens that a session has decoded, whether or not they are still in its sequence: similar answers repeat
// each other.
#ifndef LFM2_RUNTIME_DRAFT_HISTORY_H_
#define LFM2_RUNTIME_DRAFT_HISTORY_H_

#include <cstring>

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/span.h"

namespace lfm2 {

// The tokens are in the session's arena. Copying the object copies the view only.
class DraftHistory {
 public:
  // Separates tokens that did not follow each other.
  static constexpr int32_t kGap = -1;

  constexpr void Carve(Arena& arena) { tokens_ = arena.Carve<int32_t>(kCapacity); }
  void Clear() {
    count_ = 0;
    end_ = 0;
  }
  // Appends the token that was decoded at this position.
  void Add(uint32_t position, int32_t token) {
    if (count_ + 2 > kCapacity) {
      const uint32_t kept = kCapacity / 2;
      std::memmove(tokens_, tokens_ + count_ - kept, kept * sizeof(int32_t));
      count_ = kept;
    }
    if (position != end_) tokens_[count_++] = kGap;
    tokens_[count_++] = token;
    end_ = position + 1;
  }
  Span<const int32_t> tokens() const { return {tokens_, count_}; }

 private:
  // Large enough for some dozens of short answers, small enough for a search to take no noticeable time.
  static constexpr uint32_t kCapacity = 2048;

  int32_t* tokens_ = nullptr;
  uint32_t count_ = 0;
  uint32_t end_ = 0;  // the position after the last token
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_DRAFT_HISTORY_H_
