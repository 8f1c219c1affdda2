// Reads the tool calls in the text of a model: their names and typed arguments.
#ifndef LFM2_TEXT_TOOL_CALL_READER_H_
#define LFM2_TEXT_TOOL_CALL_READER_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/call_scanner.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/tool_value.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Most arguments of one call.
inline constexpr size_t kMaxToolArguments = 256;

// A call: a view of the text that it was read from. Trivially copyable.
class ToolCall {
 public:
  ToolCall() = default;
  // The tool's name.
  std::string_view name() const { return name_; }

  // Names positional arguments, from the first on: the properties of the schema of the tool, in order, in UTF-8; the
  // list must outlive the call. Without names such arguments are found by arguments() only. Errors, after which there
  // are no names: kInvalidArgument where a positional argument would have the name of another argument, with its index.
  Status NameArguments(const ListRef<std::string_view>& parameters) {
    size_t nameless = 0;
    ToolItem item;
    for (ToolItems items(arguments_, form_, {}); items.Next(&item);) {
      if (!item.has_name && nameless < parameters.size()) ++nameless;
      for (size_t i = 0; i < nameless && item.has_name; ++i) {
        if (!item.name.Is(parameters[i])) continue;
        return Status(StatusCode::kInvalidArgument, "argument", "is given by its name and by its position", i);
      }
    }
    parameters_ = parameters;
    return Status();
  }
  ToolItems arguments() const { return ToolItems(arguments_, form_, parameters_); }

  // The argument of a name. Errors: kInvalidArgument where there is none, kCorrupt where there are two.
  LFM2_SELDOM Status Find(std::string_view name, ToolValue* value) const {
    size_t found = 0;
    ToolItem item;
    for (ToolItems items = arguments(); items.Next(&item);) {
      if (!item.has_name || !item.name.Is(name)) continue;
      if (++found == 1) *value = item.value;
    }
    if (found == 1) return Status();
    return found == 0 ? Status(StatusCode::kInvalidArgument, "argument", "is missing")
                      : Status(StatusCode::kCorrupt, "argument", "is given twice");
  }
  // Find, then the Get function of ToolValue. Errors: those of both.
  LFM2_SELDOM Status GetInteger(std::string_view name, int64_t* value) const {
    ToolValue found;
    Status status = Find(name, &found);
    if (status.ok()) status = found.GetInteger(value);
    return status;
  }
  LFM2_SELDOM Status GetNumber(std::string_view name, double* value) const {
    ToolValue found;
    Status status = Find(name, &found);
    if (status.ok()) status = found.GetNumber(value);
    return status;
  }
  LFM2_SELDOM Status GetBool(std::string_view name, bool* value) const {
    ToolValue found;
    Status status = Find(name, &found);
    if (status.ok()) status = found.GetBool(value);
    return status;
  }
  LFM2_SELDOM Status GetString(std::string_view name, Span<char> buffer, std::string_view* text) const {
    ToolValue found;
    Status status = Find(name, &found);
    if (status.ok()) status = found.GetString(buffer, text);
    return status;
  }

 private:
  friend class tool_internal::CallList;
  static constexpr std::string_view kNone = "{}";

  // name: not empty. arguments: well-formed, including the parentheses or braces.
  ToolCall(std::string_view name, std::string_view arguments, ToolCallForm form)
      : name_(name), arguments_(arguments), form_(form) {}

  std::string_view name_;
  std::string_view arguments_ = kNone;
  ToolCallForm form_ = ToolCallForm::kJson;
  ListRef<std::string_view> parameters_;
};

namespace tool_internal {

// Consecutive calls: one, or several separated by commas, or any number in brackets.
class CallList {
 public:
  CallList() : CallList({}, 0) {}
  // The calls begin at byte `at` of the text.
  CallList(std::string_view text, size_t at) : scanner_(text, at, ToolCallForm::kPython) {
    in_brackets_ = scanner_.Take('[');
    scanner_.SkipSpace();
    if (scanner_.Peek() == '{') scanner_.set_form(ToolCallForm::kJson);
  }

  CallScanner& scanner() { return scanner_; }
  bool in_brackets() const { return in_brackets_; }
  bool is_malformed() const { return is_malformed_; }
  // Whether the text contains what only a call has: name( or, in JSON, "name" and "arguments".
  bool is_certain() const { return is_certain_; }

