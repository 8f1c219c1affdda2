// Regular expressions of JSON schemas: ECMA-262 without look-around and back references.
#ifndef LFM2_TEXT_PATTERN_H_
#define LFM2_TEXT_PATTERN_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/text/character_set.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/nfa_tools.h"
#include "lfm2/text/string_form.h"

namespace lfm2 {

// Adds the texts in which a pattern is found to the current automaton. Supported: literals, classes, \d \w \s, \p{L}
// and \p{N}, alternatives, groups, repetitions (lazy ones match the same language), ^ and $ anywhere. \w is ASCII, and
// . excludes line ends, as in ECMA-262. Refused, with name and byte: look-around, back references, word boundaries,
// other properties. {m,n} copies what it repeats, as far as memory allows; large classes with large counts become rules
// with a count. No recursion: open groups are stored among the nodes.
class PatternCompiler {
 public:
  using Node = GrammarBuilder::Node;

  // form: the spelling of the text. place: the byte of the source at which the pattern begins. may_call: the pattern is
  // not part of an intersection and may call rules.
  PatternCompiler(GrammarBuilder* builder, StringForm form, uint32_t place, bool may_call)
      : builder_(builder), form_(form), place_(place), may_call_(may_call) {}

  // From one node to another by a text in which the pattern is found. False with an error of the builder.
  bool Run(JsonChars pattern, Node from, Node to) {
    chars_ = &pattern;
    bytes_ = pattern.rest().size();
    const Node first = builder_->next_node();
    const Node begin = builder_->AddNode(), end = builder_->AddNode();
    const Node before = AnyText(builder_, begin, builder_->AddNode(), form_);
    const Node top = Open(before);
    while (builder_->ok() && chars_->Peek() != JsonChars::kEnd) Next();
    if (group_ != top + 2) Refuse("has a group that is not closed: byte");
    if (!builder_->ok()) return false;
    builder_->Empty(at_, top + 1);
    builder_->Empty(before, top);
    // After a match any text may follow, and other matches do not matter.
    const Node after = AnyText(builder_, top + 1, end, form_);
    if (!ResolveAnchors(builder_, first, begin, end)) return false;
    builder_->Absorb(after, first);
    builder_->Empty(from, begin);
    builder_->Empty(end, to);
    return builder_->ok();
  }

 private:
  static constexpr uint64_t kManyNodes = 512;  // and edges: beyond this, characters are counted

  void Refuse(const char* what, StatusCode code = StatusCode::kInvalidArgument) {
    builder_->Fail(Status(code, "pattern", what, place_ + (bytes_ - chars_->rest().size())));
  }
  void RefuseFeature(const char* what) { Refuse(what, StatusCode::kUnsupported); }

  NfaUnit& Group() { return builder_->pool()->units()[group_]; }
  // Starts a group: two nodes, followed by a unit of data with the continuation after the group.
  Node Open(Node at) {
    const Node begin = builder_->AddNode();
    builder_->AddNode();
    const Node data = builder_->AddData(1);
    if (data == 0) return 0;
    NfaUnit& unit = builder_->pool()->units()[data];
    unit.next = group_;
    unit.to = at;
    group_ = data;
    at_ = begin;
    return begin;
  }
  void Close() {
    const Node begin = group_ - 2, outside = Group().next;
    if (outside == 0) return Refuse("has a parenthesis that closes nothing: byte");
    builder_->Empty(at_, begin + 1);
    at_ = Group().to;
    group_ = outside;
    chars_->Skip();
    uint32_t least = 0, most = 0;
    TakeRepeat(&least, &most);
    Repeat(begin, begin + 1, least, most);
  }

