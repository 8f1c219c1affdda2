// Compiles rules, given as nondeterministic automata, to a grammar.
#ifndef LFM2_TEXT_GRAMMAR_BUILDER_H_
#define LFM2_TEXT_GRAMMAR_BUILDER_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/grammar_determinizer.h"
#include "lfm2/text/grammar_finisher.h"
#include "lfm2/text/grammar_pool.h"
#include "lfm2/text/grammar_reducer.h"
#include "lfm2/text/grammar_writer.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Builds a compiled grammar (format/grammar_layout.h) in memory of the caller, which it does not own. No allocation, no
// recursion. The first error persists: after it every call does nothing and returns 0, and Finish returns it. It is
// kArenaTooSmall, kInvalidArgument or kUnsupported, with a byte of the source as value().
class GrammarBuilder {
 public:
  using Rule = uint32_t;  // word index of its record
  using Node = uint32_t;  // of the automaton of the current rule

  // memory: aligned to 8 bytes; must outlive the builder and the grammar.
  explicit GrammarBuilder(Span<std::byte> memory) : pool_(memory) {}
  GrammarBuilder(const GrammarBuilder&) = delete;
  GrammarBuilder& operator=(const GrammarBuilder&) = delete;

  const Status& status() const { return pool_.status(); }
  bool ok() const { return pool_.ok(); }
  // For compilers. Only the first error is kept.
  void Fail(const Status& status) { pool_.Fail(status); }

  // `count` uninitialised values of T from the end of the memory, for tables of a compiler, valid until Finish or
  // Release. nullptr if there is no room.
  template <class T>
  T* Allocate(uint64_t count) {
    return pool_.Allocate<T>(count);
  }
  uint64_t scratch_mark() const { return pool_.scratch_mark(); }
  // Releases everything that was allocated since scratch_mark() was `mark`.
  void Release(uint64_t mark) { pool_.Release(mark); }

  // A rule that is defined later. place: its byte of the source, for messages.
  Rule Declare(uint32_t place) {
    if (!ok()) return 0;
    pool_.set_place(place);
    const Rule rule = pool_.AddRecord(GrammarRecord::kRule, kRuleWords);
    if (rule != 0) pool_.words()[rule + 5] = place;
    return rule;
  }

  // Starts the definition of a rule. min, max: the limits of its tally. If another rule is being defined, it is
  // suspended: its nodes stay, and must not be used until End of this rule.
  void Begin(Rule rule, uint32_t min = 0, uint32_t max = kUnlimited) {
    if (!ok() || !Check(IsRule(rule) && rule != rule_ && pool_.words()[rule + 1] == 0)) return;
    const Node outer = AddData(1);
    if (outer == 0) return;
    NfaUnit& unit = pool_.units()[outer];
    unit.next = rule_;
    unit.to = outer_;
    unit.high = automaton_;
    unit.argument = without_;
    outer_ = outer;
    rule_ = rule;
    automaton_ = 0;
    without_ = 0;
    pool_.set_place(pool_.words()[rule + 5]);
    pool_.words()[rule + 2] = min;
    pool_.words()[rule + 3] = max;
  }

