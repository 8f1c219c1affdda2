// The tool calls of an assistant message: from JSON to the spelling that models were trained on.
#ifndef LFM2_TEXT_TOOL_CALL_H_
#define LFM2_TEXT_TOOL_CALL_H_

#include <string_view>
#include <type_traits>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/status.h"
#include "lfm2/format/chat_format.h"
#include "lfm2/text/call_spelling.h"

namespace lfm2 {

// A list of calls, each {"name": ..., "arguments": {...}} or {"function": {"name": ..., "arguments": {...}}}. The
// arguments may also be a string that contains the object, null or missing; other members are ignored. A view,
// constructed like a ListRef<std::string_view>. Only a list constructed from something refers to the code that reads
// calls, so that firmware without calls does not contain it.
class ToolCallList {
 public:
  // Receives a piece of the text of a call.
  using Sink = FunctionRef<void(std::string_view piece)>;

  constexpr ToolCallList() = default;
  // Views texts, which outlive the list.
  constexpr ToolCallList(const std::string_view* calls, size_t size)
      : ToolCallList(ListRef<std::string_view>(calls, size)) {}
  constexpr ToolCallList(const ListRef<std::string_view>& calls) : calls_(calls), spell_(&SpellOne) {}
  template <class C, class = std::enable_if_t<std::is_convertible_v<const C&, ListRef<std::string_view>>>>
  constexpr ToolCallList(const C& calls) : ToolCallList(ListRef<std::string_view>(calls)) {}

  constexpr size_t size() const { return calls_.size(); }
  constexpr bool empty() const { return calls_.empty(); }
  constexpr std::string_view operator[](size_t i) const { return calls_[i]; }
  // Whether it was constructed from a list, which may be empty.
  constexpr bool is_given() const { return spell_ != nullptr; }

  // Calls sink with call i as name(argument=value, ...) in the spelling of the format, piece by piece. Errors:
  // kInvalidArgument for a call that is not JSON or not a call, with the byte as value().
  Status Spell(size_t i, const ChatFormat& format, Sink sink) const {
    return spell_ == nullptr ? Status() : spell_(calls_[i], format, sink);
  }

 private:
  static Status SpellOne(std::string_view call, const ChatFormat& format, Sink sink) {
    return CallSpeller(call, format, sink).Run();
  }

  ListRef<std::string_view> calls_;
  Status (*spell_)(std::string_view call, const ChatFormat& format, Sink sink) = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_CALL_H_
