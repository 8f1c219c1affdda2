// Byte-pair encoding of one word.
#ifndef LFM2_TEXT_BPE_H_
#define LFM2_TEXT_BPE_H_

#include <string_view>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/format/vocab.h"

namespace lfm2 {

// Merges the bytes of a word into tokens: repeatedly the pair of neighbours with the lowest rank, and of equal ranks
// the leftmost. O(n log n) for n bytes: the ranks are the leaves of a tree with eight children per node, where each
// node is the minimum of its children. The next pair is found from the root, and only the path above a changed leaf is
// recomputed.
class WordMerger {
 public:
  static constexpr uint32_t kFanOut = 8;
  static constexpr uint64_t kMaxWordBytes = uint64_t{1} << 30;

  // Bytes of scratch for words of up to word_bytes bytes, for any alignment. word_bytes <= kMaxWordBytes.
  static constexpr uint64_t ScratchBytes(uint64_t word_bytes) {
    uint64_t nodes = word_bytes;
    for (uint64_t level = word_bytes; level > 1;) nodes += level = DivideUp<uint64_t>(level, kFanOut);
    return (word_bytes + nodes) * sizeof(uint32_t) + sizeof(uint32_t) - 1;
  }

  // word: not empty, at most kMaxWordBytes; scratch: at least ScratchBytes(word.size()) bytes of any alignment.
  WordMerger(const Vocab& vocab, std::string_view word, Span<std::byte> scratch)
      : vocab_(vocab), count_(static_cast<uint32_t>(word.size())) {
    LFM2_ASSERT(scratch.size() >= ScratchBytes(word.size()));
    const size_t misaligned = reinterpret_cast<uintptr_t>(scratch.data()) % sizeof(uint32_t);
    uint32_t* at = reinterpret_cast<uint32_t*>(scratch.data() + (misaligned == 0 ? 0 : sizeof(uint32_t) - misaligned));
    token_ = at;
    at += count_;
    for (uint32_t size = count_;; size = DivideUp(size, kFanOut)) {
      level_[levels_] = at;
      level_size_[levels_++] = size;
      at += size;
      if (size == 1) break;
    }
    for (uint32_t i = 0; i < count_; ++i) token_[i] = vocab.ByteToken(static_cast<uint8_t>(word[i]));
    for (uint32_t i = 0; i < count_; ++i) level_[0][i] = Rank(i, i + 1);
    for (uint32_t l = 1; l < levels_; ++l) {
      for (uint32_t i = 0; i < level_size_[l]; ++i) level_[l][i] = LeastChild(l, i);
    }
  }

  // Merges until no pair can be merged, then calls sink(uint32_t) with each token id, from left to right.
  template <class Sink>
  void Run(Sink&& sink) {
    while (level_[levels_ - 1][0] != kNoRank) MergeAt(LeastPosition());
    for (uint32_t i = 0; i < count_; i = Next(i)) sink(token_[i]);
  }

 private:
  static constexpr uint32_t kNoRank = 0xffffffffu;
  static constexpr uint32_t kMaxLevels = 12;  // 8^11 > kMaxWordBytes

  static constexpr uint32_t kLink = 0x80000000u;  // above all positions and token ids

  // Position of the token after the one at i.
  uint32_t Next(uint32_t i) const {
    return i + static_cast<uint32_t>(vocab_.TokenBytes(static_cast<int32_t>(token_[i])).size());
  }
  // Position of the token before the one at i > 0.
  uint32_t Previous(uint32_t i) const {
    const uint32_t last = token_[i - 1];
    return (last & kLink) != 0 ? last & ~kLink : i - 1;
  }

  // Rank of the pair of tokens at i and at `next`.
  uint32_t Rank(uint32_t i, uint32_t next) const {
    if (next >= count_) return kNoRank;
    const VocabMerge* const merge = vocab_.FindMerge(token_[i], token_[next]);
    return merge == nullptr ? kNoRank : merge->rank;
  }

  uint32_t LeastChild(uint32_t l, uint32_t i) const {
    const uint32_t* const child = level_[l - 1];
    const uint32_t end = Min(level_size_[l - 1], (i + 1) * kFanOut);
    uint32_t least = kNoRank;
    for (uint32_t c = i * kFanOut; c < end; ++c) least = Min(least, child[c]);
    return least;
  }

  // The leftmost leaf with the rank of the root.
  uint32_t LeastPosition() const {
    uint32_t i = 0;
    for (uint32_t l = levels_ - 1; l > 0; --l) {
      const uint32_t rank = level_[l][i];
      i *= kFanOut;
      while (level_[l - 1][i] != rank) ++i;
    }
    return i;
  }

  void SetRank(uint32_t i, uint32_t rank) {
    if (level_[0][i] == rank) return;
    level_[0][i] = rank;
    for (uint32_t l = 1; l < levels_; ++l) {
      i /= kFanOut;
      const uint32_t least = LeastChild(l, i);
      if (level_[l][i] == least) return;
      level_[l][i] = least;
    }
  }

  void MergeAt(uint32_t i) {
    const uint32_t right = Next(i);
    token_[i] = vocab_.FindMerge(token_[i], token_[right])->merged;
    const uint32_t end = Next(i);
    token_[end - 1] = kLink | i;
    SetRank(right, kNoRank);
    SetRank(i, Rank(i, end));
    if (i == 0) return;
    const uint32_t left = Previous(i);
    SetRank(left, Rank(left, i));
  }

  const Vocab& vocab_;
  uint32_t count_;
  uint32_t levels_ = 0;
  // By byte of the word: at the first byte of a token its id; at the last byte of a longer token, kLink and the
  // position of its first byte. Undefined in between.
  uint32_t* token_ = nullptr;
  uint32_t* level_[kMaxLevels] = {};
  uint32_t level_size_[kMaxLevels] = {};
};

}  // namespace lfm2

#endif  // LFM2_TEXT_BPE_H_
