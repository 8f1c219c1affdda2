// Methods of dicts and lists, and of the loop.
#include <algorithm>
#include <utility>

#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

enum class Half : uint8_t { kKeys, kValues, kItems };

template <Half half>
Value View(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this method", arguments, {});
  if (!parameters.ok() || !run.Spend(self.pairs().size())) return Value();
  std::vector<Value> items;
  for (const auto& [key, value] : self.pairs()) {
    items.push_back(half == Half::kKeys ? key : half == Half::kValues ? value : Value::Tuple({key, value}));
  }
  const char* const label = half == Half::kKeys ? "dict_keys" : half == Half::kValues ? "dict_values" : "dict_items";
  return run.Checked(Value::Sequence(Kind::kView, std::move(items), label));
}

Value Get(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "get", arguments, {"key", "default"}, 1);
  if (!parameters.ok() || !IsHashable(run, *parameters[0])) return Value();
  const Value* const found = FindKey(run, self, *parameters[0]);
  if (found != nullptr) return *found;
  return parameters[1] == nullptr ? Value::None() : *parameters[1];
}

Value Copy(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "copy", arguments, {});
  return self;
}

Value CountItems(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "count", arguments, {"value"}, 1);
  if (!parameters.ok()) return Value();
  return Value::Int(std::count_if(self.items().begin(), self.items().end(),
                                  [&](const Value& item) { return Equal(run, item, *parameters[0]); }));
}

Value Index(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "index", arguments, {"value"}, 1);
  if (!parameters.ok()) return Value();
  for (size_t i = 0; i < self.items().size(); ++i) {
    if (Equal(run, self.items()[i], *parameters[0])) return Value::Int(static_cast<int64_t>(i));
  }
  return run.Fail("the value that index searches for is not in the list");
}

constexpr NamedFunction kDictMethods[] = {
    {"copy", Copy},
    {"get", Get},
    {"items", View<Half::kItems>},
    {"keys", View<Half::kKeys>},
    {"values", View<Half::kValues>},
};
constexpr NamedFunction kListMethods[] = {{"copy", Copy}, {"count", CountItems}, {"index", Index}};
constexpr NamedFunction kTupleMethods[] = {{"count", CountItems}, {"index", Index}};

// loop.cycle(a, b, ...): cycles through the values.
Value Cycle(Execution& run, const Value& self, Arguments& arguments) {
  if (arguments.positional.empty()) return run.Fail("loop.cycle needs values");
  return arguments.positional[self.loop().index % arguments.positional.size()];
}

// Whether the values differ from those of the last call.
Value LoopChanged(Execution& run, const Value& self, Arguments& arguments) {
  Loop& loop = self.loop();
  const std::vector<Value>& now = arguments.positional;
  bool same = loop.has_seen && loop.seen.size() == now.size();
  for (size_t i = 0; same && i < now.size(); ++i) same = Equal(run, loop.seen[i], now[i]);
  loop.has_seen = true;
  loop.seen = now;
  for (const Value& value : now) loop.depth = std::max(loop.depth, value.depth() + 1);
  if (loop.depth > kMaxNesting) return run.Fail("it makes lists or dicts inside of more than ", kMaxNesting, " others");
  return Value::Bool(!same);
}

}  // namespace

Function FindMethod(const Value& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::kString: {
      const Function function = FindTextMethod(name);
      return function != nullptr ? function : FindTextSearchMethod(name);
    }
    case Kind::kDict: return FindIn(kDictMethods, name);
    case Kind::kList: return FindIn(kListMethods, name);
    case Kind::kTuple:
    case Kind::kRange: return FindIn(kTupleMethods, name);
    default: return nullptr;
  }
}

bool IsMutatingMethod(const Value& object, std::string_view name) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (object.is(Kind::kDict)) return is_one_of({"clear", "pop", "popitem", "setdefault", "update"});
  if (!object.is(Kind::kList)) return false;
  return is_one_of({"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"});
}

bool LoopAttribute(Execution& run, const Value& self, const std::string& name, Value* out) {
  const Loop& loop = self.loop();
  const auto index = static_cast<int64_t>(loop.index), length = static_cast<int64_t>(loop.items.size());
  if (name == "index") {
    *out = Value::Int(index + 1);
  } else if (name == "index0") {
    *out = Value::Int(index);
  } else if (name == "revindex") {
    *out = Value::Int(length - index);
  } else if (name == "revindex0") {
    *out = Value::Int(length - index - 1);
  } else if (name == "first") {
    *out = Value::Bool(index == 0);
  } else if (name == "last") {
    *out = Value::Bool(index + 1 == length);
  } else if (name == "length") {
    *out = Value::Int(length);
  } else if (name == "depth") {
    *out = Value::Int(1);
  } else if (name == "depth0") {
    *out = Value::Int(0);
  } else if (name == "previtem") {
    *out = index == 0 ? Value::Undefined("there is no previous item") : loop.items[loop.index - 1];
  } else if (name == "nextitem") {
    *out = index + 1 == length ? Value::Undefined("there is no next item") : loop.items[loop.index + 1];
  } else if (name == "cycle") {
    *out = run.Checked(Value::OfFunction(Cycle, self, name));
  } else if (name == "changed") {
    *out = run.Checked(Value::OfFunction(LoopChanged, self, name));
  } else {
    return false;
  }
  return true;
}

}  // namespace lfm2::tools::jinja
