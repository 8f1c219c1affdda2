// Minimises a deterministic automaton.
#ifndef LFM2_TEXT_GRAMMAR_REDUCER_H_
#define LFM2_TEXT_GRAMMAR_REDUCER_H_

#include "lfm2/base/config.h"
#include "lfm2/text/grammar_determinizer.h"
#include "lfm2/text/grammar_pool.h"

namespace lfm2 {

// Afterwards DfaState::chain of every remaining state is the state itself, of others the state that replaces them, or
// 0.
class GrammarReducer {
 public:
  explicit GrammarReducer(GrammarPool* pool) : pool_(pool) {}

  // first: the start state; its list has `states` states with `edges` edges and calls. is_live: no state has to be
  // removed.
  void Run(uint32_t first, uint32_t states, uint32_t edges, bool is_live) {
    count_ = states;
    order_ = pool_->Allocate<uint32_t>(states);
    if (order_ == nullptr) return;
    for (uint32_t at = first, i = 0; at != 0; at = State(at).next) {
      State(at).chain = at;
      order_[i++] = at;
    }
    if (!is_live) Trim(edges);
    if (pool_->ok()) Merge();
  }

 private:
  DfaState& State(uint32_t at) { return *pool_->At<DfaState>(at); }
  DfaEdge& Edge(uint32_t at) { return *pool_->At<DfaEdge>(at); }
  uint32_t* Lists(uint32_t state, int which) { return which == 0 ? &State(state).edges : &State(state).calls; }

  // Removes states that lead to no end, and the edges to them. Every call is assumed to be passable.
  void Trim(uint32_t edges) {
    const uint64_t mark = pool_->scratch_mark();
    // The predecessors of state i: sources[begin[i]] to sources[begin[i + 1]].
    uint32_t* const begin = pool_->Allocate<uint32_t>(uint64_t{count_} + 2);
    uint32_t* const sources = pool_->Allocate<uint32_t>(edges);
    uint32_t* const found = pool_->Allocate<uint32_t>(count_);
    if (!pool_->ok()) return;
    std::memset(begin, 0, (count_ + size_t{2}) * sizeof(uint32_t));
    ForEachEdge([&](uint32_t, DfaEdge& edge) { ++begin[State(edge.to).number + 2]; });
    for (uint32_t i = 2; i < count_ + 2; ++i) begin[i] += begin[i - 1];
    ForEachEdge([&](uint32_t from, DfaEdge& edge) { sources[begin[State(edge.to).number + 1]++] = from; });
    uint32_t live = 0;
    for (uint32_t i = 0; i < count_; ++i) {
      State(order_[i]).chain = State(order_[i]).flags != 0 ? order_[i] : 0;
      if (State(order_[i]).flags != 0) found[live++] = order_[i];
    }
    for (uint32_t i = 0; i < live; ++i) {
      const uint32_t number = State(found[i]).number;
      for (uint32_t k = begin[number]; k < begin[number + 1]; ++k) {
        if (State(sources[k]).chain != 0) continue;
        State(sources[k]).chain = sources[k];
        found[live++] = sources[k];
      }
    }
    pool_->Release(mark);
    for (uint32_t i = 0; i < count_; ++i) {
      for (int which = 0; which < 2; ++which) {
        for (uint32_t* at = Lists(order_[i], which); *at != 0;) {
          if (State(Edge(*at).to).chain == 0) {
            *at = Edge(*at).next;
          } else {
            at = &Edge(*at).next;
          }
        }
      }
    }
  }
  template <class Do>
  void ForEachEdge(Do&& act) {
    for (uint32_t i = 0; i < count_; ++i) {
      for (int which = 0; which < 2; ++which) {
        for (uint32_t e = *Lists(order_[i], which); e != 0; e = Edge(e).next) act(order_[i], Edge(e));
      }
    }
  }

  // Merges states that accept alike and whose edges and calls lead to the same states, or each to itself: from the last
  // to the first, until nothing changes or a limit is reached. Equivalent loops through several states are not merged.
  void Merge() {
    constexpr int kMaxRounds = 8;
    const uint64_t mark = pool_->scratch_mark();
    uint32_t size = 16;
    while (size < count_ + count_ / 2) size *= 2;
    uint32_t* const table = pool_->Allocate<uint32_t>(size);
    if (table == nullptr) return;
    bool changed = true;
    for (int round = 0; changed && round < kMaxRounds; ++round) {
      changed = false;
      std::memset(table, 0, size * sizeof(uint32_t));
      for (uint32_t i = count_; i-- > 0;) {
        const uint32_t at = order_[i];
        if (State(at).chain != at) continue;
        Resolve(at);
        uint32_t slot = Hash(at) & (size - 1);
        while (table[slot] != 0 && !IsSame(at, table[slot])) slot = (slot + 1) & (size - 1);
        // The start state must remain: others are merged into it, and it into none.
        if (table[slot] == 0) {
          table[slot] = at;
        } else if (i == 0) {
          State(table[slot]).chain = at;
          changed = true;
        } else {
          State(at).chain = table[slot];
          changed = true;
        }
      }
    }
    for (uint32_t i = 0; i < count_; ++i) {
      if (State(order_[i]).chain == order_[i]) Resolve(order_[i]);
    }
    pool_->Release(mark);
  }

  // Redirects the edges to the remaining states; adjacent edges of the same kind are joined.
  void Resolve(uint32_t at) {
    for (int which = 0; which < 2; ++which) {
      for (uint32_t e = *Lists(at, which); e != 0; e = Edge(e).next) {
        DfaEdge& edge = Edge(e);
        while (State(edge.to).chain != edge.to) edge.to = State(edge.to).chain;
      }
    }
    for (uint32_t e = State(at).edges; e != 0; e = Edge(e).next) {
      DfaEdge& edge = Edge(e);
      while (edge.next != 0) {
        const DfaEdge& after = Edge(edge.next);
        if (after.to != edge.to || after.low() != edge.high() + 1 || after.what >> 16 != edge.what >> 16 ||
            after.argument != edge.argument) {
          break;
        }
        edge.what = (edge.what & ~0xff00u) | after.high() << 8;
        edge.next = after.next;
      }
    }
  }

  static uint32_t Mixed(uint32_t hash, uint32_t value) {
    hash = (hash ^ value) * 0x9e3779b1u;
    return hash ^ hash >> 15;
  }
  uint32_t Hash(uint32_t at) {
    uint32_t hash = State(at).flags;
    for (int which = 0; which < 2; ++which) {
      for (uint32_t e = *Lists(at, which); e != 0; e = Edge(e).next) {
        const DfaEdge& edge = Edge(e);
        hash = Mixed(Mixed(Mixed(hash, edge.what), edge.to == at ? 0 : edge.to), edge.argument);
      }
      hash += 1;
    }
    return hash;
  }
  bool IsSame(uint32_t a, uint32_t b) {
    if (State(a).flags != State(b).flags) return false;
    for (int which = 0; which < 2; ++which) {
      uint32_t e = *Lists(a, which), f = *Lists(b, which);
      for (; e != 0 && f != 0; e = Edge(e).next, f = Edge(f).next) {
        const DfaEdge &x = Edge(e), &y = Edge(f);
        if (x.what != y.what || x.argument != y.argument) return false;
        if (x.to != y.to && (x.to != a || y.to != b)) return false;
      }
      if (e != f) return false;
    }
    return true;
  }

  GrammarPool* pool_;
  uint32_t* order_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_REDUCER_H_
