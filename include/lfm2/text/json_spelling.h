// JSON in the spelling that models were trained on.
#ifndef LFM2_TEXT_JSON_SPELLING_H_
#define LFM2_TEXT_JSON_SPELLING_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Most objects and lists within one another.
inline constexpr uint32_t kMaxJsonDepth = 256;

// Writes a character as in a JSON string to `to`, which has room for 6 bytes. Returns the number of bytes.
inline size_t WriteJsonChar(uint32_t point, char* to) {
  size_t size = 0;
  const auto put = [&](uint32_t byte) { to[size++] = static_cast<char>(byte); };
  if (point == '"' || point == '\\') {
    put('\\');
    put(point);
  } else if (point < 0x20) {
    put('\\');
    const char name = "\0\0\0\0\0\0\0\0btn\0fr"[Min<uint32_t>(point, 14)];
    if (name != '\0') {
      put(static_cast<uint8_t>(name));
    } else {
      for (const char c : {'u', '0', '0'}) put(static_cast<uint8_t>(c));
      put('0' + (point >> 4));
      put(static_cast<uint8_t>("0123456789abcdef"[point & 15]));
    }
  } else {
    size = WriteUtf8(point, to);
  }
  return size;
}

// Writes a JSON text as Python's json.dumps(json.loads(text), ensure_ascii=False) does, piece by piece: ", " and ": "
// and no other white space; escapes only for quotes, backslashes and control characters. It preserves the spelling of
// numbers and duplicate keys of an object. Strict: JSON by RFC 8259, in UTF-8, without lone surrogates. No recursion,
// and no memory besides this object.
//   JsonSpeller speller(text, "tool");
//   while (speller.Next(&piece)) Write(piece);
//   return speller.status();
class JsonSpeller {
 public:
  // where: the name of the text in the Status. Both must outlive the speller.
  JsonSpeller(std::string_view text, const char* where) : text_(text), where_(where) {}

  // The next piece of the output, never empty, valid until the next call. False at the end and after an error.
  bool Next(std::string_view* piece) {
    if (state_ == State::kString) return InString(piece);
    if (state_ == State::kEnd) return false;
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    if (state_ == State::kAfterValue && depth_ == 0 && at_ == text_.size()) {
      state_ = State::kEnd;
      return false;
    }
    const char c = Peek(at_);
    const bool may_close = is_first_ || state_ == State::kAfterValue;
    if (may_close && depth_ > 0 && c == (InObject() ? '}' : ']')) {
      --depth_;
      return Took(1, State::kAfterValue, piece);
    }
    is_first_ = false;
    switch (state_) {
      case State::kAfterValue:
        if (c != ',' || depth_ == 0) return Fail();
        return Instead(", ", InObject() ? State::kKey : State::kValue, piece);
      case State::kAfterKey: return c == ':' ? Instead(": ", State::kValue, piece) : Fail();
      case State::kKey: return c == '"' ? Began(true, piece) : Fail();
      default: return Value(c, piece);
    }
  }

  // ok() unless Next has found an error: kInvalidArgument, with the byte or the depth.
  Status status() const { return status_; }

