// Methods of str that search or test a text.
#include <algorithm>

#include "lfm2/text/utf8.h"
#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

// The range of the text that the optional arguments start and end select, as byte offsets.
struct Part {
  size_t begin = 0, end = 0;
  bool ok = false;      // false: it failed
  bool exists = false;  // false: start is after end
};

Part PartOf(Execution& run, const Value& self, Parameters* parameters) {
  Part part;
  if (!parameters->ok() || !run.Spend(1 + self.text().size() / 8)) return part;
  const std::vector<size_t> starts = CodePointStarts(self.text());
  const auto size = static_cast<int64_t>(starts.size() - 1);
  const auto bound = [&](size_t i, int64_t otherwise) {
    const bool given = (*parameters)[i] != nullptr && !(*parameters)[i]->none();
    const int64_t at = given ? parameters->Integer(i, otherwise) : otherwise;
    return at < 0 ? std::max<int64_t>(at + size, 0) : at;
  };
  const int64_t begin = bound(1, 0), end = std::min(bound(2, size), size);
  part.ok = parameters->ok();
  part.exists = begin <= end;
  if (!part.exists || !part.ok) return part;
  part.begin = starts[static_cast<size_t>(begin)];
  part.end = starts[static_cast<size_t>(end)];
  return part;
}

// startswith and endswith, for a text or a tuple of texts.
template <bool at_end>
Value HasAffix(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, at_end ? "endswith" : "startswith", arguments, {"affix", "start", "end"}, 1);
  const Part part = PartOf(run, self, &parameters);
  if (!part.ok) return Value();
  const std::string_view text = std::string_view(self.text()).substr(part.begin, part.end - part.begin);
  const auto has = [&](const Value& affix) {
    if (affix.undefined()) {
      FailUndefined(run, affix);
    } else if (!affix.string()) {
      run.Fail("startswith and endswith need a text, not a value of type ", affix.TypeName());
    }
    if (run.failed() || !part.exists || affix.text().size() > text.size()) return false;
    return text.substr(at_end ? text.size() - affix.text().size() : 0, affix.text().size()) == affix.text();
  };
  const Value& affix = *parameters[0];
  if (!affix.is(Kind::kTuple)) return Value::Bool(has(affix));
  return Value::Bool(std::any_of(affix.items().begin(), affix.items().end(), has));
}

// find, rfind, index and rindex.
template <bool from_right, bool must>
Value Find(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "find", arguments, {"sub", "start", "end"}, 1);
  const Part part = PartOf(run, self, &parameters);
  if (!part.ok) return Value();
  if (parameters[0]->undefined()) return FailUndefined(run, *parameters[0]);
  if (!parameters[0]->string()) return run.Fail("find needs a text, not a value of type ", parameters[0]->TypeName());
  const std::string& wanted = parameters[0]->text();
  if (!run.SpendSearch(self.text().size(), wanted.size())) return Value();
  const std::string_view text = std::string_view(self.text()).substr(part.begin, part.end - part.begin);
  size_t at = from_right ? text.rfind(wanted) : text.find(wanted);
  if (!part.exists) at = std::string_view::npos;
  if (at != std::string_view::npos) {
    return Value::Int(static_cast<int64_t>(CodePoints(std::string_view(self.text()).substr(0, part.begin + at))));
  }
  return must ? run.Fail("the text that index searches for was not found") : Value::Int(-1);
}

Value CountOf(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "count", arguments, {"sub", "start", "end"}, 1);
  const Part part = PartOf(run, self, &parameters);
  if (!part.ok) return Value();
  if (!parameters[0]->string()) return run.Fail("count needs a text, not a value of type ", parameters[0]->TypeName());
  const std::string& wanted = parameters[0]->text();
  if (!run.SpendSearch(self.text().size(), wanted.size())) return Value();
  const std::string_view text = std::string_view(self.text()).substr(part.begin, part.end - part.begin);
  if (!part.exists) return Value::Int(0);
  if (wanted.empty()) return Value::Int(static_cast<int64_t>(CodePoints(text)) + 1);
  int64_t count = 0;
  for (size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + wanted.size())) ++count;
  return Value::Int(count);
}

bool IsLetter(uint32_t c) { return ClassOf(c) == CharClass::kLetter; }
// Outside ASCII every number counts as a digit, also those, such as fractions, that Python's isdigit excludes.
bool IsAnyDigit(uint32_t c) { return c < 0x80 ? c >= '0' && c <= '9' : ClassOf(c) == CharClass::kNumber; }
bool IsLetterOrDigit(uint32_t c) { return IsLetter(c) || IsAnyDigit(c); }

template <bool (*holds)(uint32_t)>
Value All(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this method", arguments, {});
  if (!run.SpendText(self.text().size())) return Value();
  for (std::string_view rest = self.text(); !rest.empty();) {
    const Utf8Char c = ReadUtf8(rest);
    if (!holds(c.code_point)) return Value::Bool(false);
    rest.remove_prefix(c.length);
  }
  return Value::Bool(!self.text().empty());
}

template <std::string (*same)(std::string_view), std::string (*other)(std::string_view)>
Value TextHasCase(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this method", arguments, {});
  if (!run.SpendCharacters(self.text().size())) return Value();
  return Value::Bool(same(self.text()) == self.text() && other(self.text()) != self.text());
}

constexpr NamedFunction kTextSearchMethods[] = {
    {"count", CountOf},
    {"endswith", HasAffix<true>},
    {"find", Find<false, false>},
    {"index", Find<false, true>},
    {"isalnum", All<IsLetterOrDigit>},
    {"isalpha", All<IsLetter>},
    {"isdigit", All<IsAnyDigit>},
    {"islower", TextHasCase<Lower, Upper>},
    {"isspace", All<IsPythonSpace>},
    {"isupper", TextHasCase<Upper, Lower>},
    {"rfind", Find<true, false>},
    {"rindex", Find<true, true>},
    {"startswith", HasAffix<false>},
};

}  // namespace

Function FindTextSearchMethod(std::string_view name) { return FindIn(kTextSearchMethods, name); }

}  // namespace lfm2::tools::jinja