  void Next() {
    const int32_t c = chars_->Peek();
    switch (c) {
      case JsonChars::kBad: return Refuse("is not valid text: byte");
      case '(': return OpenGroup();
      case ')': return Close();
      case '|':
        chars_->Skip();
        builder_->Empty(at_, group_ - 1);
        at_ = group_ - 2;
        return;
      case '^':
      case '$': {
        chars_->Skip();
        const Node next = builder_->AddNode();
        const NfaUnit::Kind kind = c == '^' ? NfaUnit::Kind::kBegin : NfaUnit::Kind::kEnd;
        builder_->AddEdge(at_, next, kind, 0, 0, GrammarOp::kNone, 0);
        at_ = next;
        return;
      }
      case '*':
      case '+':
      case '?': return Refuse("repeats nothing: byte");
      default: break;
    }
    uint32_t least = 0, most = 0;
    if (c == '{' && TakeTimes(&least, &most)) return Refuse("repeats nothing: byte");
    CharacterSet set(builder_);
    bool negated = false;
    if (c == '[') {
      negated = Class(&set);
    } else if (c == '\\') {
      AddOne(&set, TakeEscape(&set, false));
    } else {
      chars_->Skip();
      if (c == '.') {
        set.Add(kLineEnds, true);
      } else {
        AddOne(&set, c);
      }
    }
    const bool is_repeated = chars_->Is('*') || chars_->Is('+') || chars_->Is('?') || chars_->Is('{');
    const Node begin = is_repeated ? builder_->AddNode() : at_, end = builder_->AddNode();
    set.Emit(begin, end, form_, negated);
    if (!is_repeated) {
      at_ = end;
      return;
    }
    TakeRepeat(&least, &most);
    const uint64_t copies = most == kUnlimited ? least : most;
    if (!may_call_ || copies < 2 || copies * (builder_->next_node() - begin) < kManyNodes) {
      return Repeat(begin, end, least, most);
    }
    builder_->DropNodes(begin);
    at_ = Counted(&set, negated, least, most);
  }
  // A rule for a number of characters of a set.
  Node Counted(CharacterSet* set, bool negated, uint32_t least, uint32_t most) {
    const GrammarBuilder::Rule rule = builder_->Declare(static_cast<uint32_t>(place_));
    builder_->Begin(rule, least, most);
    const Node loop = builder_->AddNode();
    set->Emit(loop, loop, form_, negated, GrammarOp::kCount);
    builder_->Accept(loop, true);
    builder_->End(loop, true);
    const Node end = builder_->AddNode();
    builder_->Call(at_, rule, end);
    if (least == 0) builder_->Empty(at_, end);
    return end;
  }

  void OpenGroup() {
    chars_->Skip();
    if (chars_->Is('?')) {
      chars_->Skip();
      if (chars_->Is('=') || chars_->Is('!')) return RefuseFeature("has a lookahead, which is not supported: byte");
      if (chars_->Is('<')) {
        chars_->Skip();
        if (chars_->Is('=') || chars_->Is('!')) return RefuseFeature("has a lookbehind, which is not supported: byte");
        while (chars_->Peek() >= 0 && !chars_->Is('>')) chars_->Skip();
        if (chars_->Peek() < 0) return Refuse("has a group whose name does not end: byte");
      } else if (!chars_->Is(':')) {
        return RefuseFeature("has a group of an unknown kind: byte");
      }
      chars_->Skip();
    }
    Open(at_);
  }

  // Reads the number of repetitions of the last item.
  void TakeRepeat(uint32_t* least, uint32_t* most) {
    *least = *most = 1;
    if (chars_->Is('*') || chars_->Is('+') || chars_->Is('?')) {
      *least = chars_->Is('+') ? 1 : 0;
      *most = chars_->Is('?') ? 1 : kUnlimited;
      chars_->Skip();
    } else if (!chars_->Is('{') || !TakeTimes(least, most)) {
      return;
    }
    if (chars_->Is('?')) chars_->Skip();
    if (*least > *most) Refuse("has a maximum below its minimum: byte");
  }
  // The last item leads from `begin` to `end`, and is the newest part of the automaton.
  void Repeat(Node begin, Node end, uint32_t least, uint32_t most) {
    if (builder_->ok()) at_ = RepeatNodes(builder_, at_, begin, end, least, most);
  }
  // {m}, {m,} or {m,n}; false, with nothing consumed, for anything else.
  bool TakeTimes(uint32_t* least, uint32_t* most) {
    JsonChars chars = *chars_;
    const auto number = [&chars](uint32_t* value) {
      *value = 0;
      if (!chars.IsDigit()) return false;
      for (; chars.IsDigit(); chars.Skip()) {
        const uint32_t digit = static_cast<uint32_t>(chars.Peek() - '0');
        *value = *value > (kUnlimited - 10) / 10 ? kUnlimited - 1 : *value * 10 + digit;
      }
      return true;
    };
    uint32_t low = 0;
    chars.Skip();
    if (!number(&low)) return false;
    uint32_t high = low;
    if (chars.Is(',')) {
      chars.Skip();
      if (!number(&high)) high = kUnlimited;
    }
    if (!chars.Is('}')) return false;
    chars.Skip();
    *chars_ = chars;
    *least = low;
    *most = high;
    return true;
  }

