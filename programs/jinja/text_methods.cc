// Methods of str that change or split a text.
#include <algorithm>
#include <utility>

#include "lfm2/text/utf8.h"
#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/percent_format.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"
#include "programs/jinja/text_values.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

template <std::string (*change)(std::string_view)>
Value ChangedText(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this method", arguments, {});
  return run.SpendCharacters(self.text().size()) ? Value::String(change(self.text()), self.markup()) : Value();
}

template <StripSide side>
Value Stripped(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "strip", arguments, {"chars"});
  if (!parameters.ok()) return Value();
  const bool all_space = parameters[0] == nullptr || parameters[0]->none();
  if (!all_space && !parameters[0]->string()) return run.Fail("strip needs a text of characters");
  if (!run.SpendSearch(self.text().size(), all_space ? 0 : parameters[0]->text().size())) return Value();
  const std::string_view left = Strip(self.text(), side, all_space ? nullptr : &parameters[0]->text());
  return Value::String(std::string(left), self.markup());
}

Value OfParts(Execution& run, const Value& self, const std::vector<std::string_view>& parts) {
  if (!run.Spend(parts.size())) return Value();
  std::vector<Value> items;
  for (const std::string_view part : parts) items.push_back(Value::String(std::string(part), self.markup()));
  return Value::List(std::move(items));
}

// split and rsplit at white space.
std::vector<std::string_view> SplitAtSpace(std::string_view text, uint64_t most, bool from_right) {
  std::vector<std::string_view> parts;
  text = Strip(text, from_right ? StripSide::kRight : StripSide::kLeft);
  while (!text.empty()) {
    if (parts.size() == most) {
      parts.push_back(text);
      break;
    }
    size_t begin = from_right ? text.size() : 0, end = begin;
    const auto is_space = [&](size_t at) { return IsPythonSpace(ReadUtf8(text.substr(at)).code_point); };
    if (from_right) {
      while (begin > 0) {
        size_t at = begin - 1;
        while (IsContinuation(text[at])) --at;
        if (is_space(at)) break;
        begin = at;
      }
      parts.push_back(text.substr(begin));
      text = Strip(text.substr(0, begin), StripSide::kRight);
    } else {
      while (end < text.size() && !is_space(end)) end += ReadUtf8(text.substr(end)).length;
      parts.push_back(text.substr(0, end));
      text = Strip(text.substr(end), StripSide::kLeft);
    }
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator, uint64_t most,
                                      bool from_right) {
  std::vector<std::string_view> parts;
  while (parts.size() < most) {
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(from_right ? text.substr(at + separator.size()) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.push_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool from_right>
Value Split(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "split", arguments, {"sep", "maxsplit"});
  const int64_t count = parameters.Integer(1, -1);
  if (!parameters.ok()) return Value();
  const uint64_t most = count < 0 ? UINT64_MAX : static_cast<uint64_t>(count);
  const Value* const separator = parameters[0];
  if (separator == nullptr || separator->none()) {
    return run.SpendText(self.text().size()) ? OfParts(run, self, SplitAtSpace(self.text(), most, from_right))
                                             : Value();
  }
  if (separator->undefined()) return FailUndefined(run, *separator);
  if (!separator->string()) return run.Fail("split needs a text, not a value of type ", separator->TypeName());
  if (separator->text().empty()) return run.Fail("split needs a separator that is not empty");
  if (!run.SpendSearch(self.text().size(), separator->text().size())) return Value();
  return OfParts(run, self, SplitAt(self.text(), separator->text(), most, from_right));
}

Value Lines(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "splitlines", arguments, {"keepends"});
  if (!parameters.ok() || !run.SpendText(self.text().size())) return Value();
  std::vector<std::string_view> lines = SplitLines(self.text());
  if (parameters.Flag(0, false)) {
    const char* const end = self.text().data() + self.text().size();
    for (size_t i = 0; i < lines.size(); ++i) {
      const char* const next = i + 1 < lines.size() ? lines[i + 1].data() : end;
      lines[i] = {lines[i].data(), static_cast<size_t>(next - lines[i].data())};
    }
  }
  return OfParts(run, self, lines);
}

template <bool from_right>
Value Partition(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "partition", arguments, {"sep"}, 1);
  if (!parameters.ok()) return Value();
  const Value& separator = *parameters[0];
  if (!separator.string() || separator.text().empty()) return run.Fail("partition needs a text that is not empty");
  if (!run.SpendSearch(self.text().size(), separator.text().size())) return Value();
  const size_t at = from_right ? self.text().rfind(separator.text()) : self.text().find(separator.text());
  const auto text = [&](std::string part) { return Value::String(std::move(part), self.markup()); };
  if (at == std::string::npos) {
    return from_right ? Value::Tuple({text(""), text(""), self}) : Value::Tuple({self, text(""), text("")});
  }
  return Value::Tuple({text(self.text().substr(0, at)), text(separator.text()),
                       text(self.text().substr(at + separator.text().size()))});
}

Value ReplaceMethod(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "replace", arguments, {"old", "new", "count"}, 2);
  const int64_t count = parameters.Integer(2, -1);
  if (!parameters.ok()) return Value();
  for (size_t i = 0; i < 2; ++i) {
    if (parameters[i]->undefined()) return FailUndefined(run, *parameters[i]);
    if (!parameters[i]->string())
      return run.Fail("replace needs texts, not a value of type ", parameters[i]->TypeName());
  }
  const std::string with = self.markup() ? EscapedUnlessMarkup(run, *parameters[1]) : parameters[1]->text();
  std::string text = Replaced(run, self.text(), parameters[0]->text(), with, count);
  return run.failed() ? Value() : Value::String(std::move(text), self.markup());
}

