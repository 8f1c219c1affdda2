// Demands of a set on a single property of an object.
#ifndef LFM2_TEXT_JSON_SCHEMA_NAMES_H_
#define LFM2_TEXT_JSON_SCHEMA_NAMES_H_

#include "lfm2/text/json_schema_limits.h"
#include "lfm2/text/json_schema_sets.h"

namespace lfm2 {

namespace schema_internal {

// The value of a member; kNone if there is none.
inline Node MemberOf(const JsonTape& tape, Node object, Node name) {
  Node found = JsonTape::kNone;
  for (Node key = tape.first(object); key != JsonTape::kNone; key = tape.next(key)) {
    if (SameScalar(tape, key, name)) found = key + 1;
  }
  return found;
}

// Whether certainly no value satisfies the demands: looks at most kDepth objects deep, and not into alternatives.
// memory: kDemandsBytes for each of kDepth objects.
template <uint32_t kDepth>
bool IsImpossible(DemandSets* sets, const Demands& set, std::byte* memory) {
  const JsonTape& tape = sets->tape();
  if (set.types == 0) return true;
  const CountLimits lengths = CountLimitsOf(sets, set, Word::kMinLength, Word::kMaxLength);
  const NumberLimits numbers = NumberLimitsOf(sets, set);
  for (uint32_t i = 0; i < set.count; ++i) {
    const Node n = NodeOf(set.items()[i]);
    const Meaning meaning = MeaningOf(set.items()[i]);
    if (meaning != kEnum && meaning != kConst) continue;
    bool possible = false;
    for (Node value = meaning == kEnum ? tape.first(n) : n; value != JsonTape::kNone;
         value = meaning == kEnum ? tape.next(value) : JsonTape::kNone) {
      const bool scalar = (sets->TypeOfValue(value) & (kArray | kObject)) == 0;
      possible = possible || (scalar ? AllowsScalar(sets, set, lengths, numbers, value, i)
                                     : (sets->TypeOfValue(value) & set.types) != 0);
    }
    if (!possible) return true;
  }
  Types types = set.types;
  if (!lengths.possible()) types &= ~kString;
  if (numbers.low.exists() && numbers.high.exists()) {
    const int order = Decimal::Compare(numbers.low.value, numbers.high.value);
    if (order > 0 || (order == 0 && (numbers.low.exclusive || numbers.high.exclusive))) types &= ~kNumber;
  }
  if (!CountLimitsOf(sets, set, Word::kMinItems, Word::kMaxItems).possible()) types &= ~kArray;
  if (types != kObject) return types == 0;
  if (!CountLimitsOf(sets, set, Word::kMinProperties, Word::kMaxProperties).possible()) return true;
  if constexpr (kDepth > 0) {
    // A required property that no value satisfies.
    bool impossible = false;
    const auto require = [&](Node name) {
      if (impossible) return;
      sets->Clear();
      for (uint32_t i = 0; i < set.count; ++i) {
        const Node n = NodeOf(set.items()[i]);
        switch (MeaningOf(set.items()[i])) {
          case kLacks:
          case kMayLack: impossible = impossible || SameScalar(tape, n, name); break;
          case kNotProperty:
            if (SameScalar(tape, n, name)) sets->Add(n + 1, kNotSchema);
            break;
          case kConst: {
            const Node member = MemberOf(tape, n, name);
            impossible = impossible || member == JsonTape::kNone;
            if (!impossible) sets->Add(member, kConst);
            break;
          }
          case kWords: {
            const Node properties = sets->KeyOf(n, Word::kProperties);
            const Node member = properties == JsonTape::kNone ? JsonTape::kNone : MemberOf(tape, properties + 1, name);
            const Node others = sets->KeyOf(n, Word::kAdditionalProperties);
            if (member != JsonTape::kNone) {
              sets->Add(member, kSchema);
            } else if (others != JsonTape::kNone && sets->KeyOf(n, Word::kPatternProperties) == JsonTape::kNone) {
              sets->Add(others + 1, kSchema);
            }
            break;
          }
          default: break;
        }
      }
      if (impossible) return;
      Demands* const value = reinterpret_cast<Demands*>(memory);
      sets->MakeIn(value);
      impossible = IsImpossible<kDepth - 1>(sets, *value, memory + DemandSets::kDemandsBytes);
    };
    for (uint32_t i = 0; i < set.count; ++i) {
      const Node n = NodeOf(set.items()[i]);
      const Meaning meaning = MeaningOf(set.items()[i]);
      if (meaning == kHas || meaning == kNotProperty) require(n);
      const Node required = meaning == kWords ? sets->KeyOf(n, Word::kRequired) : JsonTape::kNone;
      if (required == JsonTape::kNone || tape.kind(required + 1) != JsonKind::kArray) continue;
      for (Node name = tape.first(required + 1); name != JsonTape::kNone; name = tape.next(name)) require(name);
    }
    return impossible;
  }
  return false;
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_NAMES_H_