  Node AddNode() {
    if (!ok() || !Check(rule_ != 0)) return 0;
    const Node node = pool_.AddUnits(1);
    if (node != 0) pool_.units()[node] = {0, 0, 0, automaton_, 0, NfaUnit::Kind::kNode, 0};
    return node;
  }
  // From one node to another without a byte.
  void Empty(Node from, Node to) { AddEdge(from, to, NfaUnit::Kind::kEmpty, 0, 0, GrammarOp::kNone, 0); }
  // From one node to another by one byte of low to high.
  void Bytes(Node from, uint8_t low, uint8_t high, Node to, GrammarOp op = GrammarOp::kNone, uint32_t argument = 0) {
    if (low <= high) AddEdge(from, to, NfaUnit::Kind::kBytes, low, high, op, argument);
  }
  // By the bytes of a text, which may be empty. The operation is on the last byte.
  void Text(Node from, std::string_view bytes, Node to, GrammarOp op = GrammarOp::kNone, uint32_t argument = 0) {
    if (bytes.empty()) return Empty(from, to);
    for (size_t i = 0; i < bytes.size() && ok(); ++i) {
      const bool is_last = i + 1 == bytes.size();
      const Node next = is_last ? to : AddNode();
      const uint8_t byte = static_cast<uint8_t>(bytes[i]);
      Bytes(from, byte, byte, next, is_last ? op : GrammarOp::kNone, is_last ? argument : 0);
      from = next;
    }
  }
  // The operation of the first byte of several whose last byte has `op`: a character is not begun if it may not end.
  static constexpr GrammarOp BeforeLast(GrammarOp op) {
    return op == GrammarOp::kCount ? GrammarOp::kMore : GrammarOp::kNone;
  }
  // By the UTF-8 of one character of low to high, without surrogates. The operation is on the last byte; if there are
  // several, the first one has that of BeforeLast.
  void Characters(Node from, uint32_t low, uint32_t high, Node to, GrammarOp op = GrammarOp::kNone) {
    // The last character of each length beyond one byte, with surrogates cut out.
    constexpr uint32_t kEnds[] = {0x7ff, 0xd7ff, 0xdfff, 0xffff, 0x10ffff};
    if (low < 0x80) Bytes(from, static_cast<uint8_t>(low), static_cast<uint8_t>(Min<uint32_t>(high, 0x7f)), to, op);
    uint32_t begin = 0x80;
    for (const uint32_t end : kEnds) {
      if (end != 0xdfff && low <= end && high >= begin) {
        OfOneLength(from, Max(low, begin), Min(high, end), to, op);
      }
      begin = end + 1;
    }
  }
  // By a text of another rule. op: kCount or none, before the text.
  void Call(Node from, Rule rule, Node to, GrammarOp op = GrammarOp::kNone) {
    if (ok() && Check(IsRule(rule) && automaton_ == 0)) AddEdge(from, to, NfaUnit::Kind::kCall, 0, 0, op, rule);
  }
  // The text may end at this node; if_enough: if the tally is at least min.
  void Accept(Node node, bool if_enough = false) {
    if (!ok() || !Check(IsNode(node))) return;
    pool_.units()[node].low |= if_enough ? GrammarDeterminizer::kAcceptsIfEnough : GrammarDeterminizer::kAccepts;
  }
  // Starts another automaton, which the texts of this rule must also satisfy or, with `without`, must not satisfy:
  // later nodes belong to it. Only the first automaton may have operations, and a rule with several has no calls.
  void And(bool without = false) {
    if (!ok() || !Check(rule_ != 0 && automaton_ + 1u < GrammarDeterminizer::kMaxAutomata)) return;
    ++automaton_;
    without_ |= (without ? 1u : 0u) << automaton_;
  }

  // Adds the object record of the current rule: its words from word 1 on (format/grammar_layout.h).
  uint32_t AddObject(Span<const uint32_t> content) {
    if (!ok() || !Check(rule_ != 0 && content.size() + 1 >= kObjectWords && content.size() < kMaxGrammarWords))
      return 0;
    const uint32_t record = pool_.AddRecord(GrammarRecord::kObject, static_cast<uint32_t>(content.size()) + 1);
    if (record == 0) return 0;
    std::memcpy(pool_.words() + record + 1, content.data(), content.size() * sizeof(uint32_t));
    return pool_.words()[rule_ + 4] = record;
  }

  // The number of the next node.
  Node next_node() const { return Max<uint32_t>(pool_.unit_count(), 1); }
  // Copies the nodes [first, end) and the edges between their creation: node n becomes n - first + the result. Edges to
  // nodes outside lead to the same nodes. No edge of these nodes may have been added after `end`.
  Node Copy(Node first, Node end) {
    if (!ok() || !Check(first > 0 && first <= end && end <= next_node())) return 0;
    const Node copy = pool_.AddUnits(end - first);
    if (copy == 0) return 0;
    const auto moved = [&](uint32_t to) { return to >= first && to < end ? to - first + copy : to; };
    NfaUnit* const units = pool_.units();
    for (Node i = first; i < end; ++i) {
      NfaUnit unit = units[i];
      unit.next = moved(unit.next);
      unit.to = moved(unit.to);
      if (unit.kind == NfaUnit::Kind::kNode) unit.argument = moved(unit.argument);
      units[copy + (i - first)] = unit;
    }
    return copy;
  }

