// UTF-8, one code point at a time, for arbitrary bytes.
#ifndef LFM2_TEXT_UTF8_H_
#define LFM2_TEXT_UTF8_H_

#include <string_view>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/text/unicode_tables.h"

namespace lfm2 {

// Views of text[at .. at + length) and text[at ..), which must be within the text. string_view::substr would add code
// that throws.
constexpr std::string_view TextPart(std::string_view text, size_t at, size_t length) {
  LFM2_ASSERT(at <= text.size() && length <= text.size() - at);
  return {text.data() + at, length};
}
constexpr std::string_view TextFrom(std::string_view text, size_t at) { return TextPart(text, at, text.size() - at); }

// Whether a byte is a continuation byte of a character.
constexpr bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0u) == 0x80u; }

// Writes a character, not a surrogate, to `to`. Returns the number of bytes, 1..4.
inline size_t WriteUtf8(uint32_t code_point, char* to) {
  size_t size = 0;
  const auto put = [&](uint32_t byte) { to[size++] = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
    return size;
  }
  if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      put(0xe0 | code_point >> 12);
    } else {
      put(0xf0 | code_point >> 18);
      put(0x80 | (code_point >> 12 & 0x3f));
    }
    put(0x80 | (code_point >> 6 & 0x3f));
  }
  put(0x80 | (code_point & 0x3f));
  return size;
}

// Character classes of the split pattern of the tokenizer.
enum class CharClass : uint8_t { kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3 };

constexpr CharClass ClassOf(uint32_t code_point) {
  namespace u = unicode_internal;
  if (code_point >= u::kEnd) return CharClass::kOther;
  const uint32_t in_block = code_point & ((1u << u::kShift) - 1);
  const uint32_t at = (uint32_t{u::kIndex[code_point >> u::kShift]} << (u::kShift - 2)) + (in_block >> 2);
  return static_cast<CharClass>((u::kBlocks[at] >> ((in_block & 3) * 2)) & 3);
}

inline constexpr uint32_t kReplacementCharacter = 0xfffd;

// The first character of some bytes.
struct Utf8Char {
  enum class Kind : uint8_t {
    kValid,
    kInvalid,     // `length` bytes that belong to no character
    kIncomplete,  // the bytes are the beginning of a character
  };
  uint32_t code_point;  // kReplacementCharacter unless valid
  uint32_t length;      // bytes, 1..4
  Kind kind;
};

// bytes: not empty. An invalid run is a "maximal subpart" as in Unicode chapter 3.9 (table 3-8), which Python's and
// Rust's lossy decoders replace by one U+FFFD.
inline Utf8Char ReadUtf8(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, Utf8Char::Kind::kValid};
  uint32_t length = 0, code_point = 0;
  // The range of the second byte depends on the first: no overlong forms, no surrogates, nothing above U+10FFFF.
  uint8_t low = 0x80, high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
    code_point = first & 0x1fu;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3;
    code_point = first & 0x0fu;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    code_point = first & 0x07u;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return {kReplacementCharacter, 1, Utf8Char::Kind::kInvalid};
  }
  for (uint32_t i = 1; i < length; ++i, low = 0x80, high = 0xbf) {
    if (i == bytes.size()) return {kReplacementCharacter, i, Utf8Char::Kind::kIncomplete};
    if (byte(i) < low || byte(i) > high) return {kReplacementCharacter, i, Utf8Char::Kind::kInvalid};
    code_point = (code_point << 6) | (byte(i) & 0x3fu);
  }
  return {code_point, length, Utf8Char::Kind::kValid};
}

}  // namespace lfm2

#endif  // LFM2_TEXT_UTF8_H_
