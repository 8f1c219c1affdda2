// Checks the rules of a grammar together and completes it.
#ifndef LFM2_TEXT_GRAMMAR_FINISHER_H_
#define LFM2_TEXT_GRAMMAR_FINISHER_H_

#include "lfm2/base/config.h"
#include "lfm2/base/crc32c.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/grammar_compactor.h"
#include "lfm2/text/grammar_pool.h"

namespace lfm2 {

// Every step is linear in the number of records and calls, except for passes over the states of a rule whose calls were
// resolved late. Until it has run, words that later hold the first bytes of a rule are used for other purposes.
class GrammarFinisher {
 public:
  static constexpr uint32_t kFirstRecord = 7, kEndOfRecords = 8;  // written by GrammarBuilder::End for a rule

  explicit GrammarFinisher(GrammarPool* pool) : pool_(pool), words_(pool->words()) {}

  // *blob: set if the pool has no error.
  void Run(uint32_t start, Span<const std::byte>* blob) {
    if (!AllDefined()) return;
    const uint64_t mark = pool_->scratch_mark();
    FindCallers();
    Spread(GrammarMark::kHasText);
    Spread(GrammarMark::kNullable);
    if (!pool_->ok()) return;
    for (uint32_t at = 1; at < pool_->word_count(); at = Next(at)) {
      while (KindOf(at) == GrammarRecord::kRule && MarkRecords(at, GrammarMark::kHasText)) {
      }
    }
    if (!Is(start, GrammarMark::kHasText)) return Refuse("has a rule that no text can satisfy: byte", start);
    pool_->Release(mark);
    start = GrammarCompactor(pool_).Run(start);
    if (!pool_->ok()) return;
    FindFirstBytes();
    if (pool_->ok()) Complete(start, blob);
  }

 private:
  static constexpr uint32_t kCallers = 9, kWaiting = 10;  // words of a rule
  static constexpr uint32_t kListEnd = 0xffffffffu;

  GrammarRecord KindOf(uint32_t at) const { return GrammarMark::KindOf(words_[at]); }
  bool Is(uint32_t at, uint32_t mark) const { return (words_[at] & mark) != 0; }
  uint32_t Next(uint32_t at) const { return at + (words_[at] >> 8); }
  uint32_t Edges(uint32_t state) const { return words_[state + 1] & 0xfff; }
  uint32_t Calls(uint32_t state) const { return words_[state + 1] >> 12 & 0xfff; }
  uint32_t Flags(uint32_t state) const { return words_[state + 1] >> 24; }
  const uint32_t* CallsOf(uint32_t state) const { return words_ + state + kStateWords + 2 * Edges(state); }
  void Refuse(const char* what, uint32_t rule) {
    pool_->Fail(Status(StatusCode::kInvalidArgument, "grammar", what, words_[rule + 5]));
  }

  bool AllDefined() {
    for (uint32_t at = 1; at < pool_->word_count(); at = Next(at)) {
      if (KindOf(at) != GrammarRecord::kRule || words_[at + 1] != 0) continue;
      Refuse("has a rule that is not defined: byte", at);
      return false;
    }
    return true;
  }

  // For each rule, a list of the rules that call it.
  struct Caller {
    uint32_t rule, next;
  };
  void FindCallers() {
    for (uint32_t at = 1; at < pool_->word_count(); at = Next(at)) {
      if (KindOf(at) != GrammarRecord::kState) continue;
      const uint32_t* const calls = CallsOf(at);
      for (uint32_t i = 0; i < Calls(at); ++i) {
        uint32_t* const list = &words_[(calls[2 * i] & kGrammarRefMask) + kCallers];
        if (*list != 0 && pool_->At<Caller>(*list)->rule == words_[at + 2]) continue;
        Caller* const caller = pool_->Allocate<Caller>(1);
        if (caller == nullptr) return;
        *caller = {words_[at + 2], *list};
        *list = pool_->RefOf(caller);
      }
    }
  }