  // Compiles the rule, which starts at `starts`, one node for each automaton, and drops its nodes. drop_empty: the
  // empty text is not one of the rule. Returns whether the empty text was one, dropped or not, without calls.
  bool End(const Node* starts, uint32_t count, bool drop_empty = false) {
    if (!ok() || !Check(rule_ != 0 && count == automaton_ + 1u)) return false;
    for (uint32_t i = 0; i < count; ++i) {
      if (!Check(IsNode(starts[i]) && pool_.units()[starts[i]].high == i)) return false;
    }
    const uint64_t mark = pool_.scratch_mark();
    GrammarDeterminizer dfa(&pool_);
    if (!dfa.Run(starts, count, without_, drop_empty)) return false;
    const Rule rule = rule_;
    Leave();
    if (dfa.first() != 0) GrammarReducer(&pool_).Run(dfa.first(), dfa.states(), dfa.edges(), dfa.all_live());
    if (!ok()) return false;
    pool_.words()[rule + GrammarFinisher::kFirstRecord] = pool_.word_count();
    GrammarWriter(&pool_).Run(rule, dfa.first());
    pool_.words()[rule + GrammarFinisher::kEndOfRecords] = pool_.word_count();
    pool_.Release(mark);
    if (rule_ != 0) pool_.set_place(pool_.words()[rule_ + 5]);
    return dfa.empty_matches();
  }
  bool End(Node start, bool drop_empty = false) { return End(&start, 1, drop_empty); }

  // Instead of End: drops the nodes; the rule stays undefined.
  void Drop() {
    if (ok() && Check(rule_ != 0)) Leave();
  }
  // Whether a defined rule has texts, provided that the rules that it calls have.
  bool HasText(Rule rule) {
    if (!ok() || !Check(IsRule(rule) && pool_.words()[rule + 1] != 0)) return false;
    const uint32_t* const first = pool_.words() + pool_.words()[rule + 1];
    return first[0] != (static_cast<uint32_t>(GrammarRecord::kState) | kStateWords << 8) || first[1] != 0;
  }

  // Checks and completes the grammar: every rule is defined; rules without texts are removed together with their calls,
  // and so are those that `start` does not reach; no rule may begin with itself. *blob is the grammar, at the front of
  // the memory. The builder cannot be used afterwards.
  Status Finish(Rule start, Span<const std::byte>* blob) {
    if (ok() && Check(rule_ == 0 && IsRule(start))) GrammarFinisher(&pool_).Run(start, blob);
    return status();
  }

  // For compilers that keep their own data among the nodes, to be dropped with them: `count` units of 16 bytes.
  Node AddData(uint32_t count) {
    const Node first = pool_.AddUnits(count);
    for (uint32_t i = 0; first != 0 && i < count; ++i)
      pool_.units()[first + i] = {0, 0, 0, 0, 0, NfaUnit::Kind::kData, 0};
    return first;
  }
  // Drops the nodes from `first` on, to which no other node has an edge.
  void DropNodes(Node first) {
    pool_.DropUnits(Min(first, pool_.unit_count()));
    shared_.from = 0;
  }
  // Declares that the texts from `node` include all texts from nodes [first, node) of the same automaton: where the
  // automaton is at `node`, these need not be followed.
  void Absorb(Node node, Node first) {
    if (ok() && Check(IsNode(node) && first > 0 && first < node)) pool_.units()[node].argument = first;
  }
  GrammarPool* pool() { return &pool_; }

