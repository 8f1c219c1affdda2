// Counts and numbers allowed by the demands of a set, and which of the listed values satisfy them.
#ifndef LFM2_TEXT_JSON_SCHEMA_LIMITS_H_
#define LFM2_TEXT_JSON_SCHEMA_LIMITS_H_

#include "lfm2/base/config.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/json_decimal.h"
#include "lfm2/text/json_schema_not.h"
#include "lfm2/text/json_schema_ref.h"
#include "lfm2/text/json_schema_sets.h"

namespace lfm2 {

namespace schema_internal {

// Calls use(key, value, word, negated) for every keyword in the demands of a set.
template <class Use>
void ForEachWordOf(const DemandSets& sets, const Demands& set, const Use& use) {
  for (uint32_t i = 0; i < set.count; ++i) {
    const Node n = NodeOf(set.items()[i]);
    const Meaning meaning = MeaningOf(set.items()[i]);
    if (meaning == kNotWord) use(n, n + 1, sets.keyword(n), true);
    if (meaning == kWords) sets.ForEachWord(n, [&](Node key, Node value, Word word) { use(key, value, word, false); });
  }
}

struct CountLimits {
  uint32_t min = 0;
  uint32_t max = kUnlimited;
  bool possible() const { return min <= max; }
};

// Limits of characters, elements or properties. at_least and at_most: the keywords.
inline CountLimits CountLimitsOf(DemandSets* sets, const Demands& set, Word at_least, Word at_most) {
  CountLimits limits;
  ForEachWordOf(*sets, set, [&](Node, Node value, Word word, bool negated) {
    if (word != at_least && word != at_most) return;
    uint32_t count = 0;
    if (!Decimal(sets->tape().text(value)).AsCount(&count)) return sets->Wrong("is not a count: byte", value);
    if ((word == at_least) != negated) {
      limits.min = Max(limits.min, negated ? count + 1 : count);
    } else if (negated && count == 0) {
      limits = {1, 0};  // not at least 0
    } else if (count < Decimal::kMostCount) {
      limits.max = Min(limits.max, negated ? count - 1 : count);
    }
  });
  return limits;
}

// A number as a multiple of another: both are integers once multiplied by 10 to the power of `decimals`.
struct Multiple {
  uint32_t modulus = 0;
  uint32_t decimals = 0;
};

// The multiple of a multipleOf. False if it is too large or not a positive number.
inline bool MultipleFor(const Decimal& step, Multiple* multiple) {
  if (step.is_zero() || step.negative() || step.point() > 9) return false;
  const int64_t decimals = Max<int64_t>(int64_t{step.digits()} - step.point(), 0);
  if (decimals > 9 || step.point() + decimals > 9) return false;
  uint64_t modulus = 0;
  for (int64_t power = step.point() - 1; power >= -decimals; --power) modulus = modulus * 10 + step.digit_at(power);
  *multiple = {static_cast<uint32_t>(modulus), static_cast<uint32_t>(decimals)};
  return true;
}

struct NumberLimit {
  Decimal value;
  Node node = JsonTape::kNone;
  bool exclusive = false;
  bool exists() const { return node != JsonTape::kNone; }
};

struct NumberLimits {
  NumberLimit low, high;
  Multiple multiples[4] = {};  // numbers that a value must, or must not, be a multiple of
  bool negated[4] = {};
  uint32_t multiple_count = 0;
  bool is_free() const { return !low.exists() && !high.exists() && multiple_count == 0; }