Value JoinMethod(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "join", arguments, {"iterable"}, 1);
  std::vector<Value> items;
  if (!parameters.ok() || !Iterate(run, *parameters[0], &items)) return Value();
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].string()) return run.Fail("join needs texts, not a value of type ", items[i].TypeName());
    const std::string text = self.markup() ? EscapedUnlessMarkup(run, items[i]) : items[i].text();
    if (!run.SpendAppend(out.size(), self.text().size() + text.size())) return Value();
    if (i > 0) out += self.text();
    out += text;
  }
  return Value::String(std::move(out), self.markup());
}

template <bool suffix>
Value RemoveAffix(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "removeprefix", arguments, {"affix"}, 1);
  if (!parameters.ok() || !run.SpendText(self.text().size())) return Value();
  if (!parameters[0]->string()) return run.Fail("a prefix or suffix must be a text");
  const std::string& affix = parameters[0]->text();
  if (affix.size() > self.text().size()) return self;
  const size_t at = suffix ? self.text().size() - affix.size() : 0;
  if (self.text().compare(at, affix.size(), affix) != 0) return self;
  return Value::String(suffix ? self.text().substr(0, at) : self.text().substr(affix.size()), self.markup());
}

// ljust, rjust and zfill.
enum class Fill : uint8_t { kAfter, kBefore, kZeros };
template <Fill fill>
Value Justify(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "this method", arguments, {"width", "fillchar"}, 1);
  const int64_t width = parameters.Integer(0, 0);
  if (!parameters.ok()) return Value();
  const std::string with = parameters[1] == nullptr ? " " : Str(run, *parameters[1]);
  if (CodePoints(with) != 1) return run.Fail("a text must be padded with a single character");
  const auto length = static_cast<int64_t>(CodePoints(self.text()));
  if (width <= length) return self;
  if (width > kMaxRange || !run.SpendText(static_cast<uint64_t>(width) * 4)) {
    return run.Fail("a text is padded to more than ", uint64_t{kMaxRange}, " characters");
  }
  std::string filling;
  for (int64_t i = length; i < width; ++i) filling += fill == Fill::kZeros ? "0" : with;
  if (fill == Fill::kAfter) return Value::String(self.text() + filling, self.markup());
  const size_t sign = fill == Fill::kZeros && !self.text().empty() && (self.text()[0] == '-' || self.text()[0] == '+');
  return Value::String(self.text().substr(0, sign) + filling + self.text().substr(sign), self.markup());
}

constexpr NamedFunction kTextMethods[] = {
    {"capitalize", ChangedText<Capitalize>},
    {"format", BraceFormat},
    {"join", JoinMethod},
    {"ljust", Justify<Fill::kAfter>},
    {"lower", ChangedText<Lower>},
    {"lstrip", Stripped<StripSide::kLeft>},
    {"partition", Partition<false>},
    {"removeprefix", RemoveAffix<false>},
    {"removesuffix", RemoveAffix<true>},
    {"replace", ReplaceMethod},
    {"rjust", Justify<Fill::kBefore>},
    {"rpartition", Partition<true>},
    {"rsplit", Split<true>},
    {"rstrip", Stripped<StripSide::kRight>},
    {"split", Split<false>},
    {"splitlines", Lines},
    {"strip", Stripped<StripSide::kBoth>},
    {"title", ChangedText<Title>},
    {"upper", ChangedText<Upper>},
    {"zfill", Justify<Fill::kZeros>},
};

}  // namespace

Function FindTextMethod(std::string_view name) { return FindIn(kTextMethods, name); }

}  // namespace lfm2::tools::jinja
