// Writes a tool call given as JSON as name(argument=value, ...).
#ifndef LFM2_TEXT_CALL_SPELLING_H_
#define LFM2_TEXT_CALL_SPELLING_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/status.h"
#include "lfm2/format/chat_format.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/json_spelling.h"
#include "lfm2/text/printable_tables.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

namespace call_internal {

// Whether Python's repr writes a character unescaped.
inline bool IsPrintable(uint32_t point) {
  bool printable = true;
  uint32_t end = 0, length = 0, shift = 0;
  for (const uint8_t byte : unicode_internal::kPrintableRuns) {
    length |= (byte & 0x7fu) << shift;
    shift += 7;
    if ((byte & 0x80) != 0) continue;
    end += length;
    if (point < end) return printable;
    printable = !printable;
    length = shift = 0;
  }
  return printable;
}

}  // namespace call_internal

// Reads JSON as strictly as JsonSpeller does, and preserves the same things: the spelling of numbers, and duplicate
// members of an object. No recursion, and no memory besides this object. Everything is written by the time Run returns,
// in pieces that never split a character, nor a marker that begins with '<' and has up to 64 bytes.
class CallSpeller {
 public:
  using Sink = FunctionRef<void(std::string_view piece)>;

  // All arguments must outlive the speller.
  CallSpeller(std::string_view call, const ChatFormat& format, Sink sink)
      : text_(call), format_(format), sink_(sink), chars_(call, false) {}

  // Errors, after which part of the call may have been written: kInvalidArgument, with the byte.
  Status Run() {
    // Checks that it is JSON before its members are looked up.
    writes_ = false;
    if (!Value(Style::kJson) || !AtEnd()) return status();
    writes_ = true;
    std::string_view function = Member(text_, "\"function\"");
    if (function.empty()) function = text_;
    const std::string_view name = Member(function, "\"name\""), arguments = Member(function, "\"arguments\"");
    chars_ = JsonChars(name, false);
    if (!chars_.Is('"')) return NoCall(function, "has no name: byte");
    String(Style::kPlain);
    Put('(');
    const bool in_string = !arguments.empty() && arguments[0] == '"';
    chars_ = JsonChars(in_string ? TextPart(arguments, 1, arguments.size() - 2) : arguments, in_string);
    if (!Arguments()) return status();
    Put(')');
    Flush();
    return Status();
  }

 private:
  enum class Style : uint8_t { kPlain, kEscaped, kQuoted, kDoubleQuoted, kJson, kPython };
  enum class State : uint8_t { kValue, kFirstValue, kKey, kFirstKey, kAfterValue };

  Status status() const { return Status(StatusCode::kInvalidArgument, "tool call", error_, Offset(chars_.rest())); }
  Status NoCall(std::string_view where, const char* what) const {
    return Status(StatusCode::kInvalidArgument, "tool call", what, Offset(where));
  }
  size_t Offset(std::string_view rest) const { return static_cast<size_t>(rest.data() - text_.data()); }
  bool Fail(const char* what = "is not well-formed JSON: byte") {
    error_ = what;
    return false;
  }
  bool AtEnd() {
    chars_.SkipSpace();
    return chars_.Peek() == JsonChars::kEnd || Fail();
  }

  void Flush() {
    if (used_ > 0) sink_({buffer_, used_});
    used_ = 0;
  }
  void Put(uint32_t point) {
    if (!writes_) return;
    if (point == '<' || used_ + 4 > sizeof(buffer_)) Flush();
    used_ += WriteUtf8(point, buffer_ + used_);
  }
  void PutText(std::string_view text) {
    for (const char c : text) Put(static_cast<uint8_t>(c));
  }
  void PutHex(uint32_t value, uint32_t digits) {
    while (digits-- > 0) Put(static_cast<uint8_t>("0123456789abcdef"[value >> 4 * digits & 15]));
  }

