// The properties that the demands of a set allow.
#ifndef LFM2_TEXT_JSON_SCHEMA_OBJECT_PLAN_H_
#define LFM2_TEXT_JSON_SCHEMA_OBJECT_PLAN_H_

#include "lfm2/text/json_schema_names.h"
#include "lfm2/text/json_schema_patterns.h"
#include "lfm2/text/json_schema_sets.h"

namespace lfm2 {

namespace schema_internal {

// A place where a property is named.
struct Mention {
  Node name;        // a key or a string
  uint16_t demand;  // index in the set
  bool required;
  bool in_schema;  // a key of "properties", followed by its schema
  uint32_t order;  // position in the schema
};

struct Property {
  Node name;
  uint32_t first, end;  // its mentions: [first, end)
  uint32_t order;
  bool required;
  Demands* value;  // what its value must satisfy; nullptr: not allowed
};

// Properties of other names, grouped by the patterns that they match.
struct OtherNames {
  uint32_t matched;  // a bit for each pattern
  Demands* value;
};

// Valid as long as the scratch that is current when it is made.
class ObjectPlan {
 public:
  static constexpr uint32_t kMostPatterns = 4;
  static constexpr uint16_t kNoDemandIndex = 0xffff;

  ObjectPlan(DemandSets* sets, const Demands& set) : sets_(*sets), tape_(sets->tape()), set_(set) {
    limits_ = CountLimitsOf(sets, set, Word::kMinProperties, Word::kMaxProperties);
    FindPatterns();
    FindNames();
    if (!sets_.ok()) return;
    for (uint32_t i = 0; i < count_; ++i) {
      Property& property = properties_[i];
      if (FindValue(&property)) property.value = sets_.Make();
      if (!sets_.ok()) return;
    }
    FindOthers();
  }

  // In the byte order of their names, each name once.
  Span<const Property> properties() const { return {properties_, count_}; }
  // Groups that are not in the list are not allowed.
  Span<const OtherNames> others() const { return {others_, other_count_}; }
  // The patterns by which names are grouped: keys.
  Span<const Node> patterns() const { return {patterns_, pattern_count_}; }
  // What all names must satisfy; nullptr if there is no such demand.
  const Demands* names() const { return names_; }
  const CountLimits& limits() const { return limits_; }

  // Whether such an object exists, as far as the values are known.
  bool has_text() const {
    uint32_t required = 0, possible = 0;
    for (uint32_t i = 0; i < count_; ++i) {
      const bool can = properties_[i].value != nullptr && properties_[i].value->has_text;
      if (properties_[i].required && !can) return false;
      required += properties_[i].required ? 1 : 0;
      possible += can ? 1 : 0;
    }
    return limits_.possible() && required <= limits_.max && (takes_others() || possible >= limits_.min);
  }
  bool takes_others() const {
    for (uint32_t i = 0; i < other_count_; ++i) {
      if (others_[i].value->has_text) return true;
    }
    return false;
  }