  // An edge of any kind.
  void AddEdge(Node from, Node to, NfaUnit::Kind kind, uint8_t low, uint8_t high, GrammarOp op, uint32_t argument) {
    if (!ok() || !Check(IsNode(from) && IsNode(to))) return;
    const uint32_t edge = pool_.AddUnits(1);
    if (edge == 0) return;
    NfaUnit* const units = pool_.units();
    units[edge] = {units[from].next, to, low, high, static_cast<uint8_t>(op), kind, argument};
    units[from].next = edge;
  }

 private:
  // Checks the use by a compiler.
  bool Check(bool is_right) {
    if (!is_right) {
      pool_.Fail(
          Status(StatusCode::kFailedPrecondition, "grammar builder", "is used incorrectly: byte", pool_.place()));
    }
    return is_right;
  }
  bool IsRule(Rule rule) {
    return rule != 0 && rule < pool_.word_count() && pool_.words()[rule] == (1 | kRuleWords << 8);
  }
  bool IsNode(Node node) {
    return node != 0 && node < pool_.unit_count() && pool_.units()[node].kind == NfaUnit::Kind::kNode;
  }

  // Resumes the suspended rule, if there is one.
  void Leave() {
    const NfaUnit unit = pool_.units()[outer_];
    pool_.DropUnits(outer_);
    rule_ = unit.next;
    outer_ = unit.to;
    automaton_ = unit.high;
    without_ = unit.argument;
    shared_.from = 0;
  }

  // Characters whose UTF-8 has the same length: first all that share all bytes but the last with `low`, then ever
  // larger blocks, and back down to `high`.
  void OfOneLength(Node from, uint32_t low, uint32_t high, Node to, GrammarOp op) {
    while (low <= high && ok()) {
      uint32_t bits = 0;  // the last `bits` bits are free
      while (bits < 18 && (low & ((uint32_t{64} << bits) - 1)) == 0 && high - low >= (uint32_t{64} << bits) - 1)
        bits += 6;
      const uint32_t of_one = uint32_t{1} << bits;
      // As many adjacent blocks as share the preceding bytes.
      uint32_t last = low + of_one - 1;
      while (last < high && high - last >= of_one && ((last + 1) >> bits & 63) != 0) last += of_one;
      Sequence(from, low, last, to, op);
      low = last + 1;
    }
  }
  // By bytes each of which is between those of low and of high. Nodes of the first bytes of the previous sequence are
  // shared, so that large classes become trees.
  void Sequence(Node from, uint32_t low, uint32_t high, Node to, GrammarOp op) {
    char first[4], last[4];
    const uint32_t size = static_cast<uint32_t>(WriteUtf8(low, first));
    WriteUtf8(high, last);
    bool is_shared = shared_.from == from && shared_.to == to && shared_.op == op && shared_.size == size;
    shared_.from = from;
    shared_.to = to;
    shared_.op = op;
    shared_.size = size;
    for (uint32_t i = 0; i < size; ++i) {
      is_shared = is_shared && i + 1 < size && first[i] == last[i] && shared_.bytes[i] == first[i];
      if (!is_shared) {
        const bool is_last = i + 1 == size;
        const Node next = is_last ? to : AddNode();
        Bytes(from, static_cast<uint8_t>(first[i]), static_cast<uint8_t>(last[i]), next,
              is_last  ? op
              : i == 0 ? BeforeLast(op)
                       : GrammarOp::kNone);
        shared_.nodes[i] = next;
        // A range of bytes matches no first byte, so that it is not shared.
        shared_.bytes[i] = first[i] == last[i] ? first[i] : '\0';
      }
      from = shared_.nodes[i];
    }
  }

  GrammarPool pool_;
  Rule rule_ = 0;   // the one being defined
  Node outer_ = 0;  // data of the suspended rule
  uint8_t automaton_ = 0;
  uint32_t without_ = 0;  // a bit for each automaton whose texts are excluded
  struct {
    Node from = 0, to = 0, nodes[4] = {};
    uint32_t size = 0;
    GrammarOp op = GrammarOp::kNone;
    char bytes[4] = {};
  } shared_;  // the newest sequence
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_BUILDER_H_