  // The value of a member of an object; empty if there is none or `json`, which is well-formed, is not an object. Of
  // several the last. key: with its quotes, and found in that spelling only.
  static std::string_view Member(std::string_view json, std::string_view key) {
    while (!json.empty() && JsonChars::IsSpace(json[0])) json.remove_prefix(1);
    if (json.empty() || json[0] != '{') return {};
    std::string_view found, name;
    size_t depth = 0, begin = 0;
    for (size_t at = 0; at < json.size(); ++at) {
      const char c = json[at];
      if (c == '"') {
        const size_t from = at;
        for (++at; at < json.size() && json[at] != '"'; ++at) at += json[at] == '\\' ? 1 : 0;
        if (depth == 1 && begin == 0) name = TextPart(json, from, at + 1 - from);
        continue;
      }
      if (c == ':' && depth == 1) begin = at + 1;
      const bool ends = c == '}' || c == ']';
      if (depth == 1 && begin > 0 && (ends || c == ',')) {
        std::string_view value = TextPart(json, begin, at - begin);
        while (JsonChars::IsSpace(value[0])) value.remove_prefix(1);
        while (JsonChars::IsSpace(value[value.size() - 1])) value.remove_suffix(1);
        if (name == key) found = value;
        begin = 0;
      }
      depth += c == '{' || c == '[' ? 1 : 0;
      if (ends && --depth == 0) break;
    }
    return found;
  }

  // Writes {"name": value, ...} as name=value, ...; a missing value and null like {}.
  bool Arguments() {
    chars_.SkipSpace();
    if (chars_.Peek() == JsonChars::kEnd) return true;
    if (chars_.Is('n')) {
      writes_ = false;
      const bool is_null = Literal(false) && AtEnd();
      writes_ = true;
      return is_null;
    }
    if (!chars_.Is('{')) return Fail("has arguments that are not an object: byte");
    chars_.Skip();
    chars_.SkipSpace();
    for (bool first = true; !chars_.Is('}'); first = false) {
      if (!first) {
        if (!chars_.Is(',')) return Fail();
        PutText(", ");
        chars_.Skip();
        chars_.SkipSpace();
      }
      if (!chars_.Is('"')) return Fail();
      if (!String(Style::kPlain) || !Colon("=")) return false;
      if (!Argument()) return false;
      chars_.SkipSpace();
    }
    chars_.Skip();
    return AtEnd();
  }
  bool Argument() {
    if (chars_.Is('"')) {
      return String(format_.quotes == ChatQuotes::kEscaped ? Style::kEscaped
                    : format_.quotes == ChatQuotes::kPlain ? Style::kQuoted
                                                           : Style::kDoubleQuoted);
    }
    if (!chars_.Is('{') && !chars_.Is('[')) return Literal(true);
    const ChatNesting nesting = chars_.Is('{') ? format_.objects : format_.lists;
    return Value(nesting == ChatNesting::kJson ? Style::kJson : Style::kPython);
  }

  bool Colon(std::string_view instead) {
    chars_.SkipSpace();
    if (!chars_.Is(':')) return Fail();
    chars_.Skip();
    chars_.SkipSpace();
    PutText(instead);
    return true;
  }

  bool Value(Style style) {
    uint32_t objects[kMaxJsonDepth / 32] = {};  // a bit for each level, set for an object
    uint32_t depth = 0;
    const auto in_object = [&] { return depth > 0 && (objects[(depth - 1) / 32] >> ((depth - 1) % 32) & 1u) != 0; };
    for (State state = State::kValue;;) {
      chars_.SkipSpace();
      const bool may_close = state == State::kAfterValue || state == State::kFirstKey || state == State::kFirstValue;
      if (may_close && depth > 0 && chars_.Is(in_object() ? '}' : ']')) {
        Take();
        --depth;
        state = State::kAfterValue;
      } else if (state == State::kAfterValue) {
        if (!chars_.Is(',')) return Fail();
        chars_.Skip();
        PutText(", ");
        state = in_object() ? State::kKey : State::kValue;
        continue;
      } else if (state == State::kKey || state == State::kFirstKey) {
        if (!chars_.Is('"')) return Fail();
        if (!String(style) || !Colon(": ")) return false;
        state = State::kValue;
        continue;
      } else if (chars_.Is('{') || chars_.Is('[')) {
        if (depth == kMaxJsonDepth) return Fail("is JSON that is nested too deeply: byte");
        const uint32_t bit = 1u << (depth % 32);
        uint32_t& level = objects[depth / 32];
        level = chars_.Is('{') ? level | bit : level & ~bit;
        state = chars_.Is('{') ? State::kFirstKey : State::kFirstValue;
        ++depth;
        Take();
        continue;
      } else {
        if (!(chars_.Is('"') ? String(style) : Literal(style == Style::kPython))) return false;
        state = State::kAfterValue;
      }
      if (depth == 0) return true;
    }
  }

