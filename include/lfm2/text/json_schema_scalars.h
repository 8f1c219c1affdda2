// Rules for strings, numbers and listed values.
#ifndef LFM2_TEXT_JSON_SCHEMA_SCALARS_H_
#define LFM2_TEXT_JSON_SCHEMA_SCALARS_H_

#include "lfm2/text/json_schema_limits.h"
#include "lfm2/text/json_schema_numbers.h"
#include "lfm2/text/json_schema_patterns.h"
#include "lfm2/text/json_schema_writer.h"

namespace lfm2 {

namespace schema_internal {

// Calls use for the values in the first list of a set that the rest of the set allows.
template <class Use>
void ForEachListed(SchemaWriter* w, const Demands& set, const Use& use) {
  const CountLimits lengths = CountLimitsOf(&w->sets(), set, Word::kMinLength, Word::kMaxLength);
  const NumberLimits numbers = NumberLimitsOf(&w->sets(), set);
  for (uint32_t i = 0; i < set.count; ++i) {
    const Node n = NodeOf(set.items()[i]);
    const Meaning meaning = MeaningOf(set.items()[i]);
    if (meaning != kConst && meaning != kEnum) continue;
    for (Node value = meaning == kEnum ? w->tape().first(n) : n; value != JsonTape::kNone;
         value = meaning == kEnum ? w->tape().next(value) : JsonTape::kNone) {
      if (AllowsScalar(&w->sets(), set, lengths, numbers, value, i)) use(value);
    }
    return;
  }
}

inline bool HasList(const Demands& set) {
  for (uint32_t i = 0; i < set.count; ++i) {
    const Meaning meaning = MeaningOf(set.items()[i]);
    if ((meaning == kConst || meaning == kEnum) && (set.types & (kArray | kObject)) == 0) return true;
  }
  return false;
}

// Whether a set lists a value that is allowed.
inline bool ListHasText(SchemaWriter* w, const Demands& set) {
  bool any = false;
  ForEachListed(w, set,
                [&](Node value) { any = any || !w->tape().IsText(value) || AllowsByPatterns(&w->sets(), set, value); });
  return any;
}

inline void WriteList(SchemaWriter* w, const Demands& set, GrammarBuilder::Rule rule) {
  GrammarBuilder& b = w->builder();
  // Values excluded by patterns are found first, because that needs rules of its own.
  Scratch scratch(&w->sets());
  uint32_t count = 0;
  ForEachListed(w, set, [&](Node) { ++count; });
  Node* const values = b.Allocate<Node>(count);
  if (values == nullptr) return;
  count = 0;
  ForEachListed(w, set, [&](Node value) { values[count++] = value; });
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (!w->tape().IsText(values[i]) || AllowsByPatterns(&w->sets(), set, values[i])) values[kept++] = values[i];
  }
  b.Begin(rule);
  const GrammarBuilder::Node start = b.AddNode(), end = b.AddNode();
  for (uint32_t i = 0; i < kept; ++i) w->Literal(start, values[i], end);
  b.Accept(end);
  b.End(start);
}

// Numbers.
inline void WriteNumber(SchemaWriter* w, const Demands& set, GrammarBuilder::Rule rule) {
  GrammarBuilder& b = w->builder();
  const NumberLimits limits = NumberLimitsOf(&w->sets(), set);
  NumberAutomata automata(&b);
  constexpr uint32_t kMost = GrammarDeterminizer::kMaxAutomata;
  GrammarBuilder::Node starts[kMost];
  uint32_t count = 0;
  GrammarBuilder::Node end = 0;
  const auto another = [&](bool without = false) {
    if (count > 0) b.And(without);
    starts[count] = b.AddNode();
    end = b.AddNode();
    b.Accept(end);
    return starts[count++];
  };
  bool possible = true;
  b.Begin(rule);
  const bool fraction = (set.types & kFraction) != 0, only_fraction = (set.types & kInteger) == 0;
  bool excluded = false;
  ForEachWordOf(w->sets(), set, [&](Node, Node, Word word, bool negated) {
    excluded = excluded || (negated && (word == Word::kEnum || word == Word::kConst));
  });
  const GrammarBuilder::Node start = another();
  automata.Syntax(start, end, fraction, fraction && limits.is_free() && !only_fraction && !excluded);
  // `end` belongs to the last automaton.
  if (only_fraction) {
    const GrammarBuilder::Node from = another();
    automata.Fraction(from, end);
  }
  if (limits.low.exists()) {
    const GrammarBuilder::Node from = another();
    possible = possible && automata.AtLeast(from, end, limits.low);
  }
  if (limits.high.exists()) {
    const GrammarBuilder::Node from = another();
    possible = possible && automata.AtMost(from, end, limits.high);
  }
  for (uint32_t i = 0; i < limits.multiple_count; ++i) {
    const GrammarBuilder::Node multiple = another(limits.negated[i]);
    possible = possible && automata.MultipleOf(multiple, end, limits.multiples[i]);
  }
  if (excluded) {
    const GrammarBuilder::Node not_these = another(true);
    ForEachWordOf(w->sets(), set, [&](Node, Node value, Word word, bool negated) {
      if (!negated || (word != Word::kEnum && word != Word::kConst)) return;
      for (Node n = word == Word::kEnum ? w->tape().first(value) : value; n != JsonTape::kNone;
           n = word == Word::kEnum ? w->tape().next(n) : JsonTape::kNone) {
        if (w->tape().kind(n) != JsonKind::kNumber) continue;
        possible = possible && automata.Equal(not_these, end, Decimal(w->tape().text(n)));
      }
    });
  }
  if (!possible) {
    b.Fail(Status(StatusCode::kUnsupported, "schema", "limits a number in a way that is not supported: byte",
                  w->PlaceOf(set)));
  }
  b.End(starts, count);
}

// Strings: the inside of the quotes as a rule, or the whole string.
inline void WriteText(SchemaWriter* w, const TextDemands& text, GrammarBuilder::Rule rule, bool quotes) {
  GrammarBuilder& b = w->builder();
  using GNode = GrammarBuilder::Node;
  GNode starts[GrammarDeterminizer::kMaxAutomata];
  uint32_t count = 0;
  const bool counts = text.counts(), enough = counts && text.lengths.min > 0;
  b.Begin(rule, counts ? text.lengths.min : 0, counts ? text.lengths.max : kUnlimited);
  if (!text.lengths.possible()) {
    b.End(b.AddNode());
    return;
  }
  const std::string_view all = quotes ? w->quotes() : std::string_view("\"", 1);
  // Adds an automaton for strings in quotes: inside(first, last, form, quote) adds the inside.
  const auto add = [&](bool without, const auto& inside) {
    if (count > 0) b.And(without);
    const bool counted = count == 0 && enough;
    const GNode start = starts[count++] = b.AddNode(), end = b.AddNode();
    for (const char& quote : all) {
      GNode first = start, last = end;
      if (quotes) {
        first = b.AddNode();
        last = b.AddNode();
        const auto c = static_cast<uint8_t>(quote);
        b.Bytes(start, c, c, first);
        b.Bytes(last, c, c, end, counted ? GrammarOp::kEnough : GrammarOp::kNone);
      }
      inside(first, last, w->form(quote), std::string_view(&quote, 1));
    }
    b.Accept(end, !quotes && counted);
  };
  const bool only_pattern =
      text.pattern_count == 1 && !text.patterns[0].negated && !text.has_lengths() && !text.excludes();
  if (text.is_free()) {
    add(false, [&](GNode first, GNode last, StringForm form, std::string_view) {
      AnyText(&b, first, last, form, counts ? GrammarOp::kCount : GrammarOp::kNone);
    });
  } else if (!only_pattern) {
    // A pattern that must match allows well-formed strings only.
    bool well_formed = false;
    for (uint32_t i = 0; i < text.pattern_count; ++i) well_formed = well_formed || !text.patterns[i].negated;
    add(false, [&](GNode first, GNode last, StringForm form, std::string_view) {
      if (well_formed && text.has_lengths()) return AddCharacterCounts(&w->sets(), first, last, text.lengths);
      AddLengths(&w->sets(), first, last, form, text.lengths);
    });
  }
  for (uint32_t i = 0; i < text.pattern_count; ++i) {
    add(text.patterns[i].negated, [&](GNode first, GNode last, StringForm form, std::string_view) {
      AddPatternOf(&w->sets(), text.patterns[i], first, last, form, only_pattern);
    });
  }
  if (text.excludes()) {
    add(true, [&](GNode first, GNode last, StringForm, std::string_view quote) {
      text.ForEachExcluded(w->tape(),
                           [&](Node value) { w->Spelled(first, value, quotes ? quote : w->name_escapes(), last); });
    });
  }
  b.End(starts, count);
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_SCALARS_H_