 private:
  enum class State : uint8_t { kValue, kKey, kAfterKey, kAfterValue, kString, kEnd };

  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }
  // '\0' at the end, which matches no rule.
  char Peek(size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  bool InObject() const { return (objects_[(depth_ - 1) / 32] >> ((depth_ - 1) % 32) & 1u) != 0; }

  // Records an error at byte at_.
  bool Fail(const char* what = "is not well-formed JSON: byte") {
    status_ = Status(StatusCode::kInvalidArgument, where_, what, at_);
    state_ = State::kEnd;
    return false;
  }
  // The next `bytes` bytes of the text are a piece.
  bool Took(size_t bytes, State next, std::string_view* piece) {
    *piece = TextPart(text_, at_, bytes);
    at_ += bytes;
    state_ = next;
    return true;
  }
  // Replaces the next byte by `text`.
  bool Instead(std::string_view text, State next, std::string_view* piece) {
    ++at_;
    *piece = text;
    state_ = next;
    return true;
  }
  bool Began(bool is_key, std::string_view* piece) {
    is_key_ = is_key;
    return Took(1, State::kString, piece);
  }

  bool Value(char c, std::string_view* piece) {
    if (c == '"') return Began(false, piece);
    if (c == '{' || c == '[') {
      if (depth_ == kMaxJsonDepth) return Fail("is JSON that is nested too deeply: byte");
      const uint32_t bit = 1u << (depth_ % 32);
      objects_[depth_ / 32] = c == '{' ? objects_[depth_ / 32] | bit : objects_[depth_ / 32] & ~bit;
      ++depth_;
      is_first_ = true;
      return Took(1, c == '{' ? State::kKey : State::kValue, piece);
    }
    for (const std::string_view word :
         {std::string_view("true"), std::string_view("false"), std::string_view("null")}) {
      if (text_.size() - at_ >= word.size() && TextPart(text_, at_, word.size()) == word) {
        return Took(word.size(), State::kAfterValue, piece);
      }
    }
    const size_t begin = at_;
    if (!SkipNumber()) return Fail();
    *piece = TextPart(text_, begin, at_ - begin);
    state_ = State::kAfterValue;
    return true;
  }

  bool SkipDigits() {
    const size_t begin = at_;
    while (IsDigit(Peek(at_))) ++at_;
    return at_ > begin;
  }
  bool SkipNumber() {
    if (Peek(at_) == '-') ++at_;
    if (Peek(at_) == '0') {
      ++at_;
    } else if (!SkipDigits()) {
      return false;
    }
    if (Peek(at_) == '.') {
      ++at_;
      if (!SkipDigits()) return false;
    }
    if (Peek(at_) == 'e' || Peek(at_) == 'E') {
      ++at_;
      if (Peek(at_) == '+' || Peek(at_) == '-') ++at_;
      return SkipDigits();
    }
    return true;
  }

  // Within a string: the characters up to the next one that is written differently, that one, or the end.
  bool InString(std::string_view* piece) {
    size_t end = at_;
    while (end < text_.size() && static_cast<uint8_t>(text_[end]) >= 0x20 && text_[end] != '"' && text_[end] != '\\') {
      const Utf8Char c = ReadUtf8(TextFrom(text_, end));
      if (c.kind != Utf8Char::Kind::kValid) {
        at_ = end;
        return Fail("is not UTF-8: byte");
      }
      end += c.length;
    }
    if (end > at_) return Took(end - at_, State::kString, piece);
    if (Peek(at_) == '"') return Took(1, is_key_ ? State::kAfterKey : State::kAfterValue, piece);
    if (Peek(at_) != '\\') return Fail();
    switch (Peek(at_ + 1)) {
      case '"':
      case '\\':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't': return Took(2, State::kString, piece);
      case '/': ++at_; return Took(1, State::kString, piece);
      case 'u': return CodeUnits(piece);
      default: ++at_; return Fail();
    }
  }

  // Reads the four hexadecimal digits of \uNNNN at at_ and moves past them.
  bool ReadUnit(uint32_t* unit) {
    *unit = 0;
    if (Peek(at_) != '\\' || Peek(at_ + 1) != 'u') return false;
    at_ += 2;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek(at_), lower = static_cast<char>(c | 0x20);
      if (!IsDigit(c) && (lower < 'a' || lower > 'f')) return false;
      *unit = *unit << 4 | static_cast<uint32_t>(IsDigit(c) ? c - '0' : lower - 'a' + 10);
    }
    return true;
  }

  // Reads \uNNNN, or two that form one character.
  bool CodeUnits(std::string_view* piece) {
    uint32_t point = 0, low = 0;
    const size_t begin = at_;
    if (!ReadUnit(&point)) return Fail();
    if (point >= 0xd800 && point <= 0xdfff) {
      if (point >= 0xdc00 || !ReadUnit(&low) || low < 0xdc00 || low > 0xdfff) {
        at_ = begin;
        return Fail("has half of a surrogate pair: byte");
      }
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    *piece = {written_, WriteJsonChar(point, written_)};
    return true;
  }

  std::string_view text_;
  const char* where_;
  size_t at_ = 0;
  State state_ = State::kValue;
  bool is_first_ = false;  // at the beginning of an object or a list
  bool is_key_ = false;    // the current string is a key
  uint32_t depth_ = 0;
  uint32_t objects_[kMaxJsonDepth / 32] = {};  // a bit for each level, set for an object
  char written_[8] = {};
  Status status_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SPELLING_H_
