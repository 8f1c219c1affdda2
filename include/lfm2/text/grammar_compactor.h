// Removes unused records of a grammar.
#ifndef LFM2_TEXT_GRAMMAR_COMPACTOR_H_
#define LFM2_TEXT_GRAMMAR_COMPACTOR_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/grammar_pool.h"

namespace lfm2 {

// Marks in the kind of a record while a grammar is completed.
struct GrammarMark {
  static constexpr uint32_t kHasText = 0x80;  // a text leads from here to the end of the rule; of a rule: it has a text
  static constexpr uint32_t kNullable = 0x40;
  static constexpr uint32_t kReached = 0x20;
  static constexpr uint32_t kVisited = 0x10;
  static constexpr uint32_t kOpen = 0x08;  // visited, not left yet
  static constexpr uint32_t kAll = 0xf8;
  static constexpr GrammarRecord KindOf(uint32_t word) { return static_cast<GrammarRecord>(word & 7); }
};

// Removes edges and calls that lead to no text, by GrammarMark::kHasText, and records that the start does not reach,
// and moves the others together.
class GrammarCompactor {
 public:
  explicit GrammarCompactor(GrammarPool* pool) : pool_(pool), words_(pool->words()) {}

  // start: a rule that has a text. Returns its new place.
  uint32_t Run(uint32_t start) {
    const uint64_t mark = pool_->scratch_mark();
    uint32_t records = 0;
    for (uint32_t at = 1; at < pool_->word_count(); at += words_[at] >> 8) ++records;
    places_ = pool_->Allocate<Place>(records);
    uint32_t* const found = pool_->Allocate<uint32_t>(records);
    if (!pool_->ok()) return 0;
    uint32_t count = 0;
    const auto reach = [&](uint32_t* ref) {
      uint32_t* const record = words_ + (*ref & kGrammarRefMask);
      if ((*record & GrammarMark::kReached) != 0) return;
      *record |= GrammarMark::kReached;
      found[count++] = *ref & kGrammarRefMask;
    };
    reach(&start);
    for (uint32_t i = 0; i < count; ++i) {
      Shorten(found[i]);
      ForEachRef(words_ + found[i], reach);
    }
    count_ = 0;
    uint32_t end = 1;
    for (uint32_t at = 1; at < pool_->word_count(); at += words_[at] >> 8) {
      if ((words_[at] & GrammarMark::kReached) == 0) continue;
      places_[count_++] = {at, end};
      end += SizeOf(at);
    }
    const auto move = [&](uint32_t* ref) { *ref = (*ref & ~kGrammarRefMask) | NewPlace(*ref & kGrammarRefMask); };
    for (uint32_t i = 0; i < count_; ++i) {
      const uint32_t from = places_[i].from, to = places_[i].to, size = SizeOf(from);
      std::memmove(words_ + to, words_ + from, size * sizeof(uint32_t));
      words_[to] = (words_[to] & 0xff) | size << 8;
      ForEachRef(words_ + to, move);
    }
    pool_->set_word_count(end);
    start = NewPlace(start);
    pool_->Release(mark);
    return start;
  }

 private:
  struct Place {
    uint32_t from, to;
  };

  uint32_t SizeOf(uint32_t at) const {
    if (GrammarMark::KindOf(words_[at]) != GrammarRecord::kState) return words_[at] >> 8;
    return kStateWords + 2 * (words_[at + 1] & 0xfff) + 2 * (words_[at + 1] >> 12 & 0xfff);
  }
  uint32_t NewPlace(uint32_t from) const {
    uint32_t low = 0, high = count_;
    while (high - low > 1) {
      const uint32_t middle = low + (high - low) / 2;
      (places_[middle].from <= from ? low : high) = middle;
    }
    return places_[low].to;
  }

  template <class Do>
  static void ForEachRef(uint32_t* record, Do&& act) {
    switch (GrammarMark::KindOf(*record)) {
      case GrammarRecord::kRule:
        act(record + 1);
        if (record[4] != 0) act(record + 4);
        return;
      case GrammarRecord::kLiteral: return act(record + 1);
      case GrammarRecord::kArgument: return act(record + 2);
      case GrammarRecord::kObject: return;
      case GrammarRecord::kState: break;
    }
    act(record + 2);
    const uint32_t edges = record[1] & 0xfff, calls = record[1] >> 12 & 0xfff;
    for (uint32_t i = 0; i < edges; ++i) act(record + kStateWords + 2 * i + 1);
    for (uint32_t i = 2 * edges; i < 2 * (edges + calls); ++i) act(record + kStateWords + i);
  }

  bool HasText(uint32_t ref) const { return (words_[ref & kGrammarRefMask] & GrammarMark::kHasText) != 0; }
  // Removes the edges and calls of a state that lead to no text. The size in its first word is not changed yet.
  void Shorten(uint32_t at) {
    if (GrammarMark::KindOf(words_[at]) != GrammarRecord::kState) return;
    const uint32_t edges = words_[at + 1] & 0xfff, calls = words_[at + 1] >> 12 & 0xfff;
    uint32_t flags = words_[at + 1] >> 24, live_edges = 0, live_calls = 0;
    const uint32_t* from = words_ + at + kStateWords;
    uint32_t* to = words_ + at + kStateWords;
    for (uint32_t i = 0; i < edges + calls; ++i, from += 2) {
      if (!HasText(from[1]) || (i >= edges && !HasText(from[0]))) continue;
      to[0] = from[0];
      to[1] = from[1];
      to += 2;
      ++(i < edges ? live_edges : live_calls);
    }
    if ((flags & kStateEnds) != 0 && live_edges + live_calls == 0) flags |= kStateOnlyEnds;
    words_[at + 1] = live_edges | live_calls << 12 | flags << 24;
  }

  GrammarPool* pool_;
  uint32_t* words_;
  Place* places_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_COMPACTOR_H_
