// Filters whose result is a text.
#include <algorithm>
#include <utility>

#include "lfm2/text/utf8.h"
#include "programs/jinja/functions.h"
#include "programs/jinja/json_text.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/percent_format.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"
#include "programs/jinja/text_values.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

// A filter without arguments that changes a text.
template <std::string (*change)(std::string_view)>
Value ChangedSoftText(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this filter", arguments, {});
  const Value text = SoftText(run, self);
  if (!run.SpendCharacters(text.text().size())) return Value();
  return Value::String(change(text.text()), text.markup());
}

// Words start after white space and opening brackets.
std::string TitleFilter(std::string_view text) {
  std::string out;
  const auto begins_word = [](std::string_view c) {
    return c == "-" || c == "(" || c == "{" || c == "[" || c == "<" || Strip(c, StripSide::kLeft).empty();
  };
  const std::vector<size_t> starts = CodePointStarts(text);
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    if (end == begin) return;
    const size_t first = *std::upper_bound(starts.begin(), starts.end(), begin);
    out += Upper(text.substr(begin, first - begin));
    out += Lower(text.substr(first, end - first));
    begin = end;
  };
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    if (!begins_word(text.substr(starts[i], starts[i + 1] - starts[i]))) continue;
    flush(starts[i]);
    out += text.substr(starts[i], starts[i + 1] - starts[i]);
    begin = starts[i + 1];
  }
  flush(text.size());
  return out;
}

Value String(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "string", arguments, {});
  return SoftText(run, self);
}

Value Trim(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "trim", arguments, {"chars"});
  const Value text = SoftText(run, self);
  if (!parameters.ok() || !run.SpendText(text.text().size())) return Value();
  const Value* const chars = parameters[0];
  if (chars != nullptr && !chars->none() && !chars->string()) return run.Fail("trim needs a text of characters");
  const bool some = chars != nullptr && chars->string();
  if (some && !run.SpendSearch(text.text().size(), chars->text().size())) return Value();
  return Value::String(std::string(Strip(text.text(), StripSide::kBoth, some ? &chars->text() : nullptr)),
                       text.markup());
}

Value ReplaceFilter(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "replace", arguments, {"old", "new", "count"}, 2);
  if (!parameters.ok()) return Value();
  const bool all = parameters[2] == nullptr || parameters[2]->none();
  const int64_t count = all ? -1 : parameters.Integer(2, -1);
  const Value text = SoftText(run, self);
  const std::string old = Str(run, *parameters[0]), with = Str(run, *parameters[1]);
  return run.failed() ? Value() : Value::String(Replaced(run, text.text(), old, with, count));
}

Value Indent(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "indent", arguments, {"width", "first", "blank"});
  if (!parameters.ok()) return Value();
  if (!self.string()) return run.Fail("indent needs a text, not a value of type ", self.TypeName());
  std::string indention;
  if (parameters[0] != nullptr && parameters[0]->string()) {
    indention = parameters[0]->text();
  } else {
    const int64_t width = parameters.Integer(0, 4);
    if (width > 1000) return run.Fail("indent is wider than 1000");
    indention.assign(width < 0 ? 0 : static_cast<size_t>(width), ' ');
  }
  const bool first = parameters.Flag(1, false), blank = parameters.Flag(2, false);
  const std::string whole = self.text() + "\n";
  if (!run.SpendText(whole.size())) return Value();
  const std::vector<std::string_view> lines = SplitLines(whole);
  if (!run.SpendText(lines.size() * indention.size())) return Value();
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i == 0 ? first : blank || !lines[i].empty()) out += indention;
    out += lines[i];
  }
  return run.SpendText(out.size()) ? Value::String(std::move(out), self.markup()) : Value();
}

