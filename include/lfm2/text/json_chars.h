// JSON text, one character at a time, where it lies.
#ifndef LFM2_TEXT_JSON_CHARS_H_
#define LFM2_TEXT_JSON_CHARS_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// An escape of a JSON string, from its backslash on, at the front of a reader with Peek and Skip, which is moved past
// it. The character, or a negative number where it is none: also for half of a surrogate pair.
template <class Reader>
int32_t TakeJsonEscape(Reader* reader) {
  const auto unit = [reader]() -> int32_t {
    int32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      reader->Skip();
      const int32_t c = reader->Peek(), lower = c | 0x20;
      const bool is_digit = c >= '0' && c <= '9';
      if (!is_digit && (lower < 'a' || lower > 'f')) return -1;
      value = value << 4 | (is_digit ? c - '0' : lower - 'a' + 10);
    }
    reader->Skip();
    return value;
  };
  reader->Skip();
  const int32_t c = reader->Peek();
  if (c == 'u') {
    const int32_t high = unit();
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high >= 0xdc00 || reader->Peek() != '\\') return -1;
    reader->Skip();
    if (reader->Peek() != 'u') return -1;
    const int32_t low = unit();
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

// The characters of a text, or those that the inside of a JSON string stands for. Copied freely.
class JsonChars {
 public:
  static constexpr int32_t kEnd = -2;
  static constexpr int32_t kBad = -1;

  JsonChars(std::string_view text, bool in_string) : raw_{text}, rest_(text), in_string_(in_string) { Skip(); }

  // The next character; kEnd; kBad for bytes that are no UTF-8, or an escape that is none.
  int32_t Peek() const { return point_; }
  bool Is(char c) const { return point_ == static_cast<uint8_t>(c); }
  bool IsDigit() const { return point_ >= '0' && point_ <= '9'; }
  // What is bad stays.
  void Skip() {
    rest_ = raw_.rest;
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
