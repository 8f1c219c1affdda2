// The tools that are available to a model.
#ifndef LFM2_TEXT_TOOL_LIST_H_
#define LFM2_TEXT_TOOL_LIST_H_

#include <string_view>
#include <type_traits>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/status.h"
#include "lfm2/text/date.h"
#include "lfm2/text/json_spelling.h"

namespace lfm2 {

// A list of JSON texts, one for each tool: a view, constructed like a ListRef<std::string_view>. Only a list with tools
// refers to the code that reads them, and the date that some templates write with them, so that firmware without tools
// does not contain it.
class ToolList {
 public:
  // Receives a piece of the text of a tool.
  using Sink = FunctionRef<void(std::string_view piece)>;

  constexpr ToolList() = default;
  // Views texts, which outlive the list.
  constexpr ToolList(const std::string_view* tools, size_t size) : ToolList(ListRef<std::string_view>(tools, size)) {}
  constexpr ToolList(const ListRef<std::string_view>& tools) : tools_(tools), is_date_(&IsDate), spell_(&SpellOne) {}
  template <class C, class = std::enable_if_t<std::is_convertible_v<const C&, ListRef<std::string_view>>>>
  constexpr ToolList(const C& tools) : ToolList(ListRef<std::string_view>(tools)) {}

  constexpr size_t size() const { return tools_.size(); }
  constexpr bool empty() const { return tools_.empty(); }
  constexpr std::string_view operator[](size_t i) const { return tools_[i]; }

  // Calls sink with tool i in the spelling that models were trained on (JsonSpeller), piece by piece. Errors:
  // kInvalidArgument for a tool that is not JSON, with i as index() and the byte as value().
  Status Spell(size_t i, Sink sink) const {
    const Status status = spell_ == nullptr ? Status() : spell_(tools_[i], sink);
    return status.ok() ? status : Status(status).At(static_cast<uint32_t>(i));
  }
  // Whether a text is a date, YYYY-MM-DD. True for any text if there are no tools.
  bool IsDay(std::string_view date) const { return is_date_ == nullptr || is_date_(date); }

 private:
  static Status SpellOne(std::string_view tool, Sink sink) {
    JsonSpeller speller(tool, "tool");
    for (std::string_view piece; speller.Next(&piece);) sink(piece);
    return speller.status();
  }

  ListRef<std::string_view> tools_;
  bool (*is_date_)(std::string_view date) = nullptr;
  Status (*spell_)(std::string_view tool, Sink sink) = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_LIST_H_
