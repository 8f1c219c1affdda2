// Writes a deterministic automaton as records.
#ifndef LFM2_TEXT_GRAMMAR_WRITER_H_
#define LFM2_TEXT_GRAMMAR_WRITER_H_

#include "lfm2/base/config.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/grammar_determinizer.h"
#include "lfm2/text/grammar_pool.h"

namespace lfm2 {

class GrammarWriter {
 public:
  explicit GrammarWriter(GrammarPool* pool) : pool_(pool) {}

  // Writes the reduced automaton, chains of single bytes as literals, and stores the start state in the rule.
  void Run(uint32_t rule, uint32_t first) {
    first_ = first;
    rule_ = rule;
    if (first == 0 || State(first).chain == 0) {  // a rule without texts
      const uint32_t record = pool_->AddRecord(GrammarRecord::kState, kStateWords);
      if (record == 0) return;
      pool_->words()[record + 2] = rule;
      pool_->words()[rule + 1] = record;
      return;
    }
    Count();
    // Reverse order of discovery: records that lead to an end mostly come before those that lead to them, so that
    // GrammarFinisher needs few passes.
    uint32_t last = 0;
    for (uint32_t at = first; at != 0;) {
      if (Remains(at) && State(at).number == 0) Fold(at);
      const uint32_t next = State(at).next;
      State(at).next = last;
      last = at;
      at = next;
    }
    for (uint32_t at = last; at != 0 && pool_->ok(); at = State(at).next) {
      if (Remains(at) && State(at).number != kInside) Place(at);
    }
    for (uint32_t at = last; at != 0 && pool_->ok(); at = State(at).next) {
      if (Remains(at) && State(at).number != kInside) Fill(at);
    }
    if (!pool_->ok()) return;
    pool_->words()[rule + 1] = State(first).number;
  }

 private:
  // Values of DfaState::number before there is a record: the first byte of a literal, or another one.
  static constexpr uint32_t kBegins = 0xfffffffeu, kInside = 0xffffffffu;

  DfaState& State(uint32_t at) { return *pool_->At<DfaState>(at); }
  DfaEdge& Edge(uint32_t at) { return *pool_->At<DfaEdge>(at); }
  bool Remains(uint32_t at) { return State(at).chain == at; }

  // Counts the edges and calls that lead to each state.
  void Count() {
    for (uint32_t at = first_; at != 0; at = State(at).next) State(at).hash = State(at).number = 0;
    State(first_).hash = 1;
    for (uint32_t at = first_; at != 0; at = State(at).next) {
      if (!Remains(at)) continue;
      for (uint32_t e = State(at).edges; e != 0; e = Edge(e).next) ++State(Edge(e).to).hash;
      for (uint32_t e = State(at).calls; e != 0; e = Edge(e).next) ++State(Edge(e).to).hash;
    }
  }

  // Whether there is exactly one byte and nothing else.
  bool IsSingle(uint32_t at) {
    const DfaState& state = State(at);
    if (state.flags != 0 || state.calls != 0 || state.edges == 0) return false;
    const DfaEdge& edge = Edge(state.edges);
    return edge.next == 0 && edge.low() == edge.high() && edge.op() == GrammarOp::kNone;
  }

  // Finds the literal that begins with a state, if there is one.
  void Fold(uint32_t at) {
    if (!IsSingle(at)) return;
    State(at).number = kBegins;
    uint32_t i = Edge(State(at).edges).to;
    for (uint32_t bytes = 1; bytes < kMaxLiteralBytes && IsSingle(i); ++bytes) {
      if (State(i).hash != 1 || State(i).number != 0) return;
      State(i).number = kInside;
      i = Edge(State(i).edges).to;
    }
  }
  // Adds the record of a state, whose words are written later.
  void Place(uint32_t at) {
    if (State(at).number == kBegins) {
      uint32_t bytes = 1, end = Edge(State(at).edges).to;
      for (; State(end).number == kInside; end = Edge(State(end).edges).to) ++bytes;
      const uint32_t record = pool_->AddRecord(GrammarRecord::kLiteral, kLiteralWords + DivideUp<uint32_t>(bytes, 4));
      State(at).number = record;
      State(at).hash = end;
      if (record != 0) pool_->words()[record + 2] = bytes;
      return;
    }
    const uint32_t edges = Length(State(at).edges), calls = Length(State(at).calls);
    if (edges > 0xfff || calls > 0xfff) {
      pool_->Fail(Status(StatusCode::kUnsupported, "grammar", "has more alternatives at one place than 4095: byte",
                         pool_->place()));
      return;
    }
    State(at).number = pool_->AddRecord(GrammarRecord::kState, kStateWords + 2 * edges + 2 * calls);
    for (uint32_t e = State(at).edges; e != 0; e = Edge(e).next) {
      if (HasArgument(Edge(e).op())) Argument(e);
    }
  }
  uint32_t Length(uint32_t e) {
    uint32_t length = 0;
    for (; e != 0; e = Edge(e).next) ++length;
    return length;
  }
  // Adds the record of an argument; the edge then refers to it.
  void Argument(uint32_t e) {
    const uint32_t record = pool_->AddRecord(GrammarRecord::kArgument, kArgumentWords);
    if (record == 0) return;
    pool_->words()[record + 1] = Edge(e).argument;
    Edge(e).argument = record;
  }

