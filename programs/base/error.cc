#include "programs/base/error.h"

#include "lfm2/text/utf8.h"

namespace lfm2::tools {

namespace {

// Lengths of one part of a sentence, in bytes. A longer one keeps its beginning and its end, which states the reason if
// the part is the text of an Error.
constexpr size_t kLongestPart = 1000, kFirstPart = 600, kLastPart = 390;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

std::string Escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    const bool control = c.code_point < 0x20 || (c.code_point >= 0x7f && c.code_point < 0xa0);
    for (uint32_t i = 0; i < c.length; ++i) {
      if (c.kind == Utf8Char::Kind::kValid && !control) {
        out += text[i];
        continue;
      }
      const unsigned byte = static_cast<unsigned char>(text[i]);
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    text.remove_prefix(c.length);
  }
  return out;
}

}  // namespace

void Error::Append(std::string* out, std::string_view text) {
  const std::string escaped = Escaped(text);
  if (escaped.size() <= kLongestPart) {
    out->append(escaped);
    return;
  }
  size_t begin = kFirstPart, end = escaped.size() - kLastPart;
  while (IsContinuation(escaped[begin])) --begin;
  while (IsContinuation(escaped[end])) ++end;
  out->append(escaped, 0, begin).append("...").append(escaped, end, std::string::npos);
}

}  // namespace lfm2::tools