  // Reads what follows a backslash: a character, or a set that is added to `set` if the result is kSet.
  static constexpr int32_t kSet = -1, kNone = -2;
  int32_t TakeEscape(CharacterSet* set, bool in_class) {
    chars_->Skip();
    const int32_t c = chars_->Peek();
    if (c >= '1' && c <= '9') return RefuseEscape("has a back reference, which is not supported: byte");
    if (c < 0) return RefuseEscape("ends with a backslash: byte");
    if (!in_class && (c == 'b' || c == 'B')) {
      return RefuseEscape("has a word boundary, which is not supported: byte");
    }
    if (c == 'x' || c == 'u') return TakeNumber(c == 'x' ? 2 : 4);
    if (c == 'p' || c == 'P') return TakeProperty(set, c == 'P');
    chars_->Skip();
    switch (c) {
      case 'd':
      case 'D': return AddSet(set, kDigits, c == 'D');
      case 'w':
      case 'W': return AddSet(set, kWordCharacters, c == 'W');
      case 's':
      case 'S': return AddSet(set, kWhiteSpace, c == 'S');
      case 'b': return '\b';
      case 't': return '\t';
      case 'n': return '\n';
      case 'v': return '\v';
      case 'f': return '\f';
      case 'r': return '\r';
      case '0': return chars_->IsDigit() ? RefuseEscape("has an octal number: byte") : 0;
      case 'c': {
        const int32_t letter = chars_->Peek() | 0x20;
        if (letter < 'a' || letter > 'z') return RefuseEscape("has an unknown escape: byte");
        chars_->Skip();
        return letter & 31;
      }
      case 'k': return RefuseEscape("has a back reference, which is not supported: byte");
      default: break;
    }
    const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    return is_letter ? RefuseEscape("has an unknown escape: byte") : c;
  }
  int32_t RefuseEscape(const char* what) {
    RefuseFeature(what);
    return kNone;
  }
  int32_t AddSet(CharacterSet* set, Span<const CharacterRange> ranges, bool negated) {
    set->Add(ranges, negated);
    return kSet;
  }
  // The digits after \x or \u, or \u{...}; a surrogate pair is one character.
  int32_t TakeNumber(int digits) {
    chars_->Skip();
    const bool in_braces = digits == 4 && chars_->Is('{');
    int32_t value = 0;
    if (in_braces) chars_->Skip();
    for (int i = 0; in_braces ? i == 0 || !chars_->Is('}') : i < digits; ++i) {
      const int32_t c = chars_->Peek(), lower = c | 0x20;
      const bool is_digit = chars_->IsDigit();
      if ((!is_digit && (lower < 'a' || lower > 'f')) || value > 0x10ffff) {
        return RefuseEscape("has an escape without its digits: byte");
      }
      value = value << 4 | (is_digit ? c - '0' : lower - 'a' + 10);
      chars_->Skip();
    }
    if (in_braces) chars_->Skip();
    if (value >= 0xd800 && value < 0xdc00 && chars_->Is('\\')) {
      JsonChars chars = *chars_;
      chars.Skip();
      if (chars.Is('u')) {
        int32_t low = 0;
        for (int i = 0; i < 4; ++i) {
          chars.Skip();
          const int32_t c = chars.Peek(), lower = c | 0x20;
          if (!chars.IsDigit() && (lower < 'a' || lower > 'f'))
            return RefuseEscape("has half of a surrogate pair: byte");
          low = low << 4 | (chars.IsDigit() ? c - '0' : lower - 'a' + 10);
        }
        chars.Skip();
        if (low >= 0xdc00 && low <= 0xdfff) {
          *chars_ = chars;
          return 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
        }
      }
    }
    if (value > 0x10ffff) return RefuseEscape("has an escape of an invalid character: byte");
    return value;
  }
  int32_t TakeProperty(CharacterSet* set, bool negated) {
    chars_->Skip();
    if (!chars_->Is('{')) return RefuseEscape("has an unknown escape: byte");
    char name[8] = {};
    size_t size = 0;
    for (chars_->Skip(); chars_->Peek() >= 0 && !chars_->Is('}'); chars_->Skip()) {
      if (size < sizeof(name)) name[size++] = static_cast<char>(Min<int32_t>(chars_->Peek(), 0x7f));
    }
    const std::string_view found(name, size);
    const bool is_letter = found == "L" || found == "Letter";
    if (!chars_->Is('}') || (!is_letter && found != "N" && found != "Number"))
      return RefuseEscape("has a property that is not supported: byte");
    chars_->Skip();
    set->Add(is_letter ? CharClass::kLetter : CharClass::kNumber, negated);
    return kSet;
  }

