// Reads grammars in llama.cpp's notation symbol by symbol.
#ifndef LFM2_TEXT_GBNF_READER_H_
#define LFM2_TEXT_GBNF_READER_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar_layout.h"
#include "lfm2/text/character_set.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// The symbols of a text, from any position on. Errors go to the builder, with the byte; after one there is only kEnd.
class GbnfReader {
 public:
  enum class Symbol : uint8_t { kEnd, kName, kString, kClass, kAny, kOpen, kClose, kOr, kRepeat };

  // Both must outlive the reader.
  GbnfReader(std::string_view text, GrammarBuilder* builder) : text_(text), builder_(builder), chars_(text, false) {}

  // The byte that is read next.
  uint32_t position() const { return static_cast<uint32_t>(text_.size() - chars_.rest().size()); }
  void GoTo(uint32_t at) { chars_ = JsonChars(TextFrom(text_, at), false); }

  // Skips white space and comments. Whether a line has ended.
  bool SkipSpace() {
    bool ended = false;
    for (;;) {
      if (chars_.Is('#')) {
        while (chars_.Peek() >= 0 && !chars_.Is('\n') && !chars_.Is('\r')) chars_.Skip();
      }
      if (!chars_.Is(' ') && !chars_.Is('\t') && !chars_.Is('\n') && !chars_.Is('\r')) return ended;
      ended = ended || chars_.Is('\n') || chars_.Is('\r');
      chars_.Skip();
    }
  }

  // The head of a rule, NAME ::=, after white space.
  std::string_view TakeHead() {
    const std::string_view name = TakeName();
    if (name.empty()) {
      Refuse("needs the name of a rule: byte");
    } else if (SkipSpace(); !TakeAll("::=")) {
      Refuse("has a name without ::= after it: byte");
    }
    return name;
  }

  // The next symbol, after white space. is_inside: within parentheses, after | or after ::=, where lines may end;
  // otherwise a rule ends with its line, unless | follows.
  Symbol Next(bool is_inside) {
    const bool ended = SkipSpace();
    if (!builder_->ok() || chars_.Peek() == JsonChars::kEnd) return Symbol::kEnd;
    if (ended && !is_inside && !chars_.Is('|')) return Symbol::kEnd;
    switch (chars_.Peek()) {
      case '"': return Took(Symbol::kString);
      case '[': return Took(Symbol::kClass);
      case '.': return Took(Symbol::kAny);
      case '(': return Took(Symbol::kOpen);
      case ')': return Took(Symbol::kClose);
      case '|': return Took(Symbol::kOr);
      case '*': return Repeats(0, kUnlimited);
      case '+': return Repeats(1, kUnlimited);
      case '?': return Repeats(0, 1);
      case '{': return TakeTimes();
      case '<':
      case '!':
        builder_->Fail(
            Status(StatusCode::kUnsupported, "grammar", "names a token, which is not supported: byte", position()));
        return Symbol::kEnd;
      default: break;
    }
    name_ = TakeName();
    if (name_.empty()) return Bad("has an unknown symbol: byte");
    return Symbol::kName;
  }
  // Of the last kName.
  std::string_view name() const { return name_; }
  // Of the last kRepeat.
  uint32_t least() const { return least_; }
  uint32_t most() const { return most_; }

  // After kString: the next character; negative at its end and after an error.
  int32_t TakeCharacter() {
    if (chars_.Is('"')) {
      chars_.Skip();
      return -1;
    }
    return TakeEscaped("has a string that is not closed: byte");
  }
  // After kClass: its ranges. Returns whether it is negated.
  bool TakeClass(CharacterSet* set) {
    const bool negated = chars_.Is('^');
    if (negated) chars_.Skip();
    while (builder_->ok() && !chars_.Is(']')) {
      const int32_t low = TakeEscaped("has a class that is not closed: byte");
      int32_t high = low;
      if (chars_.Is('-')) {
        const JsonChars before = chars_;
        chars_.Skip();
        if (chars_.Is(']')) {
          chars_ = before;
        } else {
          high = TakeEscaped("has a class that is not closed: byte");
        }
      }
      if (low > high && builder_->ok()) Refuse("has a range whose end is before its beginning: byte");
      if (builder_->ok()) set->Add(static_cast<uint32_t>(low), static_cast<uint32_t>(high));
    }
    chars_.Skip();
    return negated;
  }

