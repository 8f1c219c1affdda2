// Rules for arrays.
#ifndef LFM2_TEXT_JSON_SCHEMA_ARRAYS_H_
#define LFM2_TEXT_JSON_SCHEMA_ARRAYS_H_

#include "lfm2/text/json_schema_limits.h"
#include "lfm2/text/json_schema_writer.h"

namespace lfm2 {

namespace schema_internal {

// The elements that the demands of a set allow. Valid as long as the scratch that is current when it is made.
class ArrayPlan {
 public:
  static constexpr uint32_t kMostPositions = 256;

  ArrayPlan(DemandSets* sets, const Demands& set) : sets_(*sets), tape_(sets->tape()), set_(set) {
    limits_ = CountLimitsOf(sets, set, Word::kMinItems, Word::kMaxItems);
    ForEachWordOf(*sets, set, [&](Node key, Node value, Word word, bool) {
      if (word == Word::kPrefixItems || (word == Word::kItems && tape_.kind(value) == JsonKind::kArray)) {
        count_ = Max(count_, sets->CountOf(value));
      }
      if (word == Word::kUniqueItems && tape_.kind(value) == JsonKind::kTrue && limits_.max > 1) {
        sets->Refuse("has a uniqueItems, which is not supported: byte", key);
      }
      if (word == Word::kContains) sets->Refuse("has a contains, which is not supported: byte", key);
      if (word == Word::kUnevaluatedItems) sets->Refuse("has an unevaluatedItems, which is not supported: byte", key);
    });
    for (uint32_t i = 0; i < set.count; ++i) {
      if (MeaningOf(set.items()[i]) != kConst) continue;
      const uint32_t count = sets->CountOf(NodeOf(set.items()[i]));
      count_ = Max(count_, count);
      limits_.min = Max(limits_.min, count);
      limits_.max = Min(limits_.max, count);
    }
    count_ = Min(count_, limits_.max);
    if (count_ > kMostPositions) sets->Refuse("has too many elements in a list: byte", NodeOf(set.items()[0]));
    if (!sets->ok()) return;
    positions_ = sets->builder().Allocate<Demands*>(count_);
    for (uint32_t i = 0; i < count_ && sets->ok(); ++i) positions_[i] = Value(i);
    if (limits_.max > count_ && sets->ok()) rest_ = Value(count_);
  }

  const CountLimits& limits() const { return limits_; }
  // The first elements, each of which has its own demands, and those after them; nullptr if there are none.
  uint32_t count() const { return count_; }
  Demands* position(uint32_t i) const { return positions_[i]; }
  Demands* rest() const { return rest_; }

  bool has_text() const {
    if (!limits_.possible()) return false;
    for (uint32_t i = 0; i < Min(count_, limits_.min); ++i) {
      if (!positions_[i]->has_text) return false;
    }
    return limits_.min <= count_ || (rest_ != nullptr && rest_->has_text);
  }

 private:
  // What element i must satisfy.
  Demands* Value(uint32_t i) {
    sets_.Clear();
    for (uint32_t k = 0; k < set_.count; ++k) {
      const Node n = NodeOf(set_.items()[k]);
      if (MeaningOf(set_.items()[k]) == kConst) {
        Node element = tape_.first(n);
        for (uint32_t at = 0; at < i && element != JsonTape::kNone; ++at) element = tape_.next(element);
        if (element != JsonTape::kNone) sets_.Add(element, kConst);
      }
      if (MeaningOf(set_.items()[k]) != kWords) continue;
      Node first = JsonTape::kNone, rest = JsonTape::kNone, more = JsonTape::kNone;
      bool has_list = false;
      sets_.ForEachWord(n, [&](Node, Node value, Word word) {
        const bool list = tape_.kind(value) == JsonKind::kArray;
        if (word == Word::kPrefixItems || (word == Word::kItems && list)) {
          first = tape_.first(value);
          has_list = true;
        }
        if (word == Word::kItems && !list) rest = value;
        if (word == Word::kAdditionalItems) more = value;
      });
      for (uint32_t at = 0; at < i && first != JsonTape::kNone; ++at) first = tape_.next(first);
      if (first != JsonTape::kNone) {
        sets_.Add(first, kSchema);
      } else if (rest != JsonTape::kNone) {
        sets_.Add(rest, kSchema);
      } else if (has_list && more != JsonTape::kNone) {
        sets_.Add(more, kSchema);
      }
    }
    return sets_.Make();
  }

  DemandSets& sets_;
  const JsonTape& tape_;
  const Demands& set_;
  CountLimits limits_;
  Demands** positions_ = nullptr;
  uint32_t count_ = 0;
  Demands* rest_ = nullptr;
};

inline void WriteArray(SchemaWriter* w, const ArrayPlan& plan, GrammarBuilder::Rule rule) {
  GrammarBuilder& b = w->builder();
  using GNode = GrammarBuilder::Node;
  const uint32_t count = plan.count();
  const CountLimits limits = plan.limits();
  // Only the elements after those are counted.
  const uint32_t min = limits.min > count ? limits.min - count : 0;
  const uint32_t max = limits.max == kUnlimited ? kUnlimited : limits.max - count;
  const bool counts = min > 1 || max != kUnlimited;
  b.Begin(rule, counts ? min : 0, counts ? max : kUnlimited);
  const GNode start = b.AddNode(), end = b.AddNode();
  GNode at = b.AddNode();
  b.Bytes(start, '[', '[', at);
  w->Space(at);
  b.Accept(end);
  const auto close = [&](GrammarOp op) {
    w->Space(at);
    b.Bytes(at, ']', ']', end, op);
  };
  uint32_t i = 0;
  for (;; ++i) {
    if (i >= limits.min) close(GrammarOp::kNone);
    if (i == count) break;
    const GNode element = i == 0 ? at : (w->Space(at), w->Mark(at, ','));
    at = b.AddNode();
    if (!plan.position(i)->has_text) break;
    b.Call(element, w->RuleOf(plan.position(i)), at);
  }
  if (i == count && max > 0 && plan.rest() != nullptr && plan.rest()->has_text) {
    const GrammarBuilder::Rule value = w->RuleOf(plan.rest());
    const GrammarOp op = counts ? GrammarOp::kCount : GrammarOp::kNone;
    if (i > 0) w->Space(at);
    const GNode first = i == 0 ? at : w->Mark(at, ',');
    at = b.AddNode();
    b.Call(first, value, at, op);
    close(min > 1 ? GrammarOp::kEnough : GrammarOp::kNone);
    if (max > 1) b.Call(w->Mark(at, ',', max == kUnlimited ? GrammarOp::kNone : GrammarOp::kMore), value, at, op);
  }
  b.End(start);
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_ARRAYS_H_
