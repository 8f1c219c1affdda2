// Writes tool calls that were read as JSON.
#ifndef LFM2_TEXT_TOOL_CALL_WRITER_H_
#define LFM2_TEXT_TOOL_CALL_WRITER_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/call_scanner.h"
#include "lfm2/text/json_spelling.h"
#include "lfm2/text/tool_call.h"
#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/tool_number.h"
#include "lfm2/text/tool_text.h"
#include "lfm2/text/tool_value.h"

namespace lfm2 {

// Writes JSON as Python's json.dumps(value, ensure_ascii=False) does, except that numbers keep their digits; only forms
// that JSON does not have are converted (`+1`, `1_000`, `.5`, `1.`, `0x1f` become 1, 1000, 0.5, 1.0, 31). Lists and
// tuples become arrays. Pieces never split a character, and are written by the time a function returns.
class ToolJsonWriter {
 public:
  // sink: takes the text piece by piece; outlives the writer.
  explicit ToolJsonWriter(ToolCallList::Sink sink) : sink_(sink) {}

  // {"name": "...", "arguments": {...}}. The name of a positional argument is its index, from 0 on.
  void Call(const ToolCall& call) {
    Put("{\"name\": ");
    String(ToolText(call.name(), ToolCallForm::kJson));
    Put(", \"arguments\": ");
    Arguments(call);
    Put("}");
    Flush();
  }
  // The arguments of a call: {...}.
  void Arguments(const ToolCall& call) {
    Put("{");
    ToolItem item;
    for (ToolItems items = call.arguments(); items.Next(&item);) {
      if (item.index > 0) Put(", ");
      if (item.has_name) {
        String(item.name);
      } else {
        Put("\"");
        PutDecimal(item.index);
        Put("\"");
      }
      Put(": ");
      Value(item.value);
    }
    Put("}");
    Flush();
  }
  void Value(const ToolValue& value) {
    CallScanner scanner(value.spelling(), 0, value.form());
    uint32_t in_parentheses[kMaxJsonDepth / 32] = {};  // a bit for each level: parentheses that are not written
    uint32_t depth = 0;
    for (scanner.SkipSpace(); !scanner.IsEnd(); scanner.SkipSpace()) {
      const char c = scanner.Peek();
      const size_t begin = scanner.offset();
      if (c == '[' || c == '(' || c == '{') {
        bool hidden = false;
        CallScanner ahead = scanner;
        if (c == '(') static_cast<void>(ahead.Value(&hidden));
        const uint32_t bit = 1u << depth % 32;
        uint32_t& level = in_parentheses[depth++ / 32];
        level = hidden ? level | bit : level & ~bit;
        if (!hidden) Put(c == '{' ? "{" : "[");
      } else if (c == ']' || c == ')' || c == '}') {
        --depth;
        if ((in_parentheses[depth / 32] >> depth % 32 & 1u) == 0) Put(c == '}' ? "}" : "]");
      } else if (c == ':') {
        Put(": ");
      } else if (c == ',') {
        static_cast<void>(scanner.Take(','));
        const char next = scanner.Peek();
        if (next != ']' && next != ')' && next != '}') Put(", ");
        continue;
      } else if (scanner.IsQuote()) {
        static_cast<void>(scanner.String());
        String(ToolText(TextPart(scanner.From(begin), 1, scanner.offset() - begin - 2), scanner.form()));
        continue;
      } else {
        static_cast<void>(scanner.Value());
        Scalar(scanner.From(begin));
        continue;
      }
      scanner.GoTo(begin + 1);
    }
    Flush();
  }

 private:
  void Flush() {
    if (used_ > 0) sink_({buffer_, used_});
    used_ = 0;
  }
  // text: at most 20 bytes.
  void Put(std::string_view text) {
    if (used_ + text.size() > sizeof(buffer_)) Flush();
    for (const char c : text) buffer_[used_++] = c;
  }
  void PutDecimal(uint64_t number) {
    char digits[20];
    size_t at = sizeof(digits);
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    Put({digits + at, sizeof(digits) - at});
  }

  void String(const ToolText& text) {
    Put("\"");
    std::string_view rest = text.spelling();
    char bytes[8];
    for (int32_t point = 0; (point = tool_internal::TakeTextChar(&rest, text.form())) >= 0;) {
      Put({bytes, WriteJsonChar(static_cast<uint32_t>(point), bytes)});
    }
    Put("\"");
  }

  void Scalar(std::string_view spelling) {
    const char first = static_cast<char>(spelling[0] | 0x20);
    if (first == 't' || first == 'f' || first == 'n')
      return Put(first == 't' ? "true" : first == 'f' ? "false" : "null");
    const tool_internal::NumberParts parts = tool_internal::SplitNumber(spelling);
    if (parts.is_negative) Put("-");
    if (parts.base != 10) {
      uint64_t magnitude = 0;
      static_cast<void>(tool_internal::ReadMagnitude(parts, &magnitude));
      return PutDecimal(magnitude);
    }
    if (parts.rest[0] == '.') Put("0");
    for (size_t i = 0; i < parts.rest.size(); ++i) {
      const char c = parts.rest[i];
      if (c != '_') Put({&c, 1});
      if (c == '.' && (i + 1 == parts.rest.size() || !tool_internal::IsDigit(parts.rest[i + 1]))) Put("0");
    }
  }

  ToolCallList::Sink sink_;
  size_t used_ = 0;
  char buffer_[64];
};

// Writes a call as JSON, {"name": "...", "arguments": {...}}, to `buffer`, and sets *json to a view of it: an element
// of a ToolCallList, for the history of a chat. Errors: kOutputTooSmall, with the number of bytes needed.
inline Status WriteToolCall(const ToolCall& call, Span<char> buffer, std::string_view* json) {
  size_t bytes = 0;
  ToolJsonWriter([&](std::string_view piece) {
    for (const char c : piece) {
      if (bytes < buffer.size()) buffer[bytes] = c;
      ++bytes;
    }
  }).Call(call);
  if (bytes > buffer.size()) {
    return Status(StatusCode::kOutputTooSmall, "tool call as JSON", "bytes", bytes, buffer.size());
  }
  *json = {buffer.data(), bytes};
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_CALL_WRITER_H_
