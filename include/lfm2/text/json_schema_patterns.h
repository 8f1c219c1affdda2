// Demands of a set on strings, and which known strings satisfy them.
#ifndef LFM2_TEXT_JSON_SCHEMA_PATTERNS_H_
#define LFM2_TEXT_JSON_SCHEMA_PATTERNS_H_

#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema_formats.h"
#include "lfm2/text/json_schema_limits.h"
#include "lfm2/text/json_schema_text.h"
#include "lfm2/text/pattern.h"
#include "lfm2/text/string_form.h"

namespace lfm2 {

namespace schema_internal {

// A regular expression that a string must match, or must not match.
struct TextPattern {
  Node node = JsonTape::kNone;  // a key or string with the expression, or the name of a format
  std::string_view format;      // the expression of the format, or empty
  bool negated = false;
};

struct TextDemands {
  static constexpr uint32_t kMostPatterns = 12;

  CountLimits lengths;
  TextPattern patterns[kMostPatterns];
  uint32_t pattern_count = 0;
  Node excluded[4] = {};  // values, or lists of them, that are not allowed
  uint32_t excluded_count = 0;
  Span<const Node> names;  // names that are not allowed

  bool excludes() const { return excluded_count > 0 || !names.empty(); }
  bool has_lengths() const { return lengths.min > 0 || lengths.max != kUnlimited; }
  // Whether characters are counted as they are read.
  bool counts() const { return has_lengths() && pattern_count == 0 && !excludes(); }
  // Whether any spelling of a string is allowed.
  bool is_free() const { return pattern_count == 0 && !excludes(); }