  // False after the last call and its bracket, and for malformed text.
  LFM2_SELDOM bool Next(ToolCall* call) {
    const bool goes_on = count_ == 0 || scanner_.Take(',');
    const bool may_end = in_brackets_ && (count_ == 0 || !scanner_.is_json());
    if (goes_on && !(may_end && scanner_.Peek() == ']')) {
      ++count_;
      is_malformed_ = !(scanner_.is_json() ? ReadJson(call) : ReadPython(call));
      return !is_malformed_;
    }
    if (in_brackets_ && !scanner_.Take(']')) is_malformed_ = !scanner_.Fail("needs ',' or ']' at byte");
    return false;
  }

 private:
  bool ReadPython(ToolCall* call) {
    const size_t begin = scanner_.offset();
    if (!scanner_.Name()) return false;
    const std::string_view name = scanner_.From(begin);
    is_certain_ = scanner_.Peek() == '(';
    scanner_.SkipSpace();
    const size_t arguments = scanner_.offset();
    if (!scanner_.Take('(')) return scanner_.Fail("needs '(' at byte");
    size_t count = 0;
    for (bool named = false; scanner_.Peek() != ')'; ++count) {
      if (count == kMaxToolArguments) return scanner_.Fail("needs fewer arguments at byte");
      const size_t begin_of_this = scanner_.offset();
      const bool is_name = scanner_.IsName() && scanner_.Name();
      const std::string_view argument = scanner_.From(begin_of_this);
      if (is_name && scanner_.Take('=')) {
        if (count > 0 && IsAmong(TextPart(scanner_.text(), arguments, begin_of_this - arguments), argument)) {
          return scanner_.FailAt(begin_of_this, "needs another name for an argument at byte");
        }
        named = true;
      } else {
        if (named) return scanner_.FailFrom(begin_of_this, "needs an argument with a name at byte");
        scanner_.GoTo(begin_of_this);
      }
      if (!scanner_.Value()) return false;
      if (!scanner_.Take(',') && scanner_.Peek() != ')') return scanner_.Fail("needs ',' or ')' at byte");
    }
    scanner_.GoTo(scanner_.offset() + 1);
    *call = ToolCall(name, scanner_.From(arguments), ToolCallForm::kPython);
    return true;
  }
  // arguments: from '(' on, up to the comma or white space after the last one.
  static bool IsAmong(std::string_view arguments, std::string_view name) {
    ToolItem item;
    for (ToolItems items(arguments, ToolCallForm::kPython, {}); items.Next(&item);) {
      if (item.has_name && item.name.spelling() == name) return true;  // names in Python have no escapes
    }
    return false;
  }

  bool ReadJson(ToolCall* call) {
    const size_t begin = scanner_.offset();
    is_certain_ = false;
    if (scanner_.Peek() != '{') return scanner_.Fail("needs '{' at byte");
    if (!scanner_.Value()) return false;
    ToolValue name, arguments;
    ToolItem item;
    for (ToolItems items(scanner_.From(begin), ToolCallForm::kJson, {}); items.Next(&item);) {
      if (item.name.Is("name")) name = item.value;
      if (item.name.Is("arguments")) arguments = item.value;
    }
    const std::string_view text = name.string().spelling();
    bool is_plain = !text.empty();
    for (const char c : text) is_plain = is_plain && c != '\\' && static_cast<uint8_t>(c) >= 0x20;
    if (!is_plain) {
      return scanner_.FailAt(begin, "needs a \"name\" that is a text without escapes, in the object at byte");
    }
    const ToolValueKind kind = arguments.kind();
    is_certain_ = kind == ToolValueKind::kObject;
    if (!is_certain_ && kind != ToolValueKind::kNull) {
      return scanner_.FailAt(scanner_.OffsetOf(arguments.spelling()), "needs an object of arguments at byte");
    }
    *call = ToolCall(text, is_certain_ ? arguments.spelling() : ToolCall::kNone, ToolCallForm::kJson);
    return true;
  }

  CallScanner scanner_;
  size_t count_ = 0;
  bool in_brackets_ = false;
  bool is_malformed_ = false;
  bool is_certain_ = false;
};

}  // namespace tool_internal

// Where a text may contain calls.
struct ToolCallPlaces {
  // Calls are only between <|tool_call_start|> and <|tool_call_end|>. If false, a text without these markers may also
  // consist entirely of calls, as written by models that do not use the markers; see ToolCallReader.
  bool needs_markers = true;
  // The text begins within a thought, after a <think> that precedes it.
  bool begins_in_thought = false;
};

