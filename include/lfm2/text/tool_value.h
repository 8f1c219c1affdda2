// Arguments of tool calls: typed values, read in place from the text of a call.
#ifndef LFM2_TEXT_TOOL_VALUE_H_
#define LFM2_TEXT_TOOL_VALUE_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/call_scanner.h"
#include "lfm2/text/tool_number.h"
#include "lfm2/text/tool_text.h"

namespace lfm2 {

namespace tool_internal {
class CallList;
}

// The type of a value.
enum class ToolValueKind : uint8_t {
  kNull,     // or None
  kBool,     // in either spelling
  kInteger,  // an integer that fits int64_t
  kNumber,   // any other number
  kString,   // in quotes
  kList,     // or a tuple
  kObject,   // or a dictionary
};

// A value: a view of the text of a call. Trivially copyable.
// Each Get function is for one type. Errors, which leave *value or *text unchanged: kUnsupported for a value of another
// type, kOutputTooSmall for one that does not fit.
class ToolValue {
 public:
  ToolValue() = default;  // null

  // Reads a value from a text that contains nothing else but white space. Errors, which leave *value unchanged:
  // kInvalidArgument, with the byte.
  static Status Read(std::string_view text, ToolCallForm form, ToolValue* value);

  // As written in the call. Numbers of any size can be read from it.
  std::string_view spelling() const { return spelling_; }
  ToolCallForm form() const { return form_; }

  // Its type, from its spelling.
  LFM2_SELDOM ToolValueKind kind() const {
    switch (spelling_[0]) {
      case 'n':
      case 'N': return ToolValueKind::kNull;
      case 't':
      case 'T':
      case 'f':
      case 'F': return ToolValueKind::kBool;
      case '"':
      case '\'': return ToolValueKind::kString;
      case '[':
      case '(': return ToolValueKind::kList;
      case '{': return ToolValueKind::kObject;
    }
    int64_t value = 0;
    const tool_internal::NumberParts parts = tool_internal::SplitNumber(spelling_);
    const bool is_integer = tool_internal::IsWhole(parts) && tool_internal::ReadInteger(parts, &value);
    return is_integer ? ToolValueKind::kInteger : ToolValueKind::kNumber;
  }

  // Integers without a point or an exponent; kOutputTooSmall beyond int64_t.
  Status GetInteger(int64_t* value) const {
    if (!IsNumber()) return Mismatch("is not an integer");
    const tool_internal::NumberParts parts = tool_internal::SplitNumber(spelling_);
    if (!tool_internal::IsWhole(parts)) return Mismatch("is not an integer");
    return tool_internal::ReadInteger(parts, value) ? Status() : TooLarge("is an integer of more than 64 bits");
  }
  // Any number, with the accuracy of tool_internal::ReadDouble; kOutputTooSmall beyond the largest double.
  Status GetNumber(double* value) const {
    if (!IsNumber()) return Mismatch("is not a number");
    const double number = tool_internal::ReadDouble(tool_internal::SplitNumber(spelling_));
    constexpr uint64_t kInfinite = uint64_t{0x7ff} << 52;
    if ((BitCast<uint64_t>(number) & kInfinite) == kInfinite) return TooLarge("is a number beyond double");
    *value = number;
    return Status();
  }
  Status GetBool(bool* value) const {
    if (kind() != ToolValueKind::kBool) return Mismatch("is neither true nor false");
    *value = (spelling_[0] | 0x20) == 't';
    return Status();
  }
  // A string: decodes its escapes into buffer, and sets *text to a view of that (ToolText::Copy).
  Status GetString(Span<char> buffer, std::string_view* text) const {
    return kind() == ToolValueKind::kString ? string().Copy(buffer, text) : Mismatch("is not a string");
  }
  // The string; empty for other values.
  ToolText string() const {
    if (kind() != ToolValueKind::kString) return ToolText();
    return ToolText(TextPart(spelling_, 1, spelling_.size() - 2), form_);
  }

 private:
  friend class ToolItems;

  // spelling: one well-formed value and nothing around it.
  ToolValue(std::string_view spelling, ToolCallForm form) : spelling_(spelling), form_(form) {}