 private:
  // Calls use(mention) for each name that a demand mentions.
  template <class Use>
  void ForEachMention(const Use& use) {
    for (uint32_t i = 0; i < set_.count; ++i) {
      const Node n = NodeOf(set_.items()[i]);
      const auto at = static_cast<uint16_t>(i);
      switch (MeaningOf(set_.items()[i])) {
        case kHas:
        case kNotProperty: use({n, at, true, false, 0}); break;
        case kLacks:
        case kMayLack: use({n, at, false, false, 0}); break;
        case kConst:
          for (Node key = tape_.first(n); key != JsonTape::kNone; key = tape_.next(key)) use({key, at, true, false, 0});
          break;
        case kWords:
          sets_.ForEachWord(n, [&](Node, Node value, Word word) {
            const bool list = word == Word::kRequired && tape_.kind(value) == JsonKind::kArray;
            if (word != Word::kProperties && !list) return;
            for (Node name = tape_.first(value); name != JsonTape::kNone; name = tape_.next(name)) {
              use({name, at, list, !list, 0});
            }
          });
          break;
        default: break;
      }
    }
    if (names_ == nullptr) return;
    for (uint32_t i = 0; i < names_->count; ++i) {
      const Node n = NodeOf(names_->items()[i]);
      if (MeaningOf(names_->items()[i]) == kConst) use({n, kNoDemandIndex, false, false, 0});
      if (MeaningOf(names_->items()[i]) != kEnum) continue;
      for (Node value = tape_.first(n); value != JsonTape::kNone; value = tape_.next(value)) {
        if (tape_.IsText(value)) use({value, kNoDemandIndex, false, false, 0});
      }
    }
  }
  void FindNames() {
    uint32_t mentioned = 0;
    ForEachMention([&](const Mention&) { ++mentioned; });
    mentions_ = sets_.builder().Allocate<Mention>(mentioned);
    if (mentions_ == nullptr) return;
    uint32_t end = 0;
    ForEachMention([&](const Mention& mention) {
      mentions_[end] = mention;
      mentions_[end].order = end;
      ++end;
    });
    Sort(end);
    for (uint32_t i = 0; i < end; ++i) count_ += i == 0 || !Same(i - 1, i) ? 1 : 0;
    properties_ = sets_.builder().Allocate<Property>(count_);
    if (properties_ == nullptr) {
      count_ = 0;
      return;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < end; ++i) {
      const Mention& mention = mentions_[i];
      // Properties in "properties" precede those that are only required.
      const uint32_t order = mention.order + (mention.in_schema ? 0 : end);
      if (i == 0 || !Same(i - 1, i)) properties_[at++] = {mention.name, i, i, order, false, nullptr};
      properties_[at - 1].order = Min(properties_[at - 1].order, order);
      properties_[at - 1].end = i + 1;
      properties_[at - 1].required = properties_[at - 1].required || mention.required;
    }
  }
  bool Same(uint32_t a, uint32_t b) const { return SameScalar(tape_, mentions_[a].name, mentions_[b].name); }
  // Heap sort by the spelled names, then by position.
  void Sort(uint32_t count) {
    const auto before = [&](uint32_t a, uint32_t b) {
      const int order = CompareSpelled(tape_, mentions_[a].name, mentions_[b].name);
      return order < 0 || (order == 0 && mentions_[a].order < mentions_[b].order);
    };
    const auto swap = [&](uint32_t a, uint32_t b) {
      const Mention mention = mentions_[a];
      mentions_[a] = mentions_[b];
      mentions_[b] = mention;
    };
    const auto sift = [&](uint32_t at, uint32_t end) {
      for (uint32_t child = at * 2 + 1; child < end; at = child, child = at * 2 + 1) {
        if (child + 1 < end && before(child, child + 1)) ++child;
        if (!before(at, child)) return;
        swap(at, child);
      }
    };
    for (uint32_t i = count / 2; i-- > 0;) sift(i, count);
    for (uint32_t end = count; end-- > 1;) {
      swap(0, end);
      sift(0, end);
    }
  }

  void FindPatterns() {
    sets_.Clear();
    bool any = false;
    ForEachWordOf(sets_, set_, [&](Node key, Node value, Word word, bool) {
      if (word == Word::kPropertyNames) {
        sets_.Add(value, kSchema);
        any = true;
      }
      if (word == Word::kUnevaluatedProperties)
        sets_.Refuse("has an unevaluatedProperties, which is not supported: byte", key);
      if (word != Word::kPatternProperties) return;
      for (Node pattern = tape_.first(value); pattern != JsonTape::kNone; pattern = tape_.next(pattern)) {
        if (PatternIndex(pattern) < pattern_count_) continue;
        if (pattern_count_ == kMostPatterns) {
          return sets_.Refuse("has too many patternProperties for one object: byte", pattern);
        }
        patterns_[pattern_count_++] = pattern;
      }
    });
    if (!any) return;
    sets_.Add(kString, kOfTypes);
    names_ = sets_.Make();
    if (names_ != nullptr && names_->count == 1 && names_->types == kString) names_ = nullptr;
    for (uint32_t i = 0; names_ != nullptr && i < names_->count; ++i) {
      const Meaning meaning = MeaningOf(names_->items()[i]);
      const bool simple = meaning == kWords || meaning == kNotWord || meaning == kEnum || meaning == kConst;
      if (!simple && meaning != kOfTypes) {
        return sets_.Refuse("has propertyNames with alternatives: byte", NodeOf(names_->items()[i]));
      }
    }
  }
  uint32_t PatternIndex(Node pattern) const {
    uint32_t i = 0;
    while (i < pattern_count_ && !SameScalar(tape_, patterns_[i], pattern)) ++i;
    return i;
  }

