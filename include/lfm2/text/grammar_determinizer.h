// Converts a nondeterministic automaton to a deterministic one.
#ifndef LFM2_TEXT_GRAMMAR_DETERMINIZER_H_
#define LFM2_TEXT_GRAMMAR_DETERMINIZER_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/grammar_pool.h"

namespace lfm2 {

// A state, followed by the `count` nodes that it stands for. States, edges and calls are in scratch and refer to each
// other by GrammarPool::RefOf.
struct DfaState {
  uint32_t chain;  // the next one of the bucket; later the state that replaces this one
  uint32_t next;   // in order of discovery
  uint32_t hash;   // later the number of edges and calls that lead here
  uint32_t count;
  uint32_t edges;  // ascending by first byte
  uint32_t calls;
  uint32_t flags;   // kStateEnds, kStateEndsIfEnough
  uint32_t number;  // in order of discovery; later its record
};

struct DfaEdge {
  uint32_t what;  // as in a record: low | high << 8 | operation << 16; of calls the operation only
  uint32_t to;
  uint32_t argument;  // of calls: the rule
  uint32_t next;

  uint32_t low() const { return what & 0xff; }
  uint32_t high() const { return what >> 8 & 0xff; }
  GrammarOp op() const { return static_cast<GrammarOp>(what >> 16); }
};

// The subset construction (Rabin and Scott, 1959) over the automaton of the pool, or the product of several automata. A
// byte has one edge for each operation and argument that occur with it, and so have calls for each rule.
class GrammarDeterminizer {
 public:
  static constexpr uint8_t kAccepts = 1, kAcceptsIfEnough = 2;  // NfaUnit::low of a node
  static constexpr uint8_t kLive = 1, kMatters = 2;             // NfaUnit::op of a node
  static constexpr uint32_t kMaxAutomata = 32, kFirstBuckets = 32;

  explicit GrammarDeterminizer(GrammarPool* pool) : pool_(pool) {}

  // starts: a node for each automaton. drop_empty: the empty text is not one of the rule. False after an error of the
  // pool.
  bool Run(const uint32_t* starts, uint32_t automata, uint32_t without, bool drop_empty) {
    automata_ = automata;
    without_ = without;
    MarkNodes();
    work_ = pool_->Allocate<uint32_t>(nodes_);
    edges_ = pool_->Allocate<uint32_t>(byte_edges_);
    if (!pool_->ok() || !MakeBuckets(kFirstBuckets)) return false;
    NewSet();
    for (uint32_t i = 0; i < automata; ++i) AddNode(starts[i]);
    first_ = FindState(drop_empty);
    unshared_ = drop_empty ? first_ : 0;
    for (uint32_t at = first_; at != 0 && pool_->ok(); at = pool_->At<DfaState>(at)->next) Expand(at);
    return pool_->ok();
  }

  // The start state, whose list has all states; 0 if there is no text at all.
  uint32_t first() const { return first_; }
  uint32_t states() const { return states_; }
  uint32_t edges() const { return edge_count_; }
  // Whether every state leads to an end, assuming that every call can be passed.
  bool all_live() const { return all_live_ && automata_ == 1; }
  // Whether the empty text is one, dropped or not.
  bool empty_matches() const { return empty_matches_; }

 private:
  NfaUnit& Unit(uint32_t at) { return pool_->units()[at]; }