  void Refuse(const char* what) { builder_->Fail(Status(StatusCode::kInvalidArgument, "grammar", what, position())); }

 private:
  Symbol Took(Symbol symbol) {
    chars_.Skip();
    return symbol;
  }
  Symbol Bad(const char* what) {
    Refuse(what);
    return Symbol::kEnd;
  }
  Symbol Repeats(uint32_t least, uint32_t most) {
    least_ = least;
    most_ = most;
    return Took(Symbol::kRepeat);
  }

  bool TakeAll(std::string_view expected) {
    for (const char c : expected) {
      if (!chars_.Is(c)) return false;
      chars_.Skip();
    }
    return true;
  }
  std::string_view TakeName() {
    const uint32_t begin = position();
    for (;; chars_.Skip()) {
      const int32_t c = chars_.Peek(), lower = c | 0x20;
      if (!chars_.IsDigit() && (lower < 'a' || lower > 'z') && c != '-' && c != '_') break;
    }
    return TextPart(text_, begin, position() - begin);
  }

  // {m}, {m,} or {m,n}, with white space anywhere.
  Symbol TakeTimes() {
    chars_.Skip();
    SkipSpace();
    if (!TakeCount(&least_)) return Bad("has { without a number: byte");
    most_ = least_;
    if (chars_.Is(',')) {
      chars_.Skip();
      SkipSpace();
      if (!TakeCount(&most_)) most_ = kUnlimited;
    }
    if (!chars_.Is('}')) return Bad("has { that is not closed: byte");
    if (most_ < least_) return Bad("has a maximum below its minimum: byte");
    return Took(Symbol::kRepeat);
  }
  bool TakeCount(uint32_t* value) {
    if (!chars_.IsDigit()) return false;
    uint64_t number = 0;
    for (; chars_.IsDigit(); chars_.Skip()) {
      number = Min<uint64_t>(number * 10 + static_cast<uint32_t>(chars_.Peek() - '0'), kUnlimited - 1);
    }
    *value = static_cast<uint32_t>(number);
    SkipSpace();
    return true;
  }

  // One character, possibly an escape; negative after an error.
  int32_t TakeEscaped(const char* not_closed) {
    const int32_t c = chars_.Peek();
    if (c == JsonChars::kEnd) Refuse(not_closed);
    if (c == JsonChars::kBad) Refuse("is not UTF-8: byte");
    if (c < 0) return -1;
    chars_.Skip();
    if (c != '\\') return c;
    const int32_t name = chars_.Peek();
    int digits = 0;
    switch (name) {
      case 'n': chars_.Skip(); return '\n';
      case 'r': chars_.Skip(); return '\r';
      case 't': chars_.Skip(); return '\t';
      case '"':
      case '\\':
      case '[':
      case ']':
      case '-':
      case '^': chars_.Skip(); return name;
      case 'x': digits = 2; break;
      case 'u': digits = 4; break;
      case 'U': digits = 8; break;
      default: Refuse("has an unknown escape: byte"); return -1;
    }
    uint32_t value = 0;
    for (; digits > 0; --digits) {
      chars_.Skip();
      const int32_t lower = chars_.Peek() | 0x20;
      const bool is_digit = chars_.IsDigit();
      if (!is_digit && (lower < 'a' || lower > 'f')) {
        Refuse("has an escape without its digits: byte");
        return -1;
      }
      value = value << 4 | static_cast<uint32_t>(is_digit ? chars_.Peek() - '0' : lower - 'a' + 10);
    }
    chars_.Skip();
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
      Refuse("has an escape of an invalid character: byte");
      return -1;
    }
    return static_cast<int32_t>(value);
  }

  std::string_view text_;
  GrammarBuilder* builder_;
  JsonChars chars_;
  std::string_view name_;
  uint32_t least_ = 0, most_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GBNF_READER_H_