  template <class Use>
  void ForEachExcluded(const JsonTape& tape, const Use& use) const {
    for (uint32_t i = 0; i < excluded_count; ++i) {
      const bool list = tape.kind(excluded[i]) == JsonKind::kArray;
      for (Node n = list ? tape.first(excluded[i]) : excluded[i]; n != JsonTape::kNone;
           n = list ? tape.next(n) : JsonTape::kNone) {
        if (tape.IsText(n)) use(n);
      }
    }
    for (const Node n : names) use(n);
  }
};

// Adds a pattern; kNone and an empty format add nothing.
inline void AddTextPattern(DemandSets* sets, const TextPattern& pattern, TextDemands* text) {
  if (text->pattern_count == TextDemands::kMostPatterns) {
    return sets->Refuse("has too many patterns for one text: byte", pattern.node);
  }
  text->patterns[text->pattern_count++] = pattern;
}

inline TextDemands TextDemandsOf(DemandSets* sets, const Demands& set) {
  TextDemands text;
  text.lengths = CountLimitsOf(sets, set, Word::kMinLength, Word::kMaxLength);
  ForEachWordOf(*sets, set, [&](Node key, Node value, Word word, bool negated) {
    if (word == Word::kPattern) AddTextPattern(sets, {value, {}, negated}, &text);
    if (word == Word::kFormat) {
      const std::string_view format = FormatPattern(sets->tape(), value);
      if (!format.empty()) AddTextPattern(sets, {value, format, negated}, &text);
    }
    if (!negated || (word != Word::kEnum && word != Word::kConst)) return;
    if (text.excluded_count == 4) return sets->Refuse("excludes too many lists of values: byte", key);
    text.excluded[text.excluded_count++] = value;
  });
  return text;
}

// Strings of at least and at most so many characters, with one node for each character.
inline void AddLengths(DemandSets* sets, GrammarBuilder::Node from, GrammarBuilder::Node to, StringForm form,
                       const CountLimits& lengths) {
  constexpr uint32_t kMostUnrolled = 64, kMostCharacter = 0x10ffff;
  GrammarBuilder& b = sets->builder();
  const uint32_t steps = lengths.max == kUnlimited ? lengths.min : lengths.max;
  if (steps > kMostUnrolled) {
    return sets->Refuse("limits the length of a text in a way that is not supported together with a pattern: byte", 0);
  }
  for (uint32_t i = 0; i < steps; ++i) {
    if (i >= lengths.min) b.Empty(from, to);
    const GrammarBuilder::Node next = b.AddNode();
    AddCharacter(&b, from, 0, kMostCharacter, next, form);
    from = next;
  }
  if (lengths.max == kUnlimited) AddCharacter(&b, from, 0, kMostCharacter, from, form);
  b.Empty(from, to);
}

// The same in an intersection with another automaton that checks the syntax, for strings without \u escapes: a few
// edges for each character.
inline void AddCharacterCounts(DemandSets* sets, GrammarBuilder::Node from, GrammarBuilder::Node to,
                               const CountLimits& lengths) {
  constexpr uint32_t kMostUnrolled = 256;
  GrammarBuilder& b = sets->builder();
  const uint32_t steps = lengths.max == kUnlimited ? lengths.min : lengths.max;
  if (steps > kMostUnrolled) {
    return sets->Refuse("limits the length of a text in a way that is not supported together with a pattern: byte", 0);
  }
  const auto one = [&](GrammarBuilder::Node at, GrammarBuilder::Node next) {
    const GrammarBuilder::Node escape = b.AddNode();
    b.Bytes(at, 0x20, '\\' - 1, next);
    b.Bytes(at, '\\' + 1, 0x7f, next);
    b.Bytes(at, 0xc2, 0xf4, next);
    b.Bytes(at, '\\', '\\', escape);
    b.Bytes(escape, 0x20, 'u' - 1, next);
    b.Bytes(escape, 'u' + 1, 0x7f, next);
    b.Bytes(next, 0x80, 0xbf, next);
  };
  for (uint32_t i = 0; i < steps; ++i) {
    if (i >= lengths.min) b.Empty(from, to);
    const GrammarBuilder::Node next = b.AddNode();
    one(from, next);
    from = next;
  }
  if (lengths.max == kUnlimited) one(from, from);
  b.Empty(from, to);
}

// The strings that match a pattern, from one node to another. may_call: not in an intersection.
inline void AddPatternOf(DemandSets* sets, const TextPattern& pattern, GrammarBuilder::Node from,
                         GrammarBuilder::Node to, StringForm form, bool may_call) {
  PatternCompiler compiler(&sets->builder(), form, sets->tape().byte(pattern.node) + 1, may_call);
  compiler.Run(pattern.format.empty() ? sets->tape().chars(pattern.node) : JsonChars(pattern.format, false), from, to);
}

// One character of a name, in its only spelling, from one node to another.
inline void AddNameCharacter(GrammarBuilder* b, GrammarBuilder::Node from, std::string_view quotes,
                             GrammarBuilder::Node to) {
  constexpr uint32_t kMostCharacter = 0x10ffff;
  if (quotes.size() == 1) return AddCharacter(b, from, 0, kMostCharacter, to, StringForm::kJson);
  // Both quotes are escaped.
  uint32_t low = 0;
  for (const uint32_t c : {uint32_t{'"'}, uint32_t{'\''}, kMostCharacter + 1}) {
    AddCharacter(b, from, low, c - 1, to, StringForm::kPython);
    low = c + 1;
  }
  const GrammarBuilder::Node escape = b->AddNode();
  b->Bytes(from, '\\', '\\', escape);
  for (const char quote : quotes) b->Bytes(escape, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), to);
}

// Whether the current automaton accepts a string, as spelled, from one node to another.
inline bool Takes(DemandSets* sets, GrammarBuilder::Node from, GrammarBuilder::Node to, Node text) {
  GrammarPool& pool = *sets->builder().pool();
  const uint64_t mark = pool.scratch_mark();
  uint32_t* const marks = pool.Allocate<uint32_t>(pool.unit_count());
  uint32_t* const lists[2] = {pool.Allocate<uint32_t>(pool.unit_count()), pool.Allocate<uint32_t>(pool.unit_count())};
  if (!pool.ok()) return false;
  std::memset(marks, 0, pool.unit_count() * sizeof(uint32_t));
  uint32_t counts[2] = {0, 0}, now = 0, step = 1;
  const auto add = [&](uint32_t which, uint32_t node) {
    if (marks[node] == step) return;
    marks[node] = step;
    lists[which][counts[which]++] = node;
  };
  const auto close = [&](uint32_t which) {
    for (uint32_t i = 0; i < counts[which]; ++i) {
      for (uint32_t e = pool.units()[lists[which][i]].next; e != 0; e = pool.units()[e].next) {
        if (pool.units()[e].kind == NfaUnit::Kind::kEmpty) add(which, pool.units()[e].to);
      }
    }
  };
  add(0, from);
  close(0);
  SpelledBytes bytes(sets->tape().chars(text));
  for (int32_t c = bytes.Take(); c != SpelledBytes::kEnd; c = bytes.Take()) {
    ++step;
    counts[1 - now] = 0;
    for (uint32_t i = 0; i < counts[now]; ++i) {
      for (uint32_t e = pool.units()[lists[now][i]].next; e != 0; e = pool.units()[e].next) {
        const NfaUnit& edge = pool.units()[e];
        if (edge.kind == NfaUnit::Kind::kBytes && edge.low <= c && c <= edge.high) add(1 - now, edge.to);
      }
    }
    now = 1 - now;
    close(now);
  }
  const bool takes = marks[to] == step;
  pool.Release(mark);
  return takes;
}

inline bool PatternMatches(DemandSets* sets, const TextPattern& pattern, Node text) {
  GrammarBuilder& b = sets->builder();
  const GrammarBuilder::Rule rule = sets->test_rule();
  b.Begin(rule);
  const GrammarBuilder::Node from = b.AddNode(), to = b.AddNode();
  AddPatternOf(sets, pattern, from, to, StringForm::kJson, false);
  const bool takes = b.ok() && Takes(sets, from, to, text);
  b.Drop();
  return takes;
}

// Whether the patterns of a set allow a string.
inline bool AllowsByPatterns(DemandSets* sets, const Demands& set, Node text) {
  const TextDemands demands = TextDemandsOf(sets, set);
  for (uint32_t i = 0; i < demands.pattern_count; ++i) {
    if (PatternMatches(sets, demands.patterns[i], text) == demands.patterns[i].negated) return false;
  }
  return true;
}

// Whether a set allows a name.
inline bool NameMatches(DemandSets* sets, const Demands& set, Node name) {
  const CountLimits lengths = CountLimitsOf(sets, set, Word::kMinLength, Word::kMaxLength);
  return AllowsScalar(sets, set, lengths, {}, name, kNoDemand) && AllowsByPatterns(sets, set, name);
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_PATTERNS_H_
