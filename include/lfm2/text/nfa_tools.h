// Operations of compilers on the current automaton.
#ifndef LFM2_TEXT_NFA_TOOLS_H_
#define LFM2_TEXT_NFA_TOOLS_H_

#include "lfm2/base/config.h"
#include "lfm2/text/grammar_builder.h"

namespace lfm2 {

// Repeats the newest part of the automaton, [begin, next_node()), which leads from `begin` to `end`, `least` to `most`
// times (kUnlimited: any number) after `from`. It must have no edge from or to the outside, and none back to `begin`.
// Returns the node that the repetition leads to.
inline GrammarBuilder::Node RepeatNodes(GrammarBuilder* builder, GrammarBuilder::Node from, GrammarBuilder::Node begin,
                                        GrammarBuilder::Node end, uint32_t least, uint32_t most) {
  using Node = GrammarBuilder::Node;
  if (most == 0) return from;
  const Node size = builder->next_node() - begin, to_end = end - begin;
  const uint32_t copies = most == kUnlimited ? Max<uint32_t>(least, 1) : most;
  // All copies are made first: edges between them must not be copied.
  for (uint32_t i = 1; i < copies && builder->ok(); ++i) builder->Copy(begin, begin + size);
  const Node out = most != kUnlimited && least < most ? builder->AddNode() : 0;
  for (uint32_t i = 0; i < copies && builder->ok(); ++i) {
    if (i > 0) begin += size;
    builder->Empty(from, begin);
    if (out != 0 && i >= least) builder->Empty(begin, out);
    from = begin + to_end;
  }
  if (most == kUnlimited) {
    builder->Empty(from, begin);
    return least == 0 ? begin : from;
  }
  if (out == 0) return from;
  builder->Empty(from, out);
  return out;
}

namespace nfa_internal {

using Node = GrammarBuilder::Node;

// Follows empty edges from `begin`: where a node has an edge that requires the beginning of the text, adds the same
// edge from `begin` without the condition. For a text without bytes (is_empty) this is its end too, so edges that
// require the end are followed as well.
inline void ResolveBegins(GrammarBuilder* builder, Node first, Node begin, Node end, bool is_empty) {
  GrammarPool* const pool = builder->pool();
  const uint64_t mark = pool->scratch_mark();
  uint32_t* const found = pool->Allocate<uint32_t>(builder->next_node() - first);
  if (found == nullptr) return;
  uint32_t count = 0;
  const auto reach = [&](Node node) {
    NfaUnit& unit = pool->units()[node];
    if (unit.to != 0) return;
    unit.to = 1;
    found[count++] = node;
  };
  reach(begin);
  for (uint32_t i = 0; i < count && pool->ok(); ++i) {
    for (uint32_t e = pool->units()[found[i]].next; e != 0; e = pool->units()[e].next) {
      const NfaUnit edge = pool->units()[e];
      if (edge.kind == NfaUnit::Kind::kBytes || (edge.kind == NfaUnit::Kind::kEnd && !is_empty)) continue;
      if (edge.kind == NfaUnit::Kind::kBegin && !is_empty) builder->Empty(begin, edge.to);
      if (edge.kind != NfaUnit::Kind::kCall) reach(edge.to);
    }
  }
  if (is_empty && pool->ok() && pool->units()[end].to != 0) builder->Empty(begin, end);
  pool->Release(mark);
}

// Follows empty edges back from `end`: a node with an edge to them that requires the end of the text gets an edge to
// `end` without the condition. False if that takes too many passes.
inline bool ResolveEnds(GrammarBuilder* builder, Node first, Node end) {
  constexpr int kMaxRounds = 64;
  GrammarPool* const pool = builder->pool();
  const Node beyond = builder->next_node();
  pool->units()[end].to = 1;
  bool changed = true;
  for (int round = 0; changed; ++round) {
    if (round == kMaxRounds) return false;
    changed = false;
    for (uint32_t i = 0; i < beyond - first; ++i) {
      NfaUnit& node = pool->units()[round % 2 == 0 ? beyond - 1 - i : first + i];
      if (node.kind != NfaUnit::Kind::kNode || node.to != 0) continue;
      for (uint32_t e = node.next; e != 0 && node.to == 0; e = pool->units()[e].next) {
        const NfaUnit& edge = pool->units()[e];
        if (edge.kind != NfaUnit::Kind::kEnd && edge.kind != NfaUnit::Kind::kEmpty) continue;
        if (pool->units()[edge.to].to != 0) node.to = 1;
      }
      changed = changed || node.to != 0;
    }
  }
  for (Node node = first; node < beyond && pool->ok(); ++node) {
    if (pool->units()[node].kind != NfaUnit::Kind::kNode) continue;
    for (uint32_t e = pool->units()[node].next; e != 0; e = pool->units()[e].next) {
      const NfaUnit edge = pool->units()[e];
      if (edge.kind == NfaUnit::Kind::kEnd && pool->units()[edge.to].to != 0) {
        builder->Empty(node, end);
        break;
      }
    }
  }
  return true;
}

}  // namespace nfa_internal

// Replaces edges that require the beginning or the end of the text (NfaUnit::Kind::kBegin, kEnd) by edges without
// conditions, in the part of the automaton from `first` on, where a text begins at `begin`, which has no incoming
// edges, and ends at `end`, which has no outgoing ones.
inline bool ResolveAnchors(GrammarBuilder* builder, GrammarBuilder::Node first, GrammarBuilder::Node begin,
                           GrammarBuilder::Node end) {
  GrammarPool* const pool = builder->pool();
  const auto clear = [&] {
    for (uint32_t i = first; i < pool->unit_count(); ++i) {
      if (pool->units()[i].kind == NfaUnit::Kind::kNode) pool->units()[i].to = 0;
    }
  };
  if (!builder->ok()) return false;
  for (const bool is_empty : {true, false}) {
    clear();
    nfa_internal::ResolveBegins(builder, first, begin, end, is_empty);
  }
  if (!builder->ok()) return false;
  clear();
  if (!nfa_internal::ResolveEnds(builder, first, end)) {
    builder->Fail(Status(StatusCode::kUnsupported, "pattern", "has ends in too many groups: byte", pool->place()));
  }
  for (uint32_t i = first; i < pool->unit_count(); ++i) {
    if (pool->units()[i].kind != NfaUnit::Kind::kNode) continue;
    for (uint32_t* e = &pool->units()[i].next; *e != 0;) {
      const NfaUnit& edge = pool->units()[*e];
      if (edge.kind == NfaUnit::Kind::kBegin || edge.kind == NfaUnit::Kind::kEnd) {
        *e = edge.next;
      } else {
        e = &pool->units()[*e].next;
      }
    }
  }
  return builder->ok();
}

// Follows a text through the current automaton, without calls and ignoring operations. Its memory is scratch of the
// builder, to be released by the caller.
class NfaRun {
 public:
  NfaRun(GrammarBuilder* builder, GrammarBuilder::Node begin) : pool_(builder->pool()) {
    const uint32_t count = builder->next_node();
    now_ = pool_->Allocate<uint32_t>(count);
    next_ = pool_->Allocate<uint32_t>(count);
    if (!pool_->ok()) return;
    for (uint32_t i = 1; i < count; ++i) {
      if (pool_->units()[i].kind == NfaUnit::Kind::kNode) pool_->units()[i].to = 0;
    }
    Add(begin);
    Close();
  }
  void Step(uint8_t byte) {
    if (!pool_->ok()) return;
    const uint32_t count = size_;
    uint32_t* const from = next_;
    next_ = now_;
    now_ = from;
    size_ = 0;
    ++mark_;
    for (uint32_t i = 0; i < count; ++i) {
      for (uint32_t e = pool_->units()[next_[i]].next; e != 0; e = pool_->units()[e].next) {
        const NfaUnit& edge = pool_->units()[e];
        if (edge.kind == NfaUnit::Kind::kBytes && edge.low <= byte && byte <= edge.high) Add(edge.to);
      }
    }
    Close();
  }
  // Whether the text leads to a node.
  bool Has(GrammarBuilder::Node node) const { return pool_->ok() && pool_->units()[node].to == mark_; }

 private:
  void Add(uint32_t node) {
    NfaUnit& unit = pool_->units()[node];
    if (unit.to == mark_) return;
    unit.to = mark_;
    now_[size_++] = node;
  }
  void Close() {
    for (uint32_t i = 0; i < size_; ++i) {
      for (uint32_t e = pool_->units()[now_[i]].next; e != 0; e = pool_->units()[e].next) {
        if (pool_->units()[e].kind == NfaUnit::Kind::kEmpty) Add(pool_->units()[e].to);
      }
    }
  }

  GrammarPool* pool_;
  uint32_t* now_ = nullptr;
  uint32_t* next_ = nullptr;
  uint32_t size_ = 0, mark_ = 1;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_NFA_TOOLS_H_
