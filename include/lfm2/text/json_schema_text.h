// The spelling of JSON values of a schema in a grammar.
#ifndef LFM2_TEXT_JSON_SCHEMA_TEXT_H_
#define LFM2_TEXT_JSON_SCHEMA_TEXT_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/json_schema_ref.h"
#include "lfm2/text/json_tape.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

namespace schema_internal {

// The bytes of the inside of a JSON string as json.dumps(text, ensure_ascii=False) writes it, with a backslash before
// `quotes`; without quotes, the unescaped characters.
class SpelledBytes {
 public:
  static constexpr int32_t kEnd = -1;

  explicit SpelledBytes(const JsonChars& chars, std::string_view quotes = "\"") : chars_(chars), quotes_(quotes) {}

  // The next byte; kEnd.
  int32_t Take() {
    if (at_ == size_ && !Fill()) return kEnd;
    return static_cast<uint8_t>(buffer_[at_++]);
  }
  // Whether the byte that Take will return begins a character or an escape.
  bool at_boundary() const { return at_ == size_; }

 private:
  bool Fill() {
    if (chars_.Peek() < 0) return false;
    const auto point = static_cast<uint32_t>(chars_.Peek());
    chars_.Skip();
    at_ = 0;
    size_ = 0;
    const char name = "\0\0\0\0\0\0\0\0btn\0fr"[point < 14 ? point : 11];
    bool is_quote = false;
    for (const char quote : quotes_) is_quote = is_quote || point == static_cast<uint8_t>(quote);
    if (quotes_.empty()) {
      size_ = WriteUtf8(point, buffer_);
    } else if (is_quote || point == '\\') {
      Put('\\');
      Put(static_cast<char>(point));
    } else if (point >= 0x20) {
      size_ = WriteUtf8(point, buffer_);
    } else if (name != '\0') {
      Put('\\');
      Put(name);
    } else {
      for (const char c : {'\\', 'u', '0', '0'}) Put(c);
      Put(static_cast<char>('0' + (point >> 4)));
      Put("0123456789abcdef"[point & 15]);
    }
    return true;
  }
  void Put(char c) { buffer_[size_++] = c; }

  JsonChars chars_;
  std::string_view quotes_;
  size_t at_ = 0, size_ = 0;
  char buffer_[8] = {};
};

// Less than 0, 0 or more: the order of two strings as spelled.
inline int CompareSpelled(const JsonTape& tape, JsonTape::Node a, JsonTape::Node b) {
  SpelledBytes left(tape.chars(a)), right(tape.chars(b));
  for (;;) {
    const int32_t x = left.Take(), y = right.Take();
    if (x != y) return x < y ? -1 : 1;
    if (x == SpelledBytes::kEnd) return 0;
  }
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_TEXT_H_
