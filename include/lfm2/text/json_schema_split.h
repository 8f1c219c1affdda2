// Splits demands with alternatives into a set for each alternative.
#ifndef LFM2_TEXT_JSON_SCHEMA_SPLIT_H_
#define LFM2_TEXT_JSON_SCHEMA_SPLIT_H_

#include "lfm2/text/json_schema_names.h"
#include "lfm2/text/json_schema_sets.h"

namespace lfm2 {

namespace schema_internal {

// The alternatives of the first demand of a set that has any, or the types of its values if there are several.
class Split {
 public:
  static constexpr uint32_t kDepth = 3;  // depth of objects searched for differences between alternatives
  static constexpr uint32_t kMostExclusive = 100;

  // memory: for IsImpossible, and one more set.
  static constexpr uint64_t kMemory = (kDepth + 1) * DemandSets::kDemandsBytes;
  Split(DemandSets* sets, const Demands& set, std::byte* memory)
      : sets_(*sets), tape_(sets->tape()), set_(set), memory_(memory) {
    for (uint32_t i = 0; i < set.count && demand_ == kNoDemand; ++i) {
      if (Splits(set.items()[i])) demand_ = set.items()[i];
    }
    if (demand_ == kNoDemand) {
      SplitTypes();
      return;
    }
    const Node n = NodeOf(demand_);
    switch (MeaningOf(demand_)) {
      case kIf:
      case kDependency: count_ = 2; break;
      case kNotSchema:
        sets_.ForEachWord(n,
                          [&](Node, Node, Word word) { count_ += word == Word::kThen || word == Word::kElse ? 0 : 1; });
        break;
      case kNotWord: count_ = sets_.CountOf(n + 1); break;
      default: count_ = sets_.CountOf(n); break;
    }
    if (MeaningOf(demand_) == kOneOf) TellApart(n);
  }

  // 0: the set is not split.
  uint32_t count() const { return count_; }
  // Set i; nullptr after an error.
  Demands* Make(uint32_t i) {
    uint32_t near[kMostExclusive / 32 + 1] = {};
    if (exclusive_) {
      for (uint32_t other = 0; other < count_; ++other) {
        if (other != i && !AreApart(NodeOf(demand_), i, other)) near[other / 32] |= 1u << other % 32;
      }
    }
    sets_.Clear();
    if (demand_ == kNoDemand) {
      sets_.AddSet(set_);
      sets_.Add(types_[i], kOfTypes);
      return sets_.Make();
    }
    sets_.AddSet(set_, demand_);
    AddAlternative(i);
    // Excludes the other alternatives.
    for (uint32_t other = 0; other < count_ && exclusive_; ++other) {
      if ((near[other / 32] >> other % 32 & 1u) != 0) sets_.Add(Element(NodeOf(demand_), other), kNotSchema);
    }
    return sets_.Make();
  }

 private:
  bool Splits(Demand demand) const {
    const Node n = NodeOf(demand);
    switch (MeaningOf(demand)) {
      case kNotSchema:
      case kAnyOf:
      case kOneOf:
      case kDependency: return true;
      case kIf: return sets_.KeyOf(n, Word::kThen) != JsonTape::kNone || sets_.KeyOf(n, Word::kElse) != JsonTape::kNone;
      case kNotWord: {
        const Word word = sets_.keyword(n);
        return word == Word::kAllOf || word == Word::kRequired || word == Word::kProperties;
      }
      case kEnum: return (sets_.TypesOfValues(n) & set_.types & (kArray | kObject)) != 0;
      default: return false;
    }
  }

  // Listed scalars stay together, unless there are demands on strings that the others do not satisfy.
  void SplitTypes() {
    bool listed = false, patterns = false;
    for (uint32_t i = 0; i < set_.count; ++i) {
      listed = listed || MeaningOf(set_.items()[i]) == kEnum || MeaningOf(set_.items()[i]) == kConst;
    }
    ForEachWordOf(sets_, set_, [&](Node, Node, Word word, bool) {
      patterns = patterns || word == Word::kPattern || word == Word::kFormat;
    });
    if (listed && !patterns && (set_.types & (kArray | kObject)) == 0) return;
    constexpr Types kKinds[] = {kNull, kBoolean, kNumber, kString, kArray, kObject};
    for (const Types kind : kKinds) {
      if ((set_.types & kind) != 0) types_[count_++] = set_.types & kind;
    }
    if (count_ == 1) count_ = 0;
  }

  void AddAlternative(uint32_t i) {
    const Node n = NodeOf(demand_);
    switch (MeaningOf(demand_)) {
      case kIf: {
        const Node key = sets_.KeyOf(n, i == 0 ? Word::kThen : Word::kElse);
        sets_.Add(sets_.KeyOf(n, Word::kIf) + 1, i == 0 ? kSchema : kNotSchema);
        if (key != JsonTape::kNone) sets_.Add(key + 1, kSchema);
        return;
      }
      case kDependency:
        if (i == 0) return sets_.Add(n, kMayLack);
        sets_.Add(n, kHas);
        if (tape_.IsText(n + 1)) return sets_.Add(n + 1, kHas);
        if (tape_.kind(n + 1) != JsonKind::kArray) return sets_.Add(n + 1, kSchema);
        for (Node name = tape_.first(n + 1); name != JsonTape::kNone; name = tape_.next(name)) sets_.Add(name, kHas);
        return;
      case kNotSchema: {
        Node wanted = JsonTape::kNone;
        sets_.ForEachWord(n, [&](Node key, Node, Word word) {
          if (word != Word::kThen && word != Word::kElse && i-- == 0) wanted = key;
        });
        return sets_.Add(wanted, kNotWord);
      }
      case kNotWord: {
        const Word word = sets_.keyword(n);
        return sets_.Add(Element(n + 1, i), word == Word::kAllOf      ? kNotSchema
                                            : word == Word::kRequired ? kLacks
                                                                      : kNotProperty);
      }
      case kEnum: return sets_.Add(Element(n, i), kConst);
      default: break;
    }
    sets_.Add(Element(n, i), kSchema);
  }
  Node Element(Node list, uint32_t i) const {
    Node n = tape_.first(list);
    while (i-- > 0) n = tape_.next(n);
    return n;
  }

  // Schemas no two of which allow the same value are equivalent to anyOf: this is noted in the tag of the key.
  void TellApart(Node list) {
    if (sets_.keyword(list - 1) == Word::kOneOfApart) return;
    for (uint32_t i = 0; i < count_ && !exclusive_; ++i) {
      for (uint32_t other = i + 1; other < count_ && !exclusive_; ++other) exclusive_ = !AreApart(list, i, other);
    }
    if (!exclusive_) sets_.SetApart(list - 1);
    if (exclusive_ && count_ > kMostExclusive) sets_.Refuse("has a oneOf with too many alternatives: byte", list);
  }
  bool AreApart(Node list, uint32_t i, uint32_t other) {
    if (!sets_.ok()) return false;
    sets_.Clear();
    sets_.Add(Element(list, i), kSchema);
    sets_.Add(Element(list, other), kSchema);
    const Demands* const both = sets_.MakeIn(reinterpret_cast<Demands*>(memory_));
    return IsImpossible<kDepth>(&sets_, *both, memory_ + DemandSets::kDemandsBytes);
  }

  DemandSets& sets_;
  const JsonTape& tape_;
  const Demands& set_;
  std::byte* memory_;
  Demand demand_ = kNoDemand;
  uint32_t count_ = 0;
  Types types_[6] = {};
  bool exclusive_ = false;
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_SPLIT_H_