  // Finds the nodes that lead to an accepting one, and those with more than empty edges. Nodes are numbered in the
  // order of the text, so few passes in both directions suffice; otherwise all nodes count as live.
  void MarkNodes() {
    constexpr int kMaxRounds = 24;
    const uint32_t count = pool_->unit_count();
    bool changed = true;
    for (int round = 0; changed && round < kMaxRounds; ++round) {
      changed = round == 0;
      for (uint32_t i = 1; i < count; ++i) {
        NfaUnit& node = Unit(round % 2 == 0 ? count - i : i);
        if (node.kind != NfaUnit::Kind::kNode) continue;
        if (round == 0) node.op = Survey(node);
        for (uint32_t e = (node.op & kLive) != 0 ? 0 : node.next; e != 0; e = Unit(e).next) {
          if ((Unit(Unit(e).to).op & kLive) == 0) continue;
          node.op |= kLive;
          changed = true;
          break;
        }
      }
    }
    all_live_ = !changed;
    if (all_live_) return;
    for (uint32_t i = 1; i < count; ++i) {
      if (Unit(i).kind == NfaUnit::Kind::kNode) Unit(i).op |= kLive;
    }
  }
  uint8_t Survey(NfaUnit& node) {
    node.to = 0;
    ++nodes_;
    uint8_t flags = node.low != 0 ? kLive | kMatters : 0;
    for (uint32_t e = node.next; e != 0; e = Unit(e).next) {
      if (Unit(e).kind == NfaUnit::Kind::kEmpty) continue;
      flags |= kMatters;
      byte_edges_ += Unit(e).kind == NfaUnit::Kind::kBytes ? 1 : 0;
    }
    return flags;
  }

  void NewSet() {
    ++mark_;
    size_ = 0;
  }
  // Adds a node to the set; FindState then adds those that empty edges lead to.
  void AddNode(uint32_t node) {
    NfaUnit& unit = Unit(node);
    if (unit.to == mark_ || (unit.op & kLive) == 0) return;
    unit.to = mark_;
    work_[size_++] = node;
  }

  // The state of the set, created if new; 0 where one of the automata has no node left. without_end: the same nodes,
  // but a separate state that does not accept.
  uint32_t FindState(bool without_end = false) {
    uint32_t kept = 0, hash = 0, present = 0, accepting = 0, flags = 0;
    bool absorbs = false;
    for (uint32_t i = 0; i < size_; ++i) {
      const NfaUnit unit = Unit(work_[i]);
      absorbs = absorbs || unit.argument != 0;
      for (uint32_t e = unit.next; e != 0; e = Unit(e).next) {
        if (Unit(e).kind == NfaUnit::Kind::kEmpty) AddNode(Unit(e).to);
      }
    }
    if (absorbs) Absorb();
    for (uint32_t i = 0; i < size_; ++i) {
      const uint32_t node = work_[i];
      const NfaUnit unit = Unit(node);
      if (unit.to != mark_) continue;
      if ((unit.op & kMatters) == 0) continue;
      work_[kept++] = node;
      hash += Mix(node);
      present |= 1u << unit.high;
      if (unit.low == 0) continue;
      accepting |= 1u << unit.high;
      if (unit.high == 0) flags |= (unit.low & kAccepts) != 0 ? kStateEnds : kStateEndsIfEnough;
    }
    const uint32_t all = static_cast<uint32_t>((uint64_t{1} << automata_) - 1);
    if ((present | without_) != all) return 0;
    if ((accepting ^ without_) != all) flags = 0;
    if ((flags & kStateEnds) != 0) flags = kStateEnds;
    if (states_ == 0) empty_matches_ = flags != 0;
    uint32_t* const head = &heads_[hash & (buckets_ - 1)];
    for (uint32_t at = *head; at != 0; at = pool_->At<DfaState>(at)->chain) {
      const DfaState& state = *pool_->At<DfaState>(at);
      if (state.hash == hash && state.count == kept && IsSet(state)) return at;
    }
    return AddState(head, kept, hash, without_end ? 0 : flags, !without_end);
  }
  // Removes nodes from the set that others include (GrammarBuilder::Absorb).
  void Absorb() {
    for (uint32_t i = 0; i < size_; ++i) {
      const uint32_t first = Unit(work_[i]).argument;
      if (first == 0 || Unit(work_[i]).to != mark_) continue;
      for (uint32_t k = 0; k < size_; ++k) {
        if (work_[k] >= first && work_[k] < work_[i]) Unit(work_[k]).to = 0;
      }
    }
  }
  // MurmurHash3's finaliser: sums of such numbers differ for different sets with high probability.
  static uint32_t Mix(uint32_t node) {
    node = (node ^ node >> 16) * 0x85ebca6bu;
    node = (node ^ node >> 13) * 0xc2b2ae35u;
    return node ^ node >> 16;
  }
  // Whether the nodes of a state, as many as in the set, are all in the set.
  bool IsSet(const DfaState& state) {
    const uint32_t* const nodes = reinterpret_cast<const uint32_t*>(&state + 1);
    for (uint32_t i = 0; i < state.count; ++i) {
      if (Unit(nodes[i]).to != mark_) return false;
    }
    return true;
  }
  uint32_t AddState(uint32_t* head, uint32_t count, uint32_t hash, uint32_t flags, bool is_shared) {
    DfaState* const state =
        reinterpret_cast<DfaState*>(pool_->Allocate<uint32_t>(sizeof(DfaState) / sizeof(uint32_t) + uint64_t{count}));
    if (state == nullptr) return 0;
    const uint32_t ref = pool_->RefOf(state);
    *state = {*head, 0, hash, count, 0, 0, flags, states_++};
    std::memcpy(state + 1, work_, count * sizeof(uint32_t));
    if (is_shared) *head = ref;
    if (last_ != 0) pool_->At<DfaState>(last_)->next = ref;
    last_ = ref;
    if (states_ > buckets_) MakeBuckets(4 * buckets_);
    return ref;
  }
  // Distributes the states to `count` buckets, a power of two.
  bool MakeBuckets(uint32_t count) {
    heads_ = pool_->Allocate<uint32_t>(count);
    if (heads_ == nullptr) return false;
    buckets_ = count;
    std::memset(heads_, 0, count * sizeof(uint32_t));
    for (uint32_t at = first_; at != 0; at = pool_->At<DfaState>(at)->next) {
      if (at == unshared_) continue;
      uint32_t* const head = &heads_[pool_->At<DfaState>(at)->hash & (count - 1)];
      pool_->At<DfaState>(at)->chain = *head;
      *head = at;
    }
    return true;
  }

