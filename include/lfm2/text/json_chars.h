// Reads JSON text one character at a time, in place.
#ifndef LFM2_TEXT_JSON_CHARS_H_
#define LFM2_TEXT_JSON_CHARS_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// The value of so many hexadecimal digits, 8 at most, after the next character of a reader with Peek and Skip, which is
// moved past them. UINT32_MAX if they are not hexadecimal digits.
template <class Reader>
LFM2_SELDOM uint32_t TakeHexDigits(Reader* reader, int digits) {
  uint32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    reader->Skip();
    const int32_t c = reader->Peek(), lower = c | 0x20;
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (lower < 'a' || lower > 'f')) return UINT32_MAX;
    value = value << 4 | static_cast<uint32_t>(is_digit ? c - '0' : lower - 'a' + 10);
  }
  reader->Skip();
  return value;
}

// Reads an escape of a JSON string, from its backslash on, from a reader with Peek and Skip, which is moved past it.
// Returns the character, or a negative number if it is invalid, including lone surrogates.
template <class Reader>
LFM2_SELDOM int32_t TakeJsonEscape(Reader* reader) {
  reader->Skip();
  const int32_t c = reader->Peek();
  if (c == 'u') {
    const int32_t high = static_cast<int32_t>(TakeHexDigits(reader, 4));
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high >= 0xdc00 || reader->Peek() != '\\') return -1;
    reader->Skip();
    if (reader->Peek() != 'u') return -1;
    const int32_t low = static_cast<int32_t>(TakeHexDigits(reader, 4));
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }
  constexpr char kNames[] = "\"\\/bfnrt", kValues[] = "\"\\/\b\f\n\r\t";
  for (uint32_t i = 0; i < sizeof(kNames) - 1; ++i) {
    if (c != kNames[i]) continue;
    reader->Skip();
    return kValues[i];
  }
  return -1;
}

// The characters of a text, or of the inside of a JSON string with escapes decoded. Trivially copyable.
class JsonChars {
 public:
  static constexpr int32_t kEnd = -2;
  static constexpr int32_t kBad = -1;

  JsonChars(std::string_view text, bool in_string) : raw_{text}, rest_(text), in_string_(in_string) { Skip(); }

  // The next character; kEnd; kBad for invalid UTF-8 or an invalid escape.
  int32_t Peek() const { return point_; }
  bool Is(char c) const { return point_ == static_cast<uint8_t>(c); }
  bool IsDigit() const { return point_ >= '0' && point_ <= '9'; }
  // Does not advance past kBad.
  void Skip() {
    rest_ = raw_.rest;
    // Most characters are ASCII.
    if (!rest_.empty() && static_cast<uint8_t>(rest_.front()) < 0x80 && (rest_.front() != '\\' || !in_string_)) {
      point_ = rest_.front();
      raw_.rest.remove_prefix(1);
      return;
    }
    point_ = raw_.Peek();
    if (point_ == '\\' && in_string_) {
      point_ = TakeJsonEscape(&raw_);
    } else {
      raw_.Skip();
    }
  }
  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  void SkipSpace() {
    while (Is(' ') || Is('\n') || Is('\r') || Is('\t')) Skip();
  }
  // The text from the next character on.
  std::string_view rest() const { return rest_; }

 private:
  struct Raw {
    std::string_view rest;

    int32_t Peek() const {
      if (rest.empty()) return kEnd;
      const Utf8Char c = ReadUtf8(rest);
      return c.kind == Utf8Char::Kind::kValid ? static_cast<int32_t>(c.code_point) : kBad;
    }
    void Skip() {
      if (!rest.empty()) rest.remove_prefix(ReadUtf8(rest).length);
    }
  };

  Raw raw_;
  std::string_view rest_;
  int32_t point_ = kEnd;
  bool in_string_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_CHARS_H_
