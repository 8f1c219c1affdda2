// Automata for the characters of strings, in the spelling of the surrounding text.
#ifndef LFM2_TEXT_STRING_FORM_H_
#define LFM2_TEXT_STRING_FORM_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_chars.h"

namespace lfm2 {

enum class StringForm : uint8_t {
  kJson,          // between the double quotes of a JSON string
  kPython,        // between double quotes in Python
  kPythonSingle,  // between single quotes in Python
  kPlain,         // unescaped
};
// The quote that must be escaped.
constexpr char QuoteOf(StringForm form) { return form == StringForm::kPythonSingle ? '\'' : '"'; }

namespace string_form_internal {

inline constexpr uint32_t kMaxCodePoint = 0x10ffff;
inline constexpr char kNamed[] = "\b\t\n\f\r", kNames[] = "btnfr";

inline void Hexadecimal(GrammarBuilder* builder, GrammarBuilder::Node from, uint8_t low, uint8_t high,
                        GrammarBuilder::Node to, GrammarOp op = GrammarOp::kNone) {
  const auto bytes = [&](uint32_t begin, uint32_t end, uint32_t first, uint32_t character) {
    const uint32_t a = Max<uint32_t>(low, begin), b = Min<uint32_t>(high, end);
    if (a > b) return;
    builder->Bytes(from, static_cast<uint8_t>(a - first + character), static_cast<uint8_t>(b - first + character), to,
                   op);
  };
  bytes(0, 9, 0, '0');
  bytes(10, 15, 10, 'a');
  bytes(10, 15, 10, 'A');
}
// Four digits, the first between `low` and `high`; after 0xd the second is between second_low and second_high.
inline void AfterU(GrammarBuilder* builder, GrammarBuilder::Node from, uint8_t low, uint8_t high, uint8_t second_low,
                   uint8_t second_high, GrammarBuilder::Node to, GrammarOp op) {
  const GrammarBuilder::Node one = builder->AddNode(), two = builder->AddNode(), three = builder->AddNode();
  Hexadecimal(builder, from, low, high, one);
  Hexadecimal(builder, one, second_low, second_high, two);
  Hexadecimal(builder, two, 0, 15, three);
  Hexadecimal(builder, three, 0, 15, to, op);
}

// The characters below 0x20 in [low, high] after a backslash: by their letters, the others as \u00XX.
inline void Controls(GrammarBuilder* builder, GrammarBuilder::Node from, uint32_t low, uint32_t high,
                     GrammarBuilder::Node to, GrammarOp op) {
  GrammarBuilder::Node zeros = 0, by_first[2] = {};
  for (uint32_t c = low; c <= high && c < 0x20; ++c) {
    char name = '\0';
    for (uint32_t i = 0; i < 5; ++i) name = c == static_cast<uint8_t>(kNamed[i]) ? kNames[i] : name;
    if (name != '\0') {
      builder->Bytes(from, static_cast<uint8_t>(name), static_cast<uint8_t>(name), to, op);
      continue;
    }
    if (zeros == 0) builder->Text(from, "u00", zeros = builder->AddNode());
    GrammarBuilder::Node* const next = &by_first[c >> 4];
    const uint8_t first = static_cast<uint8_t>(c >> 4), second = c & 15;
    if (*next == 0) Hexadecimal(builder, zeros, first, first, *next = builder->AddNode());
    Hexadecimal(builder, *next, second, second, to, op);
  }
}

}  // namespace string_form_internal

// From one node to another by one character of low to high, without surrogates: in UTF-8 or, where it must be escaped,
// by its one escape: a letter, or the number if there is no letter. The operation is on the last byte.
inline void AddCharacter(GrammarBuilder* builder, GrammarBuilder::Node from, uint32_t low, uint32_t high,
                         GrammarBuilder::Node to, StringForm form, GrammarOp op = GrammarOp::kNone) {
  if (form == StringForm::kPlain) return builder->Characters(from, low, high, to, op);
  const auto has = [&](uint32_t c) { return low <= c && c <= high; };
  const auto raw = [&](uint32_t first, uint32_t last) {
    if (low <= last && high >= first) builder->Characters(from, Max(low, first), Min(high, last), to, op);
  };
  const auto quote = static_cast<uint8_t>(QuoteOf(form));
  raw(0x20, quote - 1u);
  raw(quote + 1u, '\\' - 1);
  raw('\\' + 1, string_form_internal::kMaxCodePoint);
  if (low >= 0x20 && !has(quote) && !has('\\')) return;
  const GrammarBuilder::Node escape = builder->AddNode();
  builder->Bytes(from, '\\', '\\', escape, GrammarBuilder::BeforeLast(op));
  if (has(quote)) builder->Bytes(escape, quote, quote, to, op);
  if (has('\\')) builder->Bytes(escape, '\\', '\\', to, op);
  string_form_internal::Controls(builder, escape, low, high, to, op);
}

// From one node to another by the characters of a text. False, with an error of the builder at byte `place`, for
// invalid characters.
inline bool AddText(GrammarBuilder* builder, GrammarBuilder::Node from, JsonChars text, GrammarBuilder::Node to,
                    StringForm form, uint32_t place) {
  for (; text.Peek() >= 0 && builder->ok(); text.Skip()) {
    const uint32_t c = static_cast<uint32_t>(text.Peek());
    const GrammarBuilder::Node next = builder->AddNode();
    AddCharacter(builder, from, c, c, next, form);
    from = next;
  }
  if (text.Peek() == JsonChars::kBad) {
    builder->Fail(
        Status(StatusCode::kInvalidArgument, "grammar", "has a string with an invalid character: byte", place));
  }
  builder->Empty(from, to);
  return builder->ok();
}

// From one node to another by any number of any characters, in every valid spelling: for JSON including unnecessary
// escapes. The operation is on the last byte of each character; a surrogate pair is one character. Returns the node to
// which it returns after each character.
inline GrammarBuilder::Node AnyText(GrammarBuilder* builder, GrammarBuilder::Node from, GrammarBuilder::Node to,
                                    StringForm form, GrammarOp op = GrammarOp::kNone) {
  namespace internal = string_form_internal;
  using Node = GrammarBuilder::Node;
  const Node loop = builder->AddNode();
  builder->Empty(from, loop);
  builder->Empty(loop, to);
  if (form == StringForm::kPlain) {
    builder->Characters(loop, 0, internal::kMaxCodePoint, loop, op);
    return loop;
  }
  const auto quote = static_cast<uint8_t>(QuoteOf(form));
  builder->Characters(loop, 0x20, quote - 1u, loop, op);
  builder->Characters(loop, quote + 1u, '\\' - 1, loop, op);
  builder->Characters(loop, '\\' + 1, internal::kMaxCodePoint, loop, op);
  const Node escape = builder->AddNode(), unit = builder->AddNode();
  builder->Bytes(loop, '\\', '\\', escape, GrammarBuilder::BeforeLast(op));
  for (const char c : {QuoteOf(form), '\\', 'b', 't', 'n', 'f', 'r'}) {
    builder->Bytes(escape, static_cast<uint8_t>(c), static_cast<uint8_t>(c), loop, op);
  }
  builder->Bytes(escape, 'u', 'u', unit);
  if (form != StringForm::kJson) {
    // A tab may be unescaped; no pairs, which Python does not combine.
    const Node first = builder->AddNode(), second = builder->AddNode();
    builder->Bytes(loop, '\t', '\t', loop, op);
    builder->Bytes(escape, 'x', 'x', first);
    internal::Hexadecimal(builder, first, 0, 15, second);
    internal::Hexadecimal(builder, second, 0, 15, loop, op);
    internal::AfterU(builder, unit, 0, 12, 0, 15, loop, op);
    internal::AfterU(builder, unit, 13, 13, 0, 7, loop, op);
    internal::AfterU(builder, unit, 14, 15, 0, 15, loop, op);
    return loop;
  }
  builder->Bytes(escape, '/', '/', loop, op);
  internal::AfterU(builder, unit, 0, 12, 0, 15, loop, op);
  internal::AfterU(builder, unit, 13, 13, 0, 7, loop, op);
  internal::AfterU(builder, unit, 14, 15, 0, 15, loop, op);
  const Node high = builder->AddNode(), low = builder->AddNode();
  internal::AfterU(builder, unit, 13, 13, 8, 11, high, GrammarOp::kNone);
  builder->Text(high, "\\u", low);
  internal::AfterU(builder, low, 13, 13, 12, 15, loop, op);
  return loop;
}

}  // namespace lfm2

#endif  // LFM2_TEXT_STRING_FORM_H_