  void Fill(uint32_t at) {
    uint32_t* const words = pool_->words();
    const DfaState& state = State(at);
    uint32_t* out = words + state.number;
    if (static_cast<GrammarRecord>(*out & 0xff) == GrammarRecord::kLiteral) {
      out[1] = State(state.hash).number;
      uint32_t from = at;
      for (uint32_t i = 0; i < out[2]; ++i) {
        const DfaEdge& edge = Edge(State(from).edges);
        out[kLiteralWords + i / 4] |= edge.low() << i % 4 * 8;
        from = edge.to;
      }
      return;
    }
    const uint32_t edges = Length(state.edges), calls = Length(state.calls);
    out[1] = edges | calls << 12 | FlagsOf(at) << 24;
    out[2] = rule_;
    out += kStateWords;
    for (uint32_t e = state.edges; e != 0; e = Edge(e).next, out += 2) {
      const DfaEdge& edge = Edge(e);
      const uint32_t to = State(edge.to).number;
      out[0] = edge.what;
      out[1] = to;
      if (!HasArgument(edge.op())) continue;
      words[edge.argument + 2] = to;
      out[1] = edge.argument;
    }
    for (uint32_t e = state.calls; e != 0; e = Edge(e).next, out += 2) {
      out[0] = Edge(e).argument | Edge(e).what >> 16 << 24;
      out[1] = State(Edge(e).to).number;
    }
  }

  uint32_t FlagsOf(uint32_t at) {
    const DfaState& state = State(at);
    uint32_t flags = state.flags;
    if (flags == kStateEnds && state.edges == 0 && state.calls == 0) flags |= kStateOnlyEnds;
    uint32_t beyond = 0;
    for (uint32_t e = state.edges; e != 0; e = Edge(e).next) {
      if (Edge(e).low() < beyond) flags |= kStateOverlaps;
      if (Edge(e).low() < 0x20) flags |= kStateTakesControl;
      beyond = Max(beyond, Edge(e).high() + 1);
    }
    if ((flags & kStateOverlaps) == 0 && IsText(at)) flags |= kStateIsText;
    return flags;
  }

  // The states that bytes low to high lead to from `count` others, at most kWidth.
  static constexpr uint32_t kWidth = 4;
  // to: 0, or the only state allowed. False where a byte leads nowhere or has another operation.
  bool Step(uint32_t* set, uint32_t* count, uint32_t low, uint32_t high, uint32_t to, GrammarOp op) {
    uint32_t next[kWidth] = {}, size = 0;
    for (uint32_t i = 0; i < *count; ++i) {
      uint32_t byte = low;
      for (uint32_t e = State(set[i]).edges; e != 0 && byte <= high; e = Edge(e).next) {
        const DfaEdge& edge = Edge(e);
        if (edge.high() < byte) continue;
        if (edge.low() > byte || edge.op() != op || (to != 0 && edge.to != to)) return false;
        byte = edge.high() + 1;
        uint32_t k = 0;
        while (k < size && next[k] != edge.to) ++k;
        if (k == kWidth) return false;
        next[k] = edge.to;
        size = Max(size, k + 1);
      }
      if (byte <= high) return false;
    }
    std::memcpy(set, next, sizeof(next));
    *count = size;
    return true;
  }

  // kStateIsText. Table 3-7 of the Unicode standard lists the byte sequences that are characters.
  bool IsText(uint32_t at) {
    if (State(at).edges == 0) return false;
    const auto op_at = [&](uint32_t byte) {
      uint32_t e = State(at).edges;
      while (Edge(e).next != 0 && Edge(e).high() < byte) e = Edge(e).next;
      return Edge(e).op();
    };
    const GrammarOp op = op_at(0x20);
    if (op != GrammarOp::kNone && op != GrammarOp::kCount) return false;
    struct Bytes {
      uint8_t low, high;
    };
    constexpr Bytes kPlain[] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x7f}};
    struct Sequence {
      Bytes first, second;
      uint8_t bytes;
    };
    constexpr Sequence kLonger[] = {
        {{0xc2, 0xdf}, {0x80, 0xbf}, 2}, {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3},
        {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3}, {{0xf0, 0xf0}, {0x90, 0xbf}, 4},
        {{0xf1, 0xf3}, {0x80, 0xbf}, 4}, {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };
    uint32_t set[kWidth], count;
    const auto step = [&](uint32_t low, uint32_t high, bool is_last, GrammarOp before = GrammarOp::kNone) {
      return Step(set, &count, low, high, is_last ? at : 0, is_last ? op : before);
    };
    const auto begin = [&] {
      set[0] = at;
      count = 1;
    };
    for (const Bytes& b : kPlain) {
      begin();
      if (!step(b.low, b.high, true)) return false;
    }
    for (const Sequence& s : kLonger) {
      begin();
      // The first byte of a counted character checks whether one more is allowed.
      const GrammarOp before = op == GrammarOp::kCount ? GrammarOp::kMore : GrammarOp::kNone;
      if (!step(s.first.low, s.first.high, false, before) || !step(s.second.low, s.second.high, s.bytes == 2))
        return false;
      for (uint32_t i = 3; i <= s.bytes; ++i) {
        if (!step(0x80, 0xbf, i == s.bytes)) return false;
      }
    }
    return true;
  }

  GrammarPool* pool_;
  uint32_t first_ = 0, rule_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_WRITER_H_
