// Splits text into words as LFM2's tokenizer does; merges never cross the end of a word.
#ifndef LFM2_TEXT_PRETOKENIZER_H_
#define LFM2_TEXT_PRETOKENIZER_H_

#include <string_view>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// The first word of `text` by the pattern
//   (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+
//   | \s+(?!\S) | \s+
// whose alternatives are tried from left to right. Invalid UTF-8 counts as U+FFFD (class other), one character for each
// maximal subpart, so it is split as if it had been replaced. Returns the length of the word in bytes, at least 1; or 0
// if more text may follow (!final) that could change the result.
class WordSplitter {
 public:
  // text: not empty.
  static size_t FirstWord(std::string_view text, bool final) {
    LFM2_ASSERT(!text.empty());
    WordSplitter s(text, final);
    const size_t length = s.Match();
    return s.undecided_ ? 0 : length;
  }

 private:
  enum class Char : uint8_t { kOther, kLetter, kNumber, kSpace, kNewline, kEnd };

  WordSplitter(std::string_view text, bool final) : text_(text), final_(final) {}

  // The class of the character at byte `at`; *next is the byte after it.
  Char Read(size_t at, size_t* next) {
    if (at >= text_.size()) {
      undecided_ = undecided_ || !final_;
      *next = at;
      return Char::kEnd;
    }
    const uint8_t byte = static_cast<uint8_t>(text_[at]);
    if (byte == '\r' || byte == '\n') {
      *next = at + 1;
      return Char::kNewline;
    }
    const Utf8Char c = ReadUtf8(TextFrom(text_, at));
    if (c.kind == Utf8Char::Kind::kIncomplete) undecided_ = undecided_ || !final_;
    *next = at + c.length;
    switch (ClassOf(c.code_point)) {
      case CharClass::kOther: return Char::kOther;
      case CharClass::kLetter: return Char::kLetter;
      case CharClass::kNumber: return Char::kNumber;
      case CharClass::kSpace: return Char::kSpace;
    }
    return Char::kOther;
  }

  // The first byte after all characters of class `c` from byte `at` on.
  size_t Skip(size_t at, Char c) {
    size_t next = at;
    while (Read(at, &next) == c) at = next;
    return at;
  }

  // The ASCII letter at `at` in lower case; U+017F (long s) folds to s.
  char Folded(size_t at, size_t* next) {
    if (Read(at, next) != Char::kLetter) return '\0';
    const std::string_view bytes = TextPart(text_, at, *next - at);
    if (bytes == "\xc5\xbf") return 's';
    if (bytes.size() != 1) return '\0';
    return static_cast<char>(bytes[0] | 0x20);
  }

  // After an apostrophe at byte 0: the length of 's, 't, 're ...; 0 if there is no contraction.
  size_t Contraction() {
    size_t one = 0, two = 0;
    const char first = Folded(1, &one);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return one;
    if (first != 'r' && first != 'v' && first != 'l') return 0;
    const char second = Folded(one, &two);
    return second == (first == 'l' ? 'l' : 'e') ? two : 0;
  }

  size_t Match() {
    size_t after = 0;
    const Char first = Read(0, &after);
    if (text_[0] == '\'') {
      const size_t contraction = Contraction();
      if (contraction > 0) return contraction;
    }
    if (first == Char::kLetter) return Skip(after, Char::kLetter);
    if (first == Char::kNumber) {
      size_t end = after, next = 0;
      for (int digits = 1; digits < 3 && Read(end, &next) == Char::kNumber; ++digits) end = next;
      return end;
    }
    size_t next = 0;
    const Char second = Read(after, &next);
    if (first != Char::kNewline && second == Char::kLetter) return Skip(next, Char::kLetter);
    if (first == Char::kOther || (text_[0] == ' ' && second == Char::kOther)) {
      return Skip(Skip(after, Char::kOther), Char::kNewline);
    }
    return Spaces(first, after);
  }

  // Length of a word of white space: up to the last newline of the run; otherwise the whole run at the end of the text;
  // otherwise all but its last character, which belongs to the next word, unless it is the only one.
  size_t Spaces(Char first, size_t after) {
    size_t end = after, last_begin = 0;
    size_t newline_end = first == Char::kNewline ? after : 0;
    size_t next = 0;
    Char c = Read(end, &next);
    for (; c == Char::kSpace || c == Char::kNewline; c = Read(end, &next)) {
      last_begin = end;
      end = next;
      if (c == Char::kNewline) newline_end = end;
    }
    if (newline_end > 0) return newline_end;
    return c == Char::kEnd || last_begin == 0 ? end : last_begin;
  }

  std::string_view text_;
  bool final_;
  bool undecided_ = false;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_PRETOKENIZER_H_
