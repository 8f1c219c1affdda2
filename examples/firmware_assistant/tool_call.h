// The model's tool calls, from text such as <|tool_call_start|>[set_heating(room="hallway",
// celsius=17)]<|tool_call_end|>.
#ifndef LFM2_EXAMPLES_FIRMWARE_ASSISTANT_TOOL_CALL_H_
#define LFM2_EXAMPLES_FIRMWARE_ASSISTANT_TOOL_CALL_H_

#include <cstddef>
#include <string_view>

// Views into the text that was parsed.
struct ToolCall {
  static constexpr size_t kMaxArguments = 4;
  struct Argument {
    std::string_view name;
    std::string_view value;  // without the quotes
  };
  std::string_view name;
  Argument arguments[kMaxArguments];
  size_t count = 0;

  // Empty where there is no such argument.
  std::string_view operator[](std::string_view argument) const {
    for (size_t i = 0; i < count; ++i) {
      if (arguments[i].name == argument) return arguments[i].value;
    }
    return {};
  }
};

namespace tool_call_internal {

// Takes what stands before `end` off the front of *text, and `end`; false where there is none.
inline bool TakeUntil(std::string_view* text, char end, std::string_view* before) {
  const size_t at = text->find(end);
  if (at == std::string_view::npos) return false;
  *before = {text->data(), at};
  text->remove_prefix(at + 1);
  return true;
}
inline void SkipSpaces(std::string_view* text) {
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
}

}  // namespace tool_call_internal

// The first call in `text`; false where there is none that this can read. A model may write anything: what it wrote is
// only a wish, and whoever acts on it checks every value.
inline bool ParseToolCall(std::string_view text, ToolCall* call) {
  namespace internal = tool_call_internal;
  constexpr std::string_view kBegin = "<|tool_call_start|>[";
  const size_t begin = text.find(kBegin);
  if (begin == std::string_view::npos) return false;
  text.remove_prefix(begin + kBegin.size());
  *call = ToolCall();
  if (!internal::TakeUntil(&text, '(', &call->name) || call->name.empty()) return false;
  for (;;) {
    internal::SkipSpaces(&text);
    if (!text.empty() && text.front() == ')') return true;
    if (call->count == ToolCall::kMaxArguments) return false;
    ToolCall::Argument& argument = call->arguments[call->count++];
    if (!internal::TakeUntil(&text, '=', &argument.name) || text.empty()) return false;
    if (text.front() == '"') {
      text.remove_prefix(1);
      if (!internal::TakeUntil(&text, '"', &argument.value)) return false;
    } else {
      const size_t end = text.find_first_of(",)");
      if (end == std::string_view::npos) return false;
      argument.value = {text.data(), end};
      text.remove_prefix(end);
    }
    internal::SkipSpaces(&text);
    if (text.empty()) return false;
    if (text.front() == ',') text.remove_prefix(1);
  }
}

#endif  // LFM2_EXAMPLES_FIRMWARE_ASSISTANT_TOOL_CALL_H_
