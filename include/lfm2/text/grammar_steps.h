// A walk through a trie of bytes that computes each step once.
#ifndef LFM2_TEXT_GRAMMAR_STEPS_H_
#define LFM2_TEXT_GRAMMAR_STEPS_H_

#include <cstring>

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/token_trie.h"
#include "lfm2/text/grammar_threads.h"

namespace lfm2 {

namespace grammar_internal {

// What a list of threads allows of plain text (format/token_trie.h).
struct PlainText {
  uint32_t most;       // any plain text of up to so many characters may follow
  bool is_exact;       // and no longer plain text
  bool takes_control;  // a byte below 0x20 may follow, now or after that text
};

// A deterministic automaton, built during a walk: for each list of threads that is kept, the list that a byte leads to
// is recorded once the byte has been read. When there is no room to keep more, further lists are computed again each
// time.
class Steps {
 public:
  using List = Threads::List;
  // Numbers of lists: kNowhere is the empty one; kUnkept is one that is valid within its level only.
  static constexpr uint32_t kUnknown = 0, kNowhere = 1, kUnkept = 2, kFirst = 3, kMostKept = 256 - kFirst;

  constexpr void Carve(Arena* arena, uint32_t max_kept) {
    next_ = arena->Carve<uint8_t>(uint64_t{max_kept} * 256);
    kept_ = arena->Carve<Kept>(uint64_t{max_kept} + 1);
    levels_ = arena->Carve<Level>(kMaxTrieDepth + 1);
    max_kept_ = max_kept;
  }

  // Starts the walk with a list, which is kept. keep: other lists are kept too, at the cost of threads and frames that
  // may be missing later.
  void Begin(Threads* threads, const List& list, bool keep) {
    threads_ = threads;
    last_ = list;
    count_ = 0;
    limit_ = keep ? max_kept_ : 1;
    Keep(list);
    levels_[0] = {list, kFirst, 0};
  }

  // Steps from the list of the level above by a byte: the number of the list of this level. If memory ran out,
  // overflowed() of the threads is true.
  uint32_t Step(uint32_t level, uint8_t byte) {
    const Level& from = levels_[level - 1];
    uint32_t to = from.number == kUnkept ? kUnknown : next_[(from.number - kFirst) * 256 + byte];
    if (to <= kUnkept && to != kNowhere) to = Make(level, byte);
    Level& at = levels_[level];
    at.number = static_cast<uint8_t>(to);
    // Characters of plain text so far.
    at.characters = static_cast<uint8_t>(from.characters + ((byte & 0xc0u) != 0x80u ? 1 : 0));
    return to;
  }
  uint32_t characters(uint32_t level) const { return levels_[level].characters; }
  // What the list of the last Step allows; not for the empty list.
  const PlainText& text(uint32_t number) const { return KeptOf(number).text; }

  PlainText TextOf(const List& list) const {
    PlainText all = {0, true, false};
    for (uint32_t i = list.begin; i < list.end; ++i) {
      const PlainText text = TextOf((*threads_)[i]);
      all.most = Max(all.most, text.most);
      all.is_exact = all.is_exact && text.is_exact;
      all.takes_control = all.takes_control || text.takes_control;
    }
    return all;
  }

 private:
  struct Kept {
    List list;
    PlainText text;
  };
  struct Level {
    List list;  // for kUnkept
    uint8_t number;
    uint8_t characters;
  };

  // The first one is the last list that was not kept.
  Kept& KeptOf(uint32_t number) { return kept_[number - kUnkept]; }
  const Kept& KeptOf(uint32_t number) const { return kept_[number - kUnkept]; }

  uint32_t Keep(const List& list) {
    const uint32_t number = kFirst + count_++;
    KeptOf(number) = {list, TextOf(list)};
    std::memset(next_ + (number - kFirst) * 256, kUnknown, 256);
    return number;
  }

  uint32_t Make(uint32_t level, uint8_t byte) {
    const Level& from = levels_[level - 1];
    const bool is_kept = from.number != kUnkept;
    const List list = threads_->Step(is_kept ? KeptOf(from.number).list : from.list, byte, is_kept ? last_ : from.list);
    const uint32_t to = Threads::IsEmpty(list) ? kNowhere : NumberOf(list, is_kept);
    if (to == kUnkept) {
      levels_[level].list = list;
      KeptOf(kUnkept).text = TextOf(list);
    }
    if (is_kept && !threads_->overflowed()) {
      uint8_t* const row = next_ + (from.number - kFirst) * 256;
      for (uint32_t b = threads_->low(); b <= threads_->high(); ++b) row[b] = static_cast<uint8_t>(to);
    }
    return to;
  }
  // A list made from one that is not kept is not kept either, because it would overwrite that one.
  uint32_t NumberOf(const List& list, bool may_keep) {
    if (!may_keep) return kUnkept;
    for (uint32_t number = kFirst; number < kFirst + count_; ++number) {
      if (threads_->IsSame(KeptOf(number).list, list)) return number;
    }
    if (count_ >= limit_ || threads_->overflowed()) return kUnkept;
    last_ = list;
    return Keep(list);
  }

  PlainText TextOf(const Thread& thread) const {
    constexpr PlainText kUnclear = {0, false, true};
    const Grammar& g = threads_->grammar();
    const uint32_t at = thread.at & kGrammarRefMask;
    if (g.Kind(at) != GrammarRecord::kState) return kUnclear;
    const uint32_t flags = g[at + 1] >> 24, calls = g[at + 1] >> 12 & 0xfffu;
    if ((flags & kStateIsText) == 0) return kUnclear;
    // Its operation is the one of the edge for a letter.
    bool counts = false;
    for (uint32_t i = 0; i < (g[at + 1] & 0xfffu); ++i) {
      const uint32_t edge = g[at + kStateWords + 2 * i];
      if ((edge & 0xffu) <= 'a' && (edge >> 8 & 0xffu) >= 'a') counts = edge >> 16 != 0;
    }
    const uint32_t max = g[g[at + 2] + 3];
    const bool leaves = calls > 0 || (flags & (kStateEnds | kStateEndsIfEnough)) != 0;
    counts = counts && max != kUnlimited;
    // The continuation after the rule may allow more characters than the rule itself.
    if (counts && leaves) return kUnclear;
    const uint32_t most = counts ? static_cast<uint32_t>(max - Min<uint64_t>(thread.tally, max)) : kUnlimited;
    return {most, true, leaves || (flags & kStateTakesControl) != 0};
  }

  Threads* threads_ = nullptr;
  uint8_t* next_ = nullptr;  // [max_kept][256]: the number of a list
  Kept* kept_ = nullptr;
  Level* levels_ = nullptr;
  List last_ = {0, 0, 0};  // the last one kept; new lists are made after it
  uint32_t max_kept_ = 0;
  uint32_t limit_ = 0;
  uint32_t count_ = 0;
};

}  // namespace grammar_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_STEPS_H_