  bool Allows(const Decimal& number) const {
    const int from_low = low.exists() ? Decimal::Compare(number, low.value) : 1;
    const int from_high = high.exists() ? Decimal::Compare(number, high.value) : -1;
    return (low.exclusive ? from_low > 0 : from_low >= 0) && (high.exclusive ? from_high < 0 : from_high <= 0);
  }
};

inline NumberLimits NumberLimitsOf(DemandSets* sets, const Demands& set) {
  NumberLimits limits;
  const JsonTape& tape = sets->tape();
  const auto low = [&](Node value, bool exclusive) {
    const Decimal number(tape.text(value));
    const int order = limits.low.exists() ? Decimal::Compare(number, limits.low.value) : 1;
    if (order > 0 || (order == 0 && exclusive)) limits.low = {number, value, exclusive};
  };
  const auto high = [&](Node value, bool exclusive) {
    const Decimal number(tape.text(value));
    const int order = limits.high.exists() ? Decimal::Compare(number, limits.high.value) : -1;
    if (order < 0 || (order == 0 && exclusive)) limits.high = {number, value, exclusive};
  };
  for (uint32_t i = 0; i < set.count; ++i) {
    const Node n = NodeOf(set.items()[i]);
    const bool negated = MeaningOf(set.items()[i]) == kNotWord;
    const auto use = [&](Node key, Node value, Word word) {
      const bool number = tape.kind(value) == JsonKind::kNumber;
      // In draft 4 a flag next to the limit states whether it is exclusive.
      const auto flag = [&](Word name) {
        const Node other = negated ? JsonTape::kNone : sets->KeyOf(n, name);
        return other != JsonTape::kNone && tape.kind(other + 1) == JsonKind::kTrue;
      };
      switch (word) {
        case Word::kMinimum: negated ? high(value, true) : low(value, flag(Word::kExclusiveMinimum)); break;
        case Word::kMaximum: negated ? low(value, true) : high(value, flag(Word::kExclusiveMaximum)); break;
        case Word::kExclusiveMinimum:
          if (number) negated ? high(value, false) : low(value, true);
          break;
        case Word::kExclusiveMaximum:
          if (number) negated ? low(value, false) : high(value, true);
          break;
        case Word::kMultipleOf:
          if (limits.multiple_count == 4 ||
              !MultipleFor(Decimal(tape.text(value)), &limits.multiples[limits.multiple_count])) {
            return sets->Refuse("has a multipleOf that is not supported: byte", key);
          }
          limits.negated[limits.multiple_count++] = negated;
          break;
        default: break;
      }
    };
    if (MeaningOf(set.items()[i]) == kWords) sets->ForEachWord(n, use);
    if (negated) use(n, n + 1, sets->keyword(n));
  }
  return limits;
}

// Whether a number is one of these multiples.
inline bool IsMultiple(const Decimal& number, const Multiple& multiple) {
  const int64_t decimals = multiple.decimals;
  if (number.is_zero()) return true;
  if (int64_t{number.digits()} - number.point() > decimals || number.point() > 400) return false;
  uint64_t rest = 0;
  for (int64_t power = number.point() - 1; power >= -decimals; --power) {
    rest = (rest * 10 + number.digit_at(power)) % multiple.modulus;
  }
  return rest == 0;
}

// Whether two values are equal, including 1.0 and 1. Lists and objects are not compared: false.
inline bool SameScalar(const JsonTape& tape, Node a, Node b) {
  if (tape.IsText(a) != tape.IsText(b)) return false;
  if (tape.IsText(a)) {
    // Up to the first backslash strings can be compared as bytes.
    const std::string_view x = tape.text(a), y = tape.text(b);
    size_t same = 0;
    while (same < x.size() && same < y.size() && x[same] == y[same] && x[same] != '\\') ++same;
    const bool escaped = (same < x.size() && x[same] == '\\') || (same < y.size() && y[same] == '\\');
    if (!escaped) return same == x.size() && same == y.size();
    TextBytes left(tape.chars(a)), right(tape.chars(b));
    for (int32_t c = left.Take();; c = left.Take()) {
      if (c != right.Take()) return false;
      if (c == TextBytes::kEnd) return true;
    }
  }
  if (tape.kind(a) != tape.kind(b) || tape.kind(a) == JsonKind::kObject || tape.kind(a) == JsonKind::kArray)
    return false;
  return tape.kind(a) != JsonKind::kNumber || Decimal::Compare(Decimal(tape.text(a)), Decimal(tape.text(b))) == 0;
}

// Whether a list contains a value that is not a list or an object.
inline bool Lists(const JsonTape& tape, Node list, Node value) {
  for (Node n = tape.first(list); n != JsonTape::kNone; n = tape.next(n)) {
    if (SameScalar(tape, n, value)) return true;
  }
  return false;
}

// Whether a set allows a value that is not a list or an object, apart from the patterns of strings. source: the demand
// that lists it, which allows it; kNoDemand.
inline bool AllowsScalar(DemandSets* sets, const Demands& set, const CountLimits& lengths, const NumberLimits& numbers,
                         Node value, uint32_t source) {
  const JsonTape& tape = sets->tape();
  const Types type = sets->TypeOfValue(value);
  if ((set.types & type) == 0) return false;
  if (type == kString) {
    uint32_t length = 0;
    for (JsonChars c = tape.chars(value); c.Peek() >= 0; c.Skip()) ++length;
    if (length < lengths.min || length > lengths.max) return false;
  }
  if ((type & kNumber) != 0) {
    const Decimal number(tape.text(value));
    if (!numbers.Allows(number)) return false;
    for (uint32_t i = 0; i < numbers.multiple_count; ++i) {
      if (IsMultiple(number, numbers.multiples[i]) == numbers.negated[i]) return false;
    }
  }
  for (uint32_t i = 0; i < set.count; ++i) {
    const Node n = NodeOf(set.items()[i]);
    switch (MeaningOf(set.items()[i])) {
      case kEnum:
        if (i != source && !Lists(tape, n, value)) return false;
        break;
      case kConst:
        if (!SameScalar(tape, n, value)) return false;
        break;
      case kNotWord:
        if (sets->keyword(n) == Word::kEnum && Lists(tape, n + 1, value)) return false;
        if (sets->keyword(n) == Word::kConst && SameScalar(tape, n + 1, value)) return false;
        break;
      default: break;
    }
  }
  return true;
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_LIMITS_H_
