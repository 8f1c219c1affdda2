// A text as a call of a tool spells it: with escapes, of which Python and JSON have their own.
#ifndef LFM2_TEXT_TOOL_TEXT_H_
#define LFM2_TEXT_TOOL_TEXT_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// How calls are written: name(argument=value, ...), or {"name": ..., "arguments": {...}}.
enum class ToolCallForm : uint8_t { kPython, kJson };

namespace tool_internal {

inline constexpr int32_t kTextEnd = -2;
inline constexpr int32_t kTextBad = -1;

// What TakeJsonEscape reads from: escapes have no other bytes than ASCII's.
struct EscapeBytes {
  std::string_view rest;

  int32_t Peek() const { return rest.empty() ? kTextEnd : static_cast<uint8_t>(rest.front()); }
  void Skip() { rest.remove_prefix(rest.empty() ? 0 : 1); }
};

// The next character of what is within the quotes of a literal. kTextEnd, or kTextBad at bytes that are no UTF-8 and
// escapes that are none, where the text stays. Two \u that are a surrogate pair are one character in either form.
LFM2_SELDOM inline int32_t TakeTextChar(std::string_view* text, ToolCallForm form) {
  for (;;) {
    if (text->empty()) return kTextEnd;
    if (text->front() != '\\') {
      const Utf8Char c = ReadUtf8(*text);
      if (c.kind != Utf8Char::Kind::kValid) return kTextBad;
      text->remove_prefix(c.length);
      return static_cast<int32_t>(c.code_point);
    }
    const char c = text->size() > 1 ? (*text)[1] : '\0';
    constexpr std::string_view kShared = "u\"\\bfnrt";
    if (form == ToolCallForm::kJson || kShared.find(c) != std::string_view::npos) {
      EscapeBytes bytes{*text};
      const int32_t point = TakeJsonEscape(&bytes);
      if (point < 0) return kTextBad;
      *text = bytes.rest;
      return point;
    }
    if (c == 'x' || c == 'U') {
      EscapeBytes bytes{TextFrom(*text, 1)};
      const uint32_t point = TakeHexDigits(&bytes, c == 'x' ? 2 : 8);
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return kTextBad;
      *text = bytes.rest;
      return static_cast<int32_t>(point);
    }
    if (c == 'N') return kTextBad;  // the name of a character
    if (c >= '0' && c <= '7') {
      int32_t point = 0;
      text->remove_prefix(1);
      for (int i = 0; i < 3 && !text->empty() && text->front() >= '0' && text->front() <= '7'; ++i) {
        point = point << 3 | (text->front() - '0');
        text->remove_prefix(1);
      }
      return point;
    }
    // Of an escape that is none Python keeps the backslash.
    const int32_t point = c == '\'' ? '\'' : c == 'a' ? '\a' : c == 'v' ? '\v' : c == '\n' ? kTextEnd : '\\';
    text->remove_prefix(point == '\\' ? 1 : 2);
    if (point != kTextEnd) return point;  // otherwise a line that goes on
  }
}

}  // namespace tool_internal

// A text or a name within a call, from which it was made and which it refers to. Copied freely.
class ToolText {
 public:
  constexpr ToolText() = default;
  // spelling: what is within the quotes, and well-formed.
  constexpr ToolText(std::string_view spelling, ToolCallForm form) : spelling_(spelling), form_(form) {}

  // As the call has it, with its escapes.
  constexpr std::string_view spelling() const { return spelling_; }
  constexpr ToolCallForm form() const { return form_; }
  constexpr bool empty() const { return spelling_.empty(); }

  // Whether it is this text, in UTF-8.
  bool Is(std::string_view text) const {
    bool same = true;
    ForEach([&](std::string_view character) {
      for (const char byte : character) {
        same = same && !text.empty() && text.front() == byte;
        if (same) text.remove_prefix(1);
      }
    });
    return same && text.empty();
  }

  // Writes it to `buffer`, in UTF-8 and without a zero at the end, and makes *text a view of that. Errors:
  // kOutputTooSmall, with the bytes that are needed; the buffer then has the beginning.
  Status Copy(Span<char> buffer, std::string_view* text) const {
    size_t bytes = 0;
    ForEach([&](std::string_view character) {
      for (const char byte : character) {
        if (bytes < buffer.size()) buffer[bytes] = byte;
        ++bytes;
      }
    });
    if (bytes > buffer.size()) {
      return Status(StatusCode::kOutputTooSmall, "text of a tool call", "bytes", bytes, buffer.size());
    }
    *text = {buffer.data(), bytes};
    return Status();
  }

  // Calls sink with each character, in UTF-8: a view that is valid during the call.
  LFM2_SELDOM void ForEach(FunctionRef<void(std::string_view)> sink) const {
    char bytes[4];
    std::string_view rest = spelling_;
    for (int32_t point = 0; (point = tool_internal::TakeTextChar(&rest, form_)) >= 0;) {
      sink({bytes, WriteUtf8(static_cast<uint32_t>(point), bytes)});
    }
  }

 private:
  std::string_view spelling_;
  ToolCallForm form_ = ToolCallForm::kPython;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_TEXT_H_
