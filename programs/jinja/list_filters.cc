// Filters that create lists and dicts or access their items.
#include <algorithm>
#include <utility>

#include "programs/jinja/attribute_path.h"
#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"
#include "programs/jinja/text_values.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

Value Default(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "default", arguments, {"default_value", "boolean"});
  if (!parameters.ok()) return Value();
  if (!self.undefined() && (!parameters.Flag(1, false) || Truthy(self))) return self;
  return parameters[0] == nullptr ? Value::String("") : *parameters[0];
}

Value LengthOf(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "length", arguments, {});
  size_t length = 0;
  return Length(run, self, &length) ? Value::Int(static_cast<int64_t>(length)) : Value();
}

Value ListOf(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "list", arguments, {});
  std::vector<Value> items;
  return Iterate(run, self, &items) ? run.Checked(Value::List(std::move(items))) : Value();
}

Value First(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "first", arguments, {});
  std::vector<Value> items;
  if (!Iterate(run, self, &items)) return Value();
  return items.empty() ? Value::Undefined("no first item: the sequence is empty") : items.front();
}

Value Last(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "last", arguments, {});
  if (self.is(Kind::kGenerator)) return run.Fail("a generator has no last item");
  std::vector<Value> items;
  if (!Iterate(run, self, &items)) return Value();
  if (items.empty()) return Value::Undefined("no last item: the sequence is empty");
  return self.string() ? Value::String(items.back().text(), self.markup()) : items.back();
}

Value JoinFilter(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "join", arguments, {"d", "attribute"});
  std::vector<Value> items;
  if (!parameters.ok() || !Iterate(run, self, &items)) return Value();
  const AttributePath path(run, parameters[1]);
  const std::string separator = parameters[0] == nullptr ? std::string() : Str(run, *parameters[0]);
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string text = Str(run, path.Of(items[i]));
    if (run.failed() || !run.SpendAppend(out.size(), separator.size() + text.size())) return Value();
    if (i > 0) out += separator;
    out += text;
  }
  return run.SpendText(out.size()) ? Value::String(std::move(out)) : Value();
}

Value Reverse(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "reverse", arguments, {});
  std::vector<Value> items;
  if (!Iterate(run, self, &items)) return Value();
  std::reverse(items.begin(), items.end());
  if (!self.string()) return Value::Sequence(Kind::kGenerator, std::move(items), "generator");
  std::string text;
  for (const Value& item : items) text += item.text();
  return Value::String(std::move(text), self.markup());
}

Value Items(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "items", arguments, {});
  if (!self.undefined() && !self.is(Kind::kDict)) return run.Fail("items needs a dict, not a ", self.TypeName());
  std::vector<Value> items;
  if (self.is(Kind::kDict)) {
    if (!run.Spend(self.pairs().size())) return Value();
    for (const auto& [key, value] : self.pairs()) items.push_back(Value::Tuple({key, value}));
  }
  return run.Checked(Value::Sequence(Kind::kGenerator, std::move(items), "generator"));
}

// The values to compare: texts are compared without regard to case.
Value SortKey(Execution& run, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.string() || !run.SpendCharacters(value.text().size())) return value;
  return Value::String(Lower(value.text()));
}

// A stable merge sort; std::stable_sort requires a consistent order that cannot fail, which values need not have.
void SortByKeys(Execution& run, bool reverse, std::vector<std::pair<Value, Value>>* keyed) {
  std::vector<std::pair<Value, Value>>& items = *keyed;
  std::vector<std::pair<Value, Value>> merged(items.size());
  for (size_t width = 1; width < items.size() && !run.failed(); width *= 2) {
    for (size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, items.size()), end = std::min(begin + 2 * width, items.size());
      size_t a = begin, b = middle;
      for (size_t to = begin; to < end; ++to) {
        const bool take_b =
            a == middle ||
            (b < end && !run.failed() &&
             (reverse ? Less(run, items[a].first, items[b].first) : Less(run, items[b].first, items[a].first)));
        merged[to] = items[take_b ? b++ : a++];
      }
    }
    items.swap(merged);
  }
}