  void Take() {
    Put(static_cast<uint32_t>(chars_.Peek()));
    chars_.Skip();
  }
  bool TakeDigits() {
    if (!chars_.IsDigit()) return Fail();
    while (chars_.IsDigit()) Take();
    return true;
  }
  // A number, or true, false or null.
  bool Literal(bool python) {
    constexpr std::string_view kWords[] = {"true", "false", "null"}, kPython[] = {"True", "False", "None"};
    for (uint32_t i = 0; i < 3; ++i) {
      if (!chars_.Is(kWords[i][0])) continue;
      for (const char c : kWords[i]) {
        if (!chars_.Is(c)) return Fail();
        chars_.Skip();
      }
      PutText(python ? kPython[i] : kWords[i]);
      return true;
    }
    if (chars_.Is('-')) Take();
    if (chars_.Is('0')) {
      Take();
    } else if (!TakeDigits()) {
      return false;
    }
    if (chars_.Is('.')) {
      Take();
      if (!TakeDigits()) return false;
    }
    if (!chars_.Is('e') && !chars_.Is('E')) return true;
    Take();
    if (chars_.Is('+') || chars_.Is('-')) Take();
    return TakeDigits();
  }

  // The next character of a string, with escapes decoded. False after an error; *is_end at the closing quote.
  bool Next(uint32_t* point, bool* is_end) {
    *is_end = chars_.Is('"');
    int32_t next = chars_.Peek();
    if (next == '\\') {
      next = TakeJsonEscape(&chars_);
    } else if (next >= 0x20) {
      chars_.Skip();
    } else {
      next = JsonChars::kBad;
    }
    *point = static_cast<uint32_t>(next);
    return next >= 0 || Fail();
  }
  bool String(Style style) {
    chars_.Skip();
    const char quote = style == Style::kPython ? PythonQuote() : '\'';
    const bool quotes = style != Style::kPlain;
    const char around = style == Style::kJson || style == Style::kDoubleQuoted ? '"' : quote;
    if (quotes) Put(static_cast<uint8_t>(around));
    uint32_t point = 0;
    bool is_end = false;
    while (Next(&point, &is_end)) {
      if (is_end) {
        if (quotes) Put(static_cast<uint8_t>(around));
        return true;
      }
      PutInString(point, style, static_cast<uint8_t>(around));
    }
    return false;
  }
  // repr uses double quotes only if that saves escapes.
  char PythonQuote() {
    const JsonChars begin = chars_;
    bool single = false, twice = false, is_end = false;
    for (uint32_t point = 0; Next(&point, &is_end) && !is_end;) {
      single = single || point == '\'';
      twice = twice || point == '"';
    }
    chars_ = begin;
    return single && !twice ? '"' : '\'';
  }

  void PutInString(uint32_t point, Style style, uint32_t quote) {
    const bool escapes = style == Style::kEscaped || style == Style::kJson || style == Style::kPython;
    if (escapes && (point == '\\' || point == quote)) {
      Put('\\');
      Put(point);
      return;
    }
    // The characters with an escape of one letter.
    const char name = point < 14 ? "\0\0\0\0\0\0\0\0btn\0fr"[point] : '\0';
    const bool named = style == Style::kJson || name == 'n' || name == 'r' || (name == 't' && style == Style::kPython);
    if (escapes && name != '\0' && named) {
      Put('\\');
      Put(static_cast<uint8_t>(name));
    } else if (style == Style::kJson && point < 0x20) {
      PutText("\\u");
      PutHex(point, 4);
    } else if (style == Style::kPython && !call_internal::IsPrintable(point)) {
      PutText(point < 0x100 ? "\\x" : point < 0x10000 ? "\\u" : "\\U");
      PutHex(point, point < 0x100 ? 2 : point < 0x10000 ? 4 : 8);
    } else {
      Put(point);
    }
  }

  std::string_view text_;
  const ChatFormat& format_;
  Sink sink_;
  JsonChars chars_;
  const char* error_ = "";
  bool writes_ = true;
  size_t used_ = 0;
  char buffer_[64];
};

}  // namespace lfm2

#endif  // LFM2_TEXT_CALL_SPELLING_H_