  void Expand(uint32_t at) {
    const DfaState& state = *pool_->At<DfaState>(at);
    const uint32_t* const nodes = reinterpret_cast<const uint32_t*>(&state + 1);
    uint32_t count = 0;
    uint32_t begins[8] = {1};  // a bit for each byte at which an edge begins, or that follows the end of one
    for (uint32_t i = 0; i < state.count; ++i) {
      for (uint32_t e = Unit(nodes[i]).next; e != 0; e = Unit(e).next) {
        const NfaUnit& edge = Unit(e);
        if (edge.kind == NfaUnit::Kind::kCall) Call(at, nodes, e);
        if (edge.kind != NfaUnit::Kind::kBytes || (Unit(edge.to).op & kLive) == 0) continue;
        edges_[count++] = e;
        begins[edge.low / 32] |= 1u << edge.low % 32;
        if (edge.high < 0xff) begins[(edge.high + 1) / 32] |= 1u << (edge.high + 1) % 32;
      }
    }
    uint32_t last_edge = 0;
    for (uint32_t low = 0, end = 0; low < 256 && pool_->ok(); low = end) {
      for (end = low + 1; end < 256 && (begins[end / 32] >> end % 32 & 1u) == 0;) ++end;
      for (uint32_t i = 0; i < count; ++i) Byte(at, low, end - 1, i, count, &last_edge);
    }
  }

  bool Has(uint32_t edge, uint32_t byte) { return Unit(edge).low <= byte && byte <= Unit(edge).high; }
  bool IsOfFirst(uint32_t edge) { return Unit(Unit(edge).to).high == 0; }
  bool DoesTheSame(uint32_t a, uint32_t b) { return Unit(a).op == Unit(b).op && Unit(a).argument == Unit(b).argument; }