  // Marks records with a property: the least solution of the definition in Follows.
  void Spread(uint32_t mark) {
    if (!pool_->ok()) return;
    // A list of rules to be visited.
    uint32_t waiting = kListEnd;
    for (uint32_t at = 1; at < pool_->word_count(); at = Next(at)) {
      if (KindOf(at) != GrammarRecord::kRule) continue;
      words_[at + kWaiting] = waiting;
      waiting = at;
    }
    while (waiting != kListEnd) {
      const uint32_t rule = waiting;
      waiting = words_[rule + kWaiting];
      words_[rule + kWaiting] = 0;
      if (Is(rule, mark) || !IsNowMarked(rule, mark)) continue;
      words_[rule] |= mark;
      for (uint32_t c = words_[rule + kCallers]; c != 0; c = pool_->At<Caller>(c)->next) {
        uint32_t* const caller = &words_[pool_->At<Caller>(c)->rule];
        if ((*caller & mark) != 0 || caller[kWaiting] != 0) continue;
        caller[kWaiting] = waiting;
        waiting = static_cast<uint32_t>(caller - words_);
      }
    }
  }
  // Marks the records of a rule, until its start is marked or nothing changes.
  bool IsNowMarked(uint32_t rule, uint32_t mark) {
    const uint32_t start = words_[rule + 1];
    while (!Is(start, mark) && MarkRecords(rule, mark)) {
    }
    return Is(start, mark);
  }
  bool MarkRecords(uint32_t rule, uint32_t mark) {
    bool changed = false;
    for (uint32_t at = words_[rule + kFirstRecord]; at < words_[rule + kEndOfRecords]; at = Next(at)) {
      if (Is(at, mark) || !Follows(at, mark)) continue;
      words_[at] |= mark;
      changed = true;
    }
    return changed;
  }
  bool Follows(uint32_t at, uint32_t mark) const {
    const bool by_bytes = mark == GrammarMark::kHasText;
    switch (KindOf(at)) {
      case GrammarRecord::kRule:
      case GrammarRecord::kObject: return false;
      case GrammarRecord::kLiteral: return by_bytes && Is(words_[at + 1], mark);
      case GrammarRecord::kArgument: return by_bytes && Is(words_[at + 2], mark);
      case GrammarRecord::kState: break;
    }
    if ((Flags(at) & kStateEnds) != 0) return true;
    if ((Flags(at) & kStateEndsIfEnough) != 0 && (by_bytes || words_[words_[at + 2] + 2] == 0)) return true;
    const uint32_t* out = words_ + at + kStateWords;
    for (uint32_t i = 0; by_bytes && i < Edges(at); ++i) {
      if (Is(out[2 * i + 1], mark)) return true;
    }
    out = CallsOf(at);
    for (uint32_t i = 0; i < Calls(at); ++i) {
      if (Is(out[2 * i] & kGrammarRefMask, mark) && Is(out[2 * i + 1], mark)) return true;
    }
    return false;
  }

  // A rule whose first bytes are being computed, and the states in which a text of it can begin.
  struct Visit {
    uint32_t rule, parent;  // the enclosing visit, by GrammarPool::RefOf
    uint32_t state;         // a Beginning, or 0 after the last one
    uint32_t call;
  };
  struct Beginning {
    uint32_t state, next;
  };

