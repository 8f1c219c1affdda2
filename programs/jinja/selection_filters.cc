// map, select, reject and similar filters, and groupby.
#include <utility>

#include "programs/jinja/attribute_path.h"
#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

// Removes and returns the first positional argument.
bool TakeFirst(Execution& run, const char* function, Arguments* arguments, Value* out) {
  if (arguments->positional.empty()) {
    run.Fail(function, " needs an argument");
    return false;
  }
  *out = std::move(arguments->positional.front());
  arguments->positional.erase(arguments->positional.begin());
  return true;
}

Value TakeNamed(Arguments* arguments, std::string_view name) {
  Value value;
  for (size_t i = 0; i < arguments->named.size(); ++i) {
    if (arguments->named[i].first != name) continue;
    value = std::move(arguments->named[i].second);
    arguments->named.erase(arguments->named.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  return value;
}

bool SpendCopy(Execution& run, const Arguments& arguments) {
  return run.Spend(1 + arguments.positional.size() + arguments.named.size());
}

Value Generator(std::vector<Value> items) { return Value::Sequence(Kind::kGenerator, std::move(items), "generator"); }

// An empty value, including none, is not iterated over.
Value Map(Execution& run, const Value& self, Arguments& arguments) {
  std::vector<Value> items, mapped;
  if (!Truthy(self)) return Generator({});
  if (!Iterate(run, self, &items)) return Value();
  if (arguments.positional.empty()) {
    const Value attribute = TakeNamed(&arguments, "attribute");
    const Value otherwise = TakeNamed(&arguments, "default");
    if (attribute.undefined() || !arguments.named.empty()) return run.Fail("map needs a filter or an attribute");
    const AttributePath path(run, &attribute);
    for (const Value& item : items) {
      Value value = path.Of(item);
      mapped.push_back(value.undefined() && !otherwise.undefined() ? otherwise : std::move(value));
    }
  } else {
    Value name;
    if (!TakeFirst(run, "map", &arguments, &name)) return Value();
    const Function filter = name.string() ? FindFilter(name.text()) : nullptr;
    if (filter == nullptr) return run.Fail("there is no filter ", Str(run, name));
    for (const Value& item : items) {
      if (!SpendCopy(run, arguments)) break;
      Arguments copy = arguments;
      mapped.push_back(filter(run, item, copy));
    }
  }
  if (run.failed()) return Value();
  return run.Checked(Generator(std::move(mapped)));
}

// select, reject, selectattr, rejectattr.
template <bool by_attribute, bool keep>
Value Select(Execution& run, const Value& self, Arguments& arguments) {
  std::vector<Value> items, kept;
  if (!Truthy(self)) return Generator({});
  if (!Iterate(run, self, &items)) return Value();
  Value attribute = Value::None();
  if (by_attribute && !TakeFirst(run, "selectattr", &arguments, &attribute)) return Value();
  const AttributePath path(run, &attribute);
  Function test = nullptr;
  if (!arguments.positional.empty()) {
    Value name;
    TakeFirst(run, "select", &arguments, &name);
    test = name.string() ? FindTest(name.text()) : nullptr;
    if (test == nullptr) return run.Fail("there is no test ", Str(run, name));
  }
  for (const Value& item : items) {
    const Value value = path.Of(item);
    if (!SpendCopy(run, arguments)) return Value();
    Arguments copy = arguments;
    const bool passes = test == nullptr ? Truthy(value) : Truthy(test(run, value, copy));
    if (passes == keep) kept.push_back(item);
  }
  return Generator(std::move(kept));
}

Value GroupBy(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  if (!parameters.ok()) return Value();
  Arguments by;
  by.named = {{"attribute", *parameters[0]}, {"case_sensitive", Value::Bool(parameters.Flag(2, false))}};
  const Value sorted = FindListFilter("sort")(run, self, by);
  if (run.failed()) return Value();
  const AttributePath path(run, parameters[0]);
  std::vector<Value> groups, group;
  Value key;
  const auto close = [&] {
    if (!group.empty()) groups.push_back(Value::Tuple({key, Value::List(std::move(group))}));
    group.clear();
  };
  for (const Value& item : sorted.items()) {
    Value next = path.Of(item);
    if (next.undefined() && parameters[1] != nullptr) next = *parameters[1];
    if (run.failed()) return Value();
    if (group.empty() || !Equal(run, key, next)) {
      close();
      key = std::move(next);
    }
    group.push_back(item);
  }
  close();
  return run.Checked(Value::List(std::move(groups)));
}

constexpr NamedFunction kSelectionFilters[] = {
    {"groupby", GroupBy},
    {"map", Map},
    {"reject", Select<false, false>},
    {"rejectattr", Select<true, false>},
    {"select", Select<false, true>},
    {"selectattr", Select<true, true>},
};

}  // namespace

Function FindSelectionFilter(std::string_view name) { return FindIn(kSelectionFilters, name); }

}  // namespace lfm2::tools::jinja