  // Adds the edge for bytes low to high with the operation of edges_[i], unless an earlier edge has the same.
  void Byte(uint32_t at, uint32_t low, uint32_t high, uint32_t i, uint32_t count, uint32_t* last_edge) {
    const uint32_t edge = edges_[i];
    if (!Has(edge, low) || !IsOfFirst(edge)) return;
    for (uint32_t k = 0; k < i; ++k) {
      if (Has(edges_[k], low) && IsOfFirst(edges_[k]) && DoesTheSame(edges_[k], edge)) return;
    }
    NewSet();
    for (uint32_t k = 0; k < count; ++k) {
      const uint32_t other = edges_[k];
      if (Has(other, low) && (!IsOfFirst(other) || DoesTheSame(other, edge))) AddNode(Unit(other).to);
    }
    const uint32_t to = FindState();
    if (to == 0) return;
    for (uint32_t e = pool_->At<DfaState>(at)->edges; e != 0; e = pool_->At<DfaEdge>(e)->next) {
      DfaEdge* const before = pool_->At<DfaEdge>(e);
      if (before->to == to && before->high() + 1 == low && before->what >> 16 == Unit(edge).op &&
          before->argument == Unit(edge).argument) {
        before->what = (before->what & ~0xff00u) | high << 8;
        return;
      }
    }
    DfaEdge* const made = pool_->Allocate<DfaEdge>(1);
    if (made == nullptr) return;
    *made = {low | high << 8 | uint32_t{Unit(edge).op} << 16, to, Unit(edge).argument, 0};
    *(*last_edge == 0 ? &pool_->At<DfaState>(at)->edges : &pool_->At<DfaEdge>(*last_edge)->next) = pool_->RefOf(made);
    *last_edge = pool_->RefOf(made);
    ++edge_count_;
  }

  // Adds the call for all calls of the set that are equivalent to `edge`, unless an earlier one has the same.
  void Call(uint32_t at, const uint32_t* nodes, uint32_t edge) {
    if (automata_ > 1) {
      return pool_->Fail(
          Status(StatusCode::kUnsupported, "grammar", "has a call in an intersection: byte", pool_->place()));
    }
    const uint32_t count = pool_->At<DfaState>(at)->count;
    bool is_first = true;
    NewSet();
    for (uint32_t k = 0; k < count; ++k) {
      for (uint32_t e = Unit(nodes[k]).next; e != 0; e = Unit(e).next) {
        if (Unit(e).kind != NfaUnit::Kind::kCall || !DoesTheSame(e, edge)) continue;
        if (is_first && e != edge) return;
        is_first = false;
        AddNode(Unit(e).to);
      }
    }
    const uint32_t to = FindState();
    DfaEdge* const made = to != 0 ? pool_->Allocate<DfaEdge>(1) : nullptr;
    if (made == nullptr) return;
    *made = {uint32_t{Unit(edge).op} << 16, to, Unit(edge).argument, pool_->At<DfaState>(at)->calls};
    pool_->At<DfaState>(at)->calls = pool_->RefOf(made);
    ++edge_count_;
  }

  GrammarPool* pool_;
  uint32_t automata_ = 0;
  uint32_t without_ = 0;  // a bit for each automaton whose texts are excluded
  uint32_t nodes_ = 0, byte_edges_ = 0;
  uint32_t* work_ = nullptr;   // the current set: size_ nodes
  uint32_t* edges_ = nullptr;  // the edges of the current state
  uint32_t* heads_ = nullptr;
  uint32_t buckets_ = 0;
  uint32_t mark_ = 0, size_ = 0;
  uint32_t first_ = 0, last_ = 0, states_ = 0, edge_count_ = 0;
  uint32_t unshared_ = 0;  // the start state, if no set leads to it
  bool all_live_ = false, empty_matches_ = false;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_DETERMINIZER_H_