  // Computes the first bytes of all rules, each after those of the rules with which it can begin.
  void FindFirstBytes() {
    for (uint32_t at = 1; at < pool_->word_count(); at = Next(at)) {
      if (KindOf(at) == GrammarRecord::kRule) std::memset(words_ + at + 7, 0, 8 * sizeof(uint32_t));
    }
    for (uint32_t at = 1; at < pool_->word_count(); at = Next(at)) {
      if (KindOf(at) != GrammarRecord::kRule || Is(at, GrammarMark::kVisited)) continue;
      const uint64_t mark = pool_->scratch_mark();
      for (uint32_t visit = Enter(at, 0); visit != 0 && pool_->ok();) visit = GoOn(visit);
      if (!pool_->ok()) return;
      pool_->Release(mark);
    }
  }
  uint32_t Enter(uint32_t rule, uint32_t parent) {
    words_[rule] |= GrammarMark::kVisited | GrammarMark::kOpen;
    Visit* const visit = pool_->Allocate<Visit>(1);
    if (visit == nullptr) return 0;
    *visit = {rule, parent, 0, 0};
    Begins(visit, words_[rule + 1]);
    for (uint32_t b = visit->state; b != 0 && pool_->ok(); b = pool_->At<Beginning>(b)->next) {
      const uint32_t state = pool_->At<Beginning>(b)->state;
      const uint32_t* const edges = words_ + state + kStateWords;
      for (uint32_t i = 0; i < Edges(state); ++i) {
        const uint32_t low = edges[2 * i] & 0xff, high = edges[2 * i] >> 8 & 0xff;
        for (uint32_t byte = low; byte <= high; ++byte) AddByte(rule, byte);
      }
      const uint32_t* const calls = CallsOf(state);
      for (uint32_t i = 0; i < Calls(state); ++i) {
        if (!Is(calls[2 * i] & kGrammarRefMask, GrammarMark::kNullable)) continue;
        if (static_cast<GrammarOp>(calls[2 * i] >> 24) == GrammarOp::kCount) {
          Refuse("counts texts of a rule that can be empty: byte", calls[2 * i] & kGrammarRefMask);
          return 0;
        }
        Begins(visit, calls[2 * i + 1], b);
      }
    }
    return pool_->RefOf(visit);
  }
  void AddByte(uint32_t rule, uint32_t byte) { words_[rule + 7 + byte / 32] |= 1u << byte % 32; }
  // The rule can begin at `record`, which is inserted after the beginning `after`.
  void Begins(Visit* visit, uint32_t record, uint32_t after = 0) {
    if (KindOf(record) == GrammarRecord::kLiteral) return AddByte(visit->rule, words_[record + kLiteralWords] & 0xff);
    if (Is(record, GrammarMark::kVisited)) return;
    words_[record] |= GrammarMark::kVisited;
    Beginning* const beginning = pool_->Allocate<Beginning>(1);
    if (beginning == nullptr) return;
    uint32_t* const link = after == 0 ? &visit->state : &pool_->At<Beginning>(after)->next;
    *beginning = {record, *link};
    *link = pool_->RefOf(beginning);
  }
  // Continues with the next rule with which the visited one can begin. Returns the visit that continues.
  uint32_t GoOn(uint32_t ref) {
    Visit& visit = *pool_->At<Visit>(ref);
    while (visit.state != 0) {
      const Beginning& beginning = *pool_->At<Beginning>(visit.state);
      if (visit.call == Calls(beginning.state)) {
        visit.state = beginning.next;
        visit.call = 0;
        continue;
      }
      const uint32_t rule = CallsOf(beginning.state)[2 * visit.call] & kGrammarRefMask;
      if (!Is(rule, GrammarMark::kVisited)) return Enter(rule, ref);
      if (Is(rule, GrammarMark::kOpen)) {
        Refuse("has a rule that begins with itself: byte", rule);
        return 0;
      }
      for (uint32_t i = 0; i < 8; ++i) words_[visit.rule + 7 + i] |= words_[rule + 7 + i];
      ++visit.call;
    }
    words_[visit.rule] &= ~GrammarMark::kOpen;
    if (Is(visit.rule, GrammarMark::kNullable)) words_[visit.rule + 6] = kRuleIsNullable;
    return visit.parent;
  }

  // Writes the bits after the words, and the header.
  void Complete(uint32_t start, Span<const std::byte>* blob) {
    const uint32_t count = pool_->word_count(), bits = DivideUp<uint32_t>(count, 32);
    const uint64_t total = sizeof(GrammarHeader) + (uint64_t{count} + bits) * sizeof(uint32_t);
    if (total > pool_->scratch_mark()) return pool_->FailForSpace();
    std::memset(words_ + count, 0, bits * sizeof(uint32_t));
    for (uint32_t at = 1; at < count; at = Next(at)) {
      words_[at] &= ~GrammarMark::kAll;
      words_[count + at / 32] |= 1u << at % 32;
    }
    GrammarHeader header = {};
    std::memcpy(header.magic, kGrammarMagic, sizeof(header.magic));
    header.version = kGrammarVersion;
    header.header_bytes = sizeof(GrammarHeader);
    header.total_bytes = static_cast<uint32_t>(total);
    header.word_count = count;
    header.start_rule = start;
    std::memcpy(pool_->base(), &header, sizeof(header));
    header.crc = Crc32c(0, pool_->base(), static_cast<size_t>(total));
    std::memcpy(pool_->base(), &header, sizeof(header));
    *blob = {pool_->base(), static_cast<size_t>(total)};
  }

  GrammarPool* pool_;
  uint32_t* words_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_FINISHER_H_
