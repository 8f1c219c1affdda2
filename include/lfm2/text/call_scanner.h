// The syntax of names and values in tool calls, in the notations of Python and JSON.
#ifndef LFM2_TEXT_CALL_SCANNER_H_
#define LFM2_TEXT_CALL_SCANNER_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/text/json_spelling.h"
#include "lfm2/text/tool_number.h"
#include "lfm2/text/tool_text.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Reads the parts of a call one after another. Every function that returns bool is true if the part was there, and is
// then past it; otherwise error() states what was expected at byte offset(). No recursion; writes nothing.
//
// JSON is that of RFC 8259, but strings may contain control characters. Python's values are literals: strings in either
// quotes, which may span lines and contain any escape but \N{}; integers of any base, of at most 64 bits unless
// decimal; floats; True, False and None, also in JSON's spelling; lists, tuples, one value in parentheses, and
// dictionaries whose keys are strings. Not supported: sets, adjacent strings, strings with a prefix or in triple
// quotes, complex numbers, expressions, comments.
class CallScanner {
 public:
  CallScanner(std::string_view text, size_t at, ToolCallForm form) : text_(text), at_(at), form_(form) {}

  std::string_view text() const { return text_; }
  size_t offset() const { return at_; }
  // A clause about the call, to be followed by the byte.
  const char* error() const { return error_; }
  bool is_json() const { return form_ == ToolCallForm::kJson; }
  ToolCallForm form() const { return form_; }
  void set_form(ToolCallForm form) { form_ = form; }
  // The text read since byte `begin`, and the offset of a part of the text.
  std::string_view From(size_t begin) const { return TextPart(text_, begin, at_ - begin); }
  size_t OffsetOf(std::string_view part) const { return static_cast<size_t>(part.data() - text_.data()); }

  // '\0' at the end, which matches no rule.
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool IsEnd() const { return at_ == text_.size(); }
  bool Fail(const char* error) {
    error_ = error;
    return false;
  }
  bool FailAt(size_t at, const char* error) {
    at_ = at;
    return Fail(error);
  }
  // The error is at byte `begin`, where the part began, unless the text ends within the part.
  bool FailFrom(size_t begin, const char* error) { return FailAt(IsEnd() ? at_ : begin, error); }
  void GoTo(size_t at) { at_ = at; }