Value Sort(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> items;
  if (!parameters.ok() || !Iterate(run, self, &items)) return Value();
  const SortPaths paths(run, parameters[2]);
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : items) {
    Value key = paths.Of(item, [&](const Value& v) { return SortKey(run, v, parameters.Flag(1, false)); });
    keyed.emplace_back(std::move(key), std::move(item));
  }
  SortByKeys(run, parameters.Flag(0, false), &keyed);
  items.clear();
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return run.failed() ? Value() : Value::List(std::move(items));
}

Value DictSort(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "dictsort", arguments, {"case_sensitive", "by", "reverse"});
  if (!parameters.ok()) return Value();
  if (!self.is(Kind::kDict)) return run.Fail("dictsort needs a dict, not a ", self.TypeName());
  const std::string by = parameters[1] == nullptr ? "key" : Str(run, *parameters[1]);
  if (by != "key" && by != "value") return run.Fail("dictsort sorts by key or by value");
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, value] : self.pairs()) {
    keyed.emplace_back(SortKey(run, by == "key" ? key : value, parameters.Flag(0, false)), Value::Tuple({key, value}));
  }
  SortByKeys(run, parameters.Flag(2, false), &keyed);
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return run.failed() ? Value() : run.Checked(Value::List(std::move(items)));
}

Value Unique(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "unique", arguments, {"case_sensitive", "attribute"});
  std::vector<Value> items;
  if (!parameters.ok() || !Iterate(run, self, &items)) return Value();
  const AttributePath path(run, parameters[1]);
  std::vector<Value> seen, kept;
  for (Value& item : items) {
    Value key = SortKey(run, path.Of(item), parameters.Flag(0, false));
    if (!IsHashable(run, key)) return Value();
    const bool known = std::any_of(seen.begin(), seen.end(), [&](const Value& v) { return Equal(run, v, key); });
    if (run.failed()) return Value();
    if (known) continue;
    seen.push_back(std::move(key));
    kept.push_back(std::move(item));
  }
  return Value::Sequence(Kind::kGenerator, std::move(kept), "generator");
}

template <bool largest>
Value Extreme(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, largest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  std::vector<Value> items;
  if (!parameters.ok() || !Iterate(run, self, &items)) return Value();
  if (items.empty()) return Value::Undefined("no item: the sequence is empty");
  const AttributePath path(run, parameters[1]);
  const auto key = [&](const Value& v) { return SortKey(run, path.Of(v), parameters.Flag(0, false)); };
  Value best = items[0], best_key = key(best);
  for (size_t i = 1; i < items.size() && !run.failed(); ++i) {
    Value other = key(items[i]);
    if (!(largest ? Less(run, best_key, other) : Less(run, other, best_key))) continue;
    best = items[i];
    best_key = std::move(other);
  }
  return best;
}

Value Sum(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "sum", arguments, {"attribute", "start"});
  std::vector<Value> items;
  if (!parameters.ok() || !Iterate(run, self, &items)) return Value();
  const AttributePath path(run, parameters[0]);
  Value total = parameters[1] == nullptr ? Value::Int(0) : *parameters[1];
  if (total.string()) return run.Fail("sum cannot add texts");
  for (const Value& item : items) {
    if (run.failed()) return Value();
    total = Arithmetic(run, Operator::kAdd, total, path.Of(item));
  }
  return total;
}

Value Attribute(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "attr", arguments, {"name"}, 1);
  if (!parameters.ok()) return Value();
  const std::string name = Str(run, *parameters[0]);
  if (self.is(Kind::kNamespace) || self.undefined()) return GetAttribute(run, self, name);
  const Function method = FindMethod(self, name);
  return method == nullptr ? Value::Undefined("there is no attribute " + name) : Value::OfFunction(method, self, name);
}

constexpr NamedFunction kListFilters[] = {
    {"attr", Attribute}, {"count", LengthOf},    {"d", Default},          {"default", Default}, {"dictsort", DictSort},
    {"first", First},    {"items", Items},       {"join", JoinFilter},    {"last", Last},       {"length", LengthOf},
    {"list", ListOf},    {"max", Extreme<true>}, {"min", Extreme<false>}, {"reverse", Reverse}, {"sort", Sort},
    {"sum", Sum},        {"unique", Unique},
};

}  // namespace

Function FindListFilter(std::string_view name) { return FindIn(kListFilters, name); }

}  // namespace lfm2::tools::jinja