Value ToJson(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  if (!parameters.ok()) return Value();
  JsonStyle style;
  style.ensure_ascii = parameters.Flag(0, false);
  style.sort_keys = parameters.Flag(3, false);
  const Value* const indent = parameters[1];
  if (indent != nullptr && !indent->none()) {
    style.indented = true;
    style.item_separator = ",";
    if (indent->string()) {
      style.indent = indent->text();
    } else if (!indent->integer() || indent->as_int() > 1000) {
      return run.Fail("tojson needs an indent of at most 1000");
    } else if (indent->as_int() > 0) {
      style.indent.assign(static_cast<size_t>(indent->as_int()), ' ');
    }
  }
  const Value* const separators = parameters[2];
  if (separators != nullptr && !separators->none()) {
    const bool two = (separators->is(Kind::kTuple) || separators->is(Kind::kList)) && separators->items().size() == 2 &&
                     separators->items()[0].string() && separators->items()[1].string();
    if (!two) return run.Fail("tojson needs two texts as separators");
    style.item_separator = separators->items()[0].text();
    style.key_separator = separators->items()[1].text();
  }
  std::string text = DumpJson(run, self, style);
  return run.failed() ? Value() : Value::String(std::move(text));
}

Value Safe(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "safe", arguments, {});
  const Value text = SoftText(run, self);
  return run.failed() ? Value() : Value::String(text.text(), true);
}

Value Escape(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "escape", arguments, {});
  std::string text = EscapedUnlessMarkup(run, self);
  return run.failed() ? Value() : Value::String(std::move(text), true);
}

Value Format(Execution& run, const Value& self, Arguments& arguments) {
  const Value text = SoftText(run, self);
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return run.Fail("format accepts positional or named arguments, not both");
  }
  if (arguments.named.empty()) return PercentFormat(run, text, Value::Tuple(std::move(arguments.positional)));
  std::vector<std::pair<Value, Value>> items;
  for (auto& [name, value] : arguments.named) items.emplace_back(Value::String(name), std::move(value));
  return PercentFormat(run, text, Value::Dict(std::move(items)));
}

Value Center(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "center", arguments, {"width"});
  const int64_t width = parameters.Integer(0, 80);
  const Value text = SoftText(run, self);
  const auto length = static_cast<int64_t>(CodePoints(text.text()));
  if (run.failed() || width <= length) return text;
  if (!run.SpendText(static_cast<uint64_t>(width))) return Value();
  // In an even width, Python puts the extra space on the left of a text of odd length.
  const int64_t room = width - length, left = room / 2 + (room & width & 1);
  return Value::String(
      std::string(static_cast<size_t>(left), ' ') + text.text() + std::string(static_cast<size_t>(room - left), ' '),
      text.markup());
}

Value WordCount(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "wordcount", arguments, {});
  const Value text = SoftText(run, self);
  if (!run.SpendText(text.text().size())) return Value();
  int64_t words = 0;
  bool in_word = false;
  for (std::string_view rest = text.text(); !rest.empty();) {
    const Utf8Char c = ReadUtf8(rest);
    rest.remove_prefix(c.length);
    const bool was_in_word = std::exchange(in_word, IsNameChar(c.code_point));
    if (in_word && !was_in_word) ++words;
  }
  return Value::Int(words);
}

constexpr NamedFunction kTextFilters[] = {
    {"capitalize", ChangedSoftText<Capitalize>},
    {"center", Center},
    {"e", Escape},
    {"escape", Escape},
    {"format", Format},
    {"indent", Indent},
    {"lower", ChangedSoftText<Lower>},
    {"replace", ReplaceFilter},
    {"safe", Safe},
    {"string", String},
    {"title", ChangedSoftText<TitleFilter>},
    {"tojson", ToJson},
    {"trim", Trim},
    {"upper", ChangedSoftText<Upper>},
    {"wordcount", WordCount},
};

}  // namespace

Function FindTextFilter(std::string_view name) { return FindIn(kTextFilters, name); }

}  // namespace lfm2::tools::jinja