  LFM2_SELDOM void SkipSpace() {
    while (JsonChars::IsSpace(Peek()) || (Peek() == '\f' && !is_json())) ++at_;
  }
  // One character, with white space on either side.
  LFM2_SELDOM bool Take(char c) {
    SkipSpace();
    if (Peek() != c) return false;
    ++at_;
    SkipSpace();
    return true;
  }
  bool Take(std::string_view text) {
    if (text_.size() - at_ < text.size() || TextPart(text_, at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  // The name of a tool or an argument: letters, digits and '_', not beginning with a digit, and any of "-./:" between
  // two of them. Letters are those of ASCII and all characters beyond ASCII.
  bool IsName() const { return IsLetter(Peek()); }
  LFM2_SELDOM bool Name() {
    if (!IsName()) return Fail("needs a name at byte");
    const size_t begin = at_;
    const auto is_part = [&](size_t ahead) { return IsLetter(Peek(ahead)) || tool_internal::IsDigit(Peek(ahead)); };
    while (is_part(0) || (((Peek() >= '-' && Peek() <= '/') || Peek() == ':') && is_part(1))) ++at_;
    return Check(From(begin));
  }

  // A value. *in_parentheses: whether it is in parentheses that do not make a tuple.
  LFM2_SELDOM bool Value(bool* in_parentheses = nullptr) {
    uint32_t levels[kMaxJsonDepth / 16] = {};  // two bits for each level: the closing bracket
    uint32_t depth = 0;
    const auto close = [&] { return "])}"[levels[(depth - 1) / 16] >> (depth - 1) % 16 * 2 & 3]; };
    SkipSpace();
    const bool may_be = Peek() == '(';
    bool has_comma = false;
    for (;;) {
      SkipSpace();
      const uint32_t kind = Peek() == '[' ? 0 : Peek() == '(' && !is_json() ? 1 : Peek() == '{' ? 2 : 3;
      bool closes = false;
      if (kind < 3) {
        if (depth == kMaxJsonDepth) return Fail("needs less nesting at byte");
        uint32_t& level = levels[depth / 16];
        const uint32_t shift = depth % 16 * 2;
        level = (level & ~(3u << shift)) | kind << shift;
        ++depth;
        ++at_;
        SkipSpace();
        closes = Peek() == close();
        if (closes && depth == 1) has_comma = true;
        if (!closes) {
          if (kind == 2 && !Key()) return false;
          continue;
        }
      } else if (!Scalar()) {
        return false;
      }
      // A value has ended, and possibly what contains it.
      for (;; closes = true) {
        if (closes) {
          ++at_;
          --depth;
        }
        if (depth == 0) {
          if (in_parentheses != nullptr) *in_parentheses = may_be && !has_comma;
          return true;
        }
        SkipSpace();
        if (Peek() == ',') {
          ++at_;
          has_comma = has_comma || depth == 1;
          SkipSpace();
          if (is_json() || Peek() != close()) {
            if (close() == '}' && !Key()) return false;
            break;
          }
        }
        if (Peek() != close()) return Fail("needs ',' or a closing bracket at byte");
      }
    }
  }

  // A string with its quotes.
  LFM2_SELDOM bool String() {
    const char quote = Peek();
    const size_t begin = ++at_;
    for (; Peek() != quote; ++at_) {
      if (Peek() == '\\') ++at_;
      if (at_ >= text_.size()) return FailAt(text_.size(), "needs the quote that ends a text at byte");
    }
    if (!Check(From(begin))) return false;
    ++at_;
    return true;
  }
  bool IsQuote() const { return Peek() == '"' || (Peek() == '\'' && !is_json()); }

 private:
  static bool IsLetter(char c) {
    const char lower = static_cast<char>(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || c == '_' || static_cast<uint8_t>(c) >= 0x80;
  }

  // Whether the part that was just read is valid text.
  bool Check(std::string_view text) {
    int32_t point = 0;
    while (point >= 0) point = tool_internal::TakeTextChar(&text, form_);
    return point == tool_internal::kTextEnd ||
           FailAt(at_ - text.size(), "needs UTF-8 and an escape that exists at byte");
  }
  bool Key() {
    if (!IsQuote()) return Fail("needs a text as key at byte");
    if (!String()) return false;
    return Take(':') || Fail("needs ':' at byte");
  }

  bool Scalar() {
    if (IsQuote()) return String();
    const size_t begin = at_;
    return (IsLetter(Peek()) ? Word() : Number()) || FailFrom(begin, "needs a value at byte");
  }
  bool Word() {
    const size_t begin = at_;
    while (IsLetter(Peek())) ++at_;
    constexpr std::string_view kWords[] = {"true", "false", "null", "True", "False", "None"};
    for (uint32_t i = 0; i < (is_json() ? 3 : 6); ++i) {
      if (From(begin) == kWords[i]) return true;
    }
    return false;
  }

  // Digits; in Python with single '_' between them. False if there are none.
  LFM2_SELDOM bool Digits(uint32_t base = 10) {
    const size_t begin = at_;
    while (tool_internal::DigitOf(Peek()) < base ||
           (Peek() == '_' && at_ > begin && tool_internal::DigitOf(Peek(1)) < base && !is_json())) {
      ++at_;
    }
    return at_ > begin;
  }
  bool Number() {
    if (Peek() == '-' || (Peek() == '+' && !is_json())) {
      ++at_;
      if (!is_json()) SkipSpace();
    }
    const size_t begin = at_;
    const uint32_t base = Peek() == '0' && !is_json() ? tool_internal::BaseOf(Peek(1)) : 10;
    if (base != 10) at_ += Peek(2) == '_' ? 3 : 2;
    const bool whole = Digits(base);
    bool is_float = base == 10 && Peek() == '.';
    if (is_float) {
      ++at_;
      const bool fraction = Digits();
      if (is_json() ? !whole || !fraction : !whole && !fraction) return false;
    } else if (!whole) {
      return false;
    }
    if (base == 10 && (Peek() | 0x20) == 'e') {
      is_float = true;
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      if (!Digits()) return false;
    }
    const tool_internal::NumberParts parts = tool_internal::SplitNumber(From(begin));
    uint64_t magnitude = 0;
    if (base != 10) return tool_internal::ReadMagnitude(parts, &magnitude);
    // Leading zeros are invalid in JSON; in Python they are valid in floats, and in front of zeros only.
    return parts.rest.size() == at_ - begin || (!is_json() && (is_float || parts.rest[0] == '0'));
  }

  std::string_view text_;
  size_t at_;
  const char* error_ = "";
  ToolCallForm form_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_CALL_SCANNER_H_