  bool IsNumber() const { return kind() == ToolValueKind::kInteger || kind() == ToolValueKind::kNumber; }
  LFM2_SELDOM static Status Mismatch(const char* what) { return Status(StatusCode::kUnsupported, "argument", what); }
  LFM2_SELDOM static Status TooLarge(const char* what) { return Status(StatusCode::kOutputTooSmall, "argument", what); }

  static constexpr std::string_view kNull = "null";

  std::string_view spelling_ = kNull;
  ToolCallForm form_ = ToolCallForm::kJson;
};

// An argument, a member of an object, or an element of a list.
struct ToolItem {
  size_t index = 0;       // its place, from 0 on
  bool has_name = false;  // false for elements of a list, and for positional arguments without a name
  ToolText name;          // empty without one
  ToolValue value;        // null where there is none
};

// The arguments of a call, the members of an object, or the elements of a list, in order.
//   ToolItem item;
//   for (ToolItems items = call.arguments(); items.Next(&item);) ...
class ToolItems {
 public:
  // No items.
  ToolItems() : scanner_({}, 0, ToolCallForm::kJson) {}
  // The items of a list or an object; none for other values.
  explicit ToolItems(const ToolValue& value)
      : ToolItems(IsOpen(value.spelling()) ? value.spelling() : kNone, value.form(), {}) {}

  // False at the end.
  LFM2_SELDOM bool Next(ToolItem* item) {
    scanner_.SkipSpace();
    if (scanner_.IsEnd()) return false;
    const auto name = [&](std::string_view spelling) {
      item->name = ToolText(spelling, scanner_.form());
      item->has_name = true;
    };
    item->name = ToolText();
    item->has_name = false;
    const size_t begin = scanner_.offset();
    if (open_ == '{') {
      static_cast<void>(scanner_.String());
      name(TextPart(scanner_.From(begin), 1, scanner_.offset() - begin - 2));
      static_cast<void>(scanner_.Take(':'));
    } else if (open_ == '(' && scanner_.IsName()) {
      static_cast<void>(scanner_.Name());
      const std::string_view spelling = scanner_.From(begin);
      if (scanner_.Take('=')) {
        name(spelling);
      } else {
        scanner_.GoTo(begin);
      }
    }
    if (open_ == '(' && !item->has_name && index_ < parameters_.size()) name(parameters_[index_]);
    item->index = index_++;
    item->value = Value(&scanner_);
    static_cast<void>(scanner_.Take(','));
    return true;
  }

 private:
  friend class ToolCall;
  friend class ToolValue;
  friend class tool_internal::CallList;
  static constexpr std::string_view kNone = "[]";

  // spelling: well-formed, including its brackets; the arguments of a call in Python's form, in parentheses, may have
  // names. parameters: the names of positional arguments.
  ToolItems(std::string_view spelling, ToolCallForm form, const ListRef<std::string_view>& parameters)
      : scanner_(TextPart(spelling, 1, spelling.size() - 2), 0, form), parameters_(parameters), open_(spelling[0]) {}

  static bool IsOpen(std::string_view text) { return text[0] == '[' || text[0] == '(' || text[0] == '{'; }

  // Without parentheses around it that do not make a tuple.
  static ToolValue Value(CallScanner* scanner) {
    bool in_parentheses = false;
    size_t begin = scanner->offset();
    static_cast<void>(scanner->Value(&in_parentheses));
    std::string_view text = scanner->From(begin);
    while (in_parentheses) {
      CallScanner inner(text, 1, scanner->form());
      inner.SkipSpace();
      begin = inner.offset();
      static_cast<void>(inner.Value(&in_parentheses));
      text = inner.From(begin);
    }
    return ToolValue(text, scanner->form());
  }

  CallScanner scanner_;
  ListRef<std::string_view> parameters_;
  size_t index_ = 0;
  char open_ = '[';
};

inline Status ToolValue::Read(std::string_view text, ToolCallForm form, ToolValue* value) {
  CallScanner scanner(text, 0, form);
  scanner.SkipSpace();
  bool read = scanner.Value();
  scanner.SkipSpace();
  if (read && !scanner.IsEnd()) read = scanner.Fail("needs to end at byte");
  if (!read) return Status(StatusCode::kInvalidArgument, "value", scanner.error(), scanner.offset());
  scanner.GoTo(0);
  scanner.SkipSpace();
  *value = ToolItems::Value(&scanner);
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_VALUE_H_