  // Starts the set of what the value of a property must satisfy. False if it is not allowed.
  bool FindValue(Property* property) {
    uint32_t matched = 0;
    for (uint32_t i = 0; i < pattern_count_; ++i) {
      if (PatternMatches(&sets_, {patterns_[i], {}, false}, property->name)) matched |= 1u << i;
    }
    if (names_ != nullptr && !NameMatches(&sets_, *names_, property->name)) return false;
    sets_.Clear();
    bool possible = true;
    for (uint32_t i = 0; i < set_.count && possible; ++i) {
      const Node n = NodeOf(set_.items()[i]);
      switch (MeaningOf(set_.items()[i])) {
        case kLacks:
        case kMayLack: possible = !SameScalar(tape_, n, property->name); break;
        case kNotProperty:
          if (SameScalar(tape_, n, property->name)) sets_.Add(n + 1, kNotSchema);
          break;
        case kConst: {
          const Node member = MemberOf(tape_, n, property->name);
          possible = member != JsonTape::kNone;
          if (possible) sets_.Add(member, kConst);
          break;
        }
        case kWords: AddValue(n, property, i, matched); break;
        default: break;
      }
    }
    return possible;
  }
  // Adds what a schema, demand `index`, demands of a property or, without one, of properties of other names.
  void AddValue(Node schema, const Property* property, uint32_t index, uint32_t matched) {
    bool covered = false;
    Node others = JsonTape::kNone;
    for (uint32_t i = property == nullptr ? 0 : property->end; property != nullptr && i-- > property->first;) {
      if (!mentions_[i].in_schema || mentions_[i].demand != index) continue;
      sets_.Add(mentions_[i].name + 1, kSchema);
      covered = true;
      break;
    }
    sets_.ForEachWord(schema, [&](Node, Node value, Word word) {
      if (word == Word::kPatternProperties) {
        for (Node pattern = tape_.first(value); pattern != JsonTape::kNone; pattern = tape_.next(pattern)) {
          if ((matched >> PatternIndex(pattern) & 1u) == 0) continue;
          sets_.Add(pattern + 1, kSchema);
          covered = true;
        }
      }
      if (word == Word::kAdditionalProperties) others = value;
    });
    if (!covered && others != JsonTape::kNone) sets_.Add(others, kSchema);
  }

  void FindOthers() {
    for (uint32_t i = 0; i < set_.count; ++i) {
      if (MeaningOf(set_.items()[i]) == kConst) return;
    }
    for (uint32_t i = 0; names_ != nullptr && i < names_->count; ++i) {
      const Meaning meaning = MeaningOf(names_->items()[i]);
      if (meaning == kConst || meaning == kEnum) return;
    }
    for (uint32_t matched = 0; matched < 1u << pattern_count_; ++matched) {
      sets_.Clear();
      for (uint32_t i = 0; i < set_.count; ++i) {
        if (MeaningOf(set_.items()[i]) == kWords) AddValue(NodeOf(set_.items()[i]), nullptr, i, matched);
      }
      Demands* const value = sets_.Make();
      if (value == nullptr) return;
      if (value->types != 0) others_[other_count_++] = {matched, value};
    }
  }

  DemandSets& sets_;
  const JsonTape& tape_;
  const Demands& set_;
  CountLimits limits_;
  Mention* mentions_ = nullptr;
  Property* properties_ = nullptr;
  uint32_t count_ = 0;
  Node patterns_[kMostPatterns] = {};
  uint32_t pattern_count_ = 0;
  OtherNames others_[1u << kMostPatterns] = {};
  uint32_t other_count_ = 0;
  Demands* names_ = nullptr;
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_OBJECT_PLAN_H_