// Reads the calls of a complete text, one after another, without memory besides this object.
//   ToolCallReader reader(text);
//   while (reader.Next(&call)) ...
//   return reader.status();
//
// Between the markers, of which a text may have several pairs, is one of the following, with white space anywhere
// between its parts:
//   [name(argument=value, ...), ...]                     also without brackets; arguments may be positional
//   [{"name": "...", "arguments": {...}}, ...]           also without brackets; arguments may be missing or null
// CallScanner defines names and values. Extensions of Python: strings may span lines, Python's keywords are names, and
// names may contain '-', '/' and ':' between letters. Malformed is everything that has neither form, and: a string, a
// list or a call that the text cuts off; anything between the last call and its end marker; an argument given twice, or
// a positional argument after a named one. The end marker may be missing after complete calls. Calls within thoughts,
// <think> ... </think>, are ignored.
//
// After a start marker all calls must be well-formed; none of them is returned before all have been read. Without
// needs_markers the same applies to a text without markers that begins with '[' and name(, or is a JSON object with
// "name" and "arguments". A text that begins with name( alone is a call if it can be read as one or as the beginning of
// one that is cut off. All other texts have no calls.
class ToolCallReader {
 public:
  // text: an answer, which outlives the reader and the calls that it returns.
  explicit ToolCallReader(std::string_view text) : text_(text) {}
  // Only this constructor refers to the code for texts without markers.
  ToolCallReader(std::string_view text, const ToolCallPlaces& places)
      : text_(text), in_thought_(places.begins_in_thought), check_bare_(places.needs_markers ? nullptr : &CheckBare) {}

  // The next call. False at the end and after an error.
  bool Next(ToolCall* call) {
    while (!in_list_ || !list_.Next(call)) {
      in_list_ = false;
      if (!FindList()) return false;
    }
    return true;
  }

  // ok() unless Next has found an error: kInvalidArgument for malformed calls, with the byte as value().
  Status status() const { return status_; }

 private:
  bool StartsWith(std::string_view marker) const {
    return text_.size() - at_ >= marker.size() && TextPart(text_, at_, marker.size()) == marker;
  }

  // Finds the next calls, all of them well-formed.
  bool FindList() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] != '<') continue;
      if (StartsWith(in_thought_ ? kThinkEnd : kThinkBegin)) {
        in_thought_ = !in_thought_;
        begin_ = at_ + kThinkEnd.size();
      } else if (!in_thought_ && StartsWith(kToolCallBegin)) {
        check_bare_ = nullptr;
        begin_ = at_ + kToolCallBegin.size();
        return Check(kToolCallEnd) ? Begin() : Refuse();
      }
    }
    const auto check_bare = in_thought_ ? nullptr : check_bare_;
    check_bare_ = nullptr;
    return check_bare != nullptr && check_bare(this);
  }
  bool Begin() {
    at_ = list_.scanner().offset();
    list_ = tool_internal::CallList(text_, begin_);
    in_list_ = true;
    return true;
  }
  bool Refuse() {
    const CallScanner& scanner = list_.scanner();
    status_ = Status(StatusCode::kInvalidArgument, "tool call", scanner.error(), scanner.offset());
    at_ = text_.size();
    return false;
  }

  // Whether there are well-formed calls from begin_ up to the marker, or to the end of the text.
  LFM2_SELDOM bool Check(std::string_view marker) {
    list_ = tool_internal::CallList(text_, begin_);
    CallScanner& scanner = list_.scanner();
    ToolCall call;
    all_certain_ = true;
    while (list_.Next(&call)) all_certain_ = all_certain_ && list_.is_certain();
    if (list_.is_malformed()) return false;
    scanner.SkipSpace();
    return scanner.IsEnd() || (!marker.empty() && scanner.Take(marker)) ||
           scanner.Fail("needs <|tool_call_end|> at byte");
  }

  static bool CheckBare(ToolCallReader* reader) {
    if (reader->Check({})) return reader->all_certain_ && reader->Begin();
    // Whether it was meant as a call.
    tool_internal::CallList& list = reader->list_;
    const std::string_view text = TextFrom(reader->text_, reader->begin_);
    const bool is_meant =
        list.scanner().is_json()
            ? text.find("\"name\"") != std::string_view::npos && text.find("\"arguments\"") != std::string_view::npos
            : list.is_certain() && (list.in_brackets() || list.scanner().IsEnd());
    return is_meant && reader->Refuse();
  }

  std::string_view text_;
  size_t at_ = 0;     // where the search continues
  size_t begin_ = 0;  // of the calls, or of the text after thoughts
  tool_internal::CallList list_;
  bool in_thought_ = false;
  bool in_list_ = false;
  bool all_certain_ = false;
  bool (*check_bare_)(ToolCallReader* reader) = nullptr;
  Status status_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_CALL_READER_H_