  // Returns whether the class is negated.
  bool Class(CharacterSet* set) {
    chars_->Skip();
    const bool negated = chars_->Is('^');
    if (negated) chars_->Skip();
    while (builder_->ok() && !chars_->Is(']')) {
      const int32_t low = TakeClassCharacter(set);
      if (!chars_->Is('-')) {
        AddOne(set, low);
        continue;
      }
      chars_->Skip();
      const int32_t high = chars_->Is(']') ? kSet : TakeClassCharacter(set);
      if (low >= 0 && high >= 0) {
        if (low > high) Refuse("has a range whose end is before its beginning: byte");
        set->Add(static_cast<uint32_t>(low), static_cast<uint32_t>(high));
        continue;
      }
      // Next to a set, or at the end, a hyphen is literal.
      AddOne(set, low);
      AddOne(set, '-');
      AddOne(set, high);
    }
    if (builder_->ok()) chars_->Skip();
    return negated;
  }
  static void AddOne(CharacterSet* set, int32_t c) {
    if (c >= 0) set->Add(static_cast<uint32_t>(c), static_cast<uint32_t>(c));
  }
  int32_t TakeClassCharacter(CharacterSet* set) {
    const int32_t c = chars_->Peek();
    if (c == '\\') return TakeEscape(set, true);
    if (c < 0) return RefuseEscape("has a class that is not closed: byte");
    chars_->Skip();
    return c;
  }

  GrammarBuilder* builder_;
  StringForm form_;
  uint64_t place_;
  bool may_call_;
  JsonChars* chars_ = nullptr;
  size_t bytes_ = 0;
  Node at_ = 0;     // the end of what was read
  Node group_ = 0;  // the data of the innermost group; its two nodes come just before it
};

// Whether a pattern is found in a text, for values listed in a schema. The rule being built is unchanged. place: the
// byte of the source at which the pattern begins. Also false after an error of the builder.
inline bool IsFound(GrammarBuilder* builder, JsonChars pattern, JsonChars text, uint32_t place) {
  const GrammarBuilder::Node first = builder->next_node();
  const GrammarBuilder::Node from = builder->AddNode(), to = builder->AddNode();
  PatternCompiler(builder, StringForm::kPlain, place, false).Run(pattern, from, to);
  const uint64_t mark = builder->scratch_mark();
  NfaRun run(builder, from);
  for (; text.Peek() >= 0 && builder->ok(); text.Skip()) {
    char bytes[4];
    const size_t size = WriteUtf8(static_cast<uint32_t>(text.Peek()), bytes);
    for (size_t i = 0; i < size; ++i) run.Step(static_cast<uint8_t>(bytes[i]));
  }
  const bool is_found = builder->ok() && text.Peek() == JsonChars::kEnd && run.Has(to);
  builder->Release(mark);
  builder->DropNodes(first);
  return is_found;
}

}  // namespace lfm2

#endif  // LFM2_TEXT_PATTERN_H_
