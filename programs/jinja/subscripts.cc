// Iteration, attributes, items and slices.
#include <algorithm>
#include <utility>

#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

std::string ObjectName(const Value& object) {
  if (object.none()) return "none";
  return object.is(Kind::kDict) || object.sequence() || object.string() ? "a " + object.TypeName()
                                                                        : "an object of type " + object.TypeName();
}

std::vector<Value> Characters(const std::string& text) {
  std::vector<Value> out;
  const std::vector<size_t> starts = CodePointStarts(text);
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    out.push_back(Value::String(text.substr(starts[i], starts[i + 1] - starts[i])));
  }
  return out;
}

// A position counted from either end; -1 if it is out of range.
int64_t Position(const Value& key, size_t size) {
  if (!key.integer()) return -1;
  const auto length = static_cast<int64_t>(size);
  const int64_t at = key.as_int() < 0 ? key.as_int() + length : key.as_int();
  return at < length ? at : -1;
}

// An item by its key; undefined without a reason if Python has none.
bool FindItem(Execution& run, const Value& object, const Value& key, Value* out) {
  if (object.is(Kind::kDict)) {
    if (key.is(Kind::kList) || key.is(Kind::kDict)) return false;
    const Value* const found = FindKey(run, object, key);
    if (found != nullptr) *out = *found;
    return found != nullptr;
  }
  if (object.is(Kind::kList) || object.is(Kind::kTuple) || object.is(Kind::kRange)) {
    const int64_t at = Position(key, object.items().size());
    if (at >= 0) *out = object.items()[static_cast<size_t>(at)];
    return at >= 0;
  }
  if (object.string() && key.integer()) {
    if (!run.Spend(object.text().size() / 8)) return false;
    const std::vector<size_t> starts = CodePointStarts(object.text());
    const int64_t at = Position(key, starts.size() - 1);
    if (at < 0) return false;
    const size_t begin = starts[static_cast<size_t>(at)], end = starts[static_cast<size_t>(at) + 1];
    *out = Value::String(object.text().substr(begin, end - begin), object.markup());
    return true;
  }
  return false;
}

// The result of Python's getattr.
bool FindAttribute(Execution& run, const Value& object, const std::string& name, Value* out) {
  if (object.is(Kind::kNamespace)) {
    const Value* const found = run.Spend(object.attributes().size() / 8) ? object.Attribute(name) : nullptr;
    if (found != nullptr) *out = *found;
    return found != nullptr;
  }
  if (object.is(Kind::kLoop)) return LoopAttribute(run, object, name, out);
  if (const Function method = FindMethod(object, name); method != nullptr) {
    *out = run.Checked(Value::OfFunction(method, object, name));
    return true;
  }
  if (IsMutatingMethod(object, name)) {
    *out = Value::Undefined("a template may not change a " + object.TypeName() + " with " + name);
    return true;
  }
  return false;
}

// The start or end of a slice: none means `otherwise`.
bool Bound(const Value& value, int64_t size, int64_t low, int64_t high, int64_t otherwise, int64_t* out) {
  if (value.none()) {
    *out = otherwise;
    return true;
  }
  if (!value.integer()) return false;
  const int64_t at = value.as_int() < 0 ? value.as_int() + size : value.as_int();
  *out = std::clamp(at, low, high);
  return true;
}

}  // namespace

bool Iterate(Execution& run, const Value& value, std::vector<Value>* out) {
  out->clear();
  switch (value.kind()) {
    case Kind::kUndefined: return !run.failed();
    case Kind::kString:
      if (!run.Spend(value.text().size())) return false;
      *out = Characters(value.text());
      return true;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kView:
    case Kind::kGenerator:
      if (!run.Spend(value.items().size())) return false;
      *out = value.items();
      value.Exhaust();
      return true;
    case Kind::kDict:
      if (!run.Spend(value.pairs().size())) return false;
      for (const auto& [key, item] : value.pairs()) out->push_back(key);
      return true;
    default: run.Fail("a value of type ", value.TypeName(), " is not iterable"); return false;
  }
}

bool Length(Execution& run, const Value& value, size_t* out) {
  switch (value.kind()) {
    case Kind::kUndefined: *out = 0; return !run.failed();
    case Kind::kString: *out = CodePoints(value.text()); return run.Spend(value.text().size() / 64);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kView: *out = value.items().size(); return true;
    case Kind::kDict: *out = value.pairs().size(); return true;
    case Kind::kLoop: *out = value.loop().items.size(); return true;
    default: run.Fail("a value of type ", value.TypeName(), " has no length"); return false;
  }
}

Value GetAttribute(Execution& run, const Value& object, const std::string& name) {
  if (object.undefined()) return FailUndefined(run, object);
  Value found;
  if (FindAttribute(run, object, name, &found) || FindItem(run, object, Value::String(name), &found)) return found;
  return Value::Undefined(ObjectName(object) + " has no " + name);
}

Value GetItem(Execution& run, const Value& object, const Value& key) {
  if (object.undefined()) return FailUndefined(run, object);
  Value found;
  if (FindItem(run, object, key, &found)) return found;
  if (key.string() && FindAttribute(run, object, key.text(), &found)) return found;
  return Value::Undefined(ObjectName(object) + " has no element " + (run.failed() ? "" : Repr(run, key)));
}

Value Slice(Execution& run, const Value& object, const Value& start, const Value& stop, const Value& step) {
  if (object.undefined()) return FailUndefined(run, object);
  const bool is_list = object.is(Kind::kList) || object.is(Kind::kTuple) || object.is(Kind::kRange);
  if (!is_list && !object.string()) return run.Fail(ObjectName(object), " cannot be sliced");
  int64_t stride = 1;
  if (!step.none()) {
    if (!step.integer()) return run.Fail("a slice needs whole numbers");
    stride = step.as_int();
    if (stride == 0) return run.Fail("the step of a slice is zero");
  }
  std::vector<size_t> starts;
  if (object.string()) {
    if (!run.Spend(object.text().size() / 8)) return Value();
    starts = CodePointStarts(object.text());
  }
  const auto size = static_cast<int64_t>(is_list ? object.items().size() : starts.size() - 1);
  const int64_t low = stride < 0 ? -1 : 0, high = stride < 0 ? size - 1 : size;
  int64_t at = 0, end = 0;
  if (!Bound(start, size, low, high, stride < 0 ? high : low, &at) ||
      !Bound(stop, size, low, high, stride < 0 ? low : high, &end)) {
    return run.Fail("a slice needs whole numbers");
  }
  if (object.string() && stride == 1) {
    if (at >= end) return Value::String("", object.markup());
    const size_t first = starts[static_cast<size_t>(at)], last = starts[static_cast<size_t>(end)];
    return run.SpendText(last - first) ? Value::String(object.text().substr(first, last - first), object.markup())
                                       : Value();
  }
  std::vector<Value> items;
  std::string text;
  while (stride > 0 ? at < end : at > end) {
    if (!run.Spend(1)) return Value();
    const auto index = static_cast<size_t>(at);
    if (is_list) {
      items.push_back(object.items()[index]);
    } else {
      text.append(object.text(), starts[index], starts[index + 1] - starts[index]);
    }
    if (__builtin_add_overflow(at, stride, &at)) break;
  }
  if (object.string()) return Value::String(std::move(text), object.markup());
  return Value::Sequence(object.kind(), std::move(items), {});
}

}  // namespace lfm2::tools::jinja
