// Strings in tool calls, with the escapes of Python and JSON.
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

// The notation of a call: name(argument=value, ...), or {"name": ..., "arguments": {...}}.
enum class ToolCallForm : uint8_t { kPython, kJson };

namespace tool_internal {

inline constexpr int32_t kTextEnd = -2;
inline constexpr int32_t kTextBad = -1;

// A reader for TakeJsonEscape: escapes consist of ASCII.
struct EscapeBytes {
  std::string_view rest;

  int32_t Peek() const { return rest.empty() ? kTextEnd : static_cast<uint8_t>(rest.front()); }
  void Skip() { rest.remove_prefix(rest.empty() ? 0 : 1); }
};

// The next character within the quotes of a literal. kTextEnd at the end; kTextBad at invalid UTF-8 and invalid
// escapes, where the text is not advanced. Two \u that form a surrogate pair are one character in either form.
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
    // Python keeps the backslash of an unknown escape.
    const int32_t point = c == '\'' ? '\'' : c == 'a' ? '\a' : c == 'v' ? '\v' : c == '\n' ? kTextEnd : '\\';
    text->remove_prefix(point == '\\' ? 1 : 2);
    if (point != kTextEnd) return point;  // otherwise a line continuation
  }
}

}  // namespace tool_internal

// A string or a name in a call: a view of the text of the call. Trivially copyable.
class ToolText {
 public:
  constexpr ToolText() = default;
  // spelling: well-formed, without the quotes.
  constexpr ToolText(std::string_view spelling, ToolCallForm form) : spelling_(spelling), form_(form) {}

  // As written in the call, with escapes.
  constexpr std::string_view spelling() const { return spelling_; }
  constexpr ToolCallForm form() const { return form_; }
  constexpr bool empty() const { return spelling_.empty(); }

  // Whether it equals a text in UTF-8.
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

  // Writes it to `buffer`, in UTF-8 without a terminating zero, and sets *text to a view of it. Errors:
  // kOutputTooSmall, with the number of bytes needed; the buffer then contains the beginning.
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

  // Calls sink with each character in UTF-8: a view that is valid during the call.
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
