// Truth, equality, order and membership.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "programs/jinja/operators.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

// Digits with a sign: -1, 0 or 1 if a is less than, equal to or greater than b.
int CompareDigits(const std::string& a, const std::string& b) {
  const bool a_negative = a[0] == '-', b_negative = b[0] == '-';
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  const int longer = a.size() != b.size() ? (a.size() < b.size() ? -1 : 1) : a.compare(b);
  const int sign = longer < 0 ? -1 : longer > 0 ? 1 : 0;
  return a_negative ? -sign : sign;
}

std::string DigitsOf(const Value& v) { return v.is(Kind::kBigInt) ? v.text() : std::to_string(v.as_int()); }

// Compares an integer with a float without rounding either.
int CompareToFloat(int64_t a, double b) {
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  const auto whole = static_cast<int64_t>(b);
  if (a != whole) return a < whole ? -1 : 1;
  const double rest = b - static_cast<double>(whole);
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

// Compares two numbers; 2 if one of them is NaN.
int CompareNumbers(const Value& a, const Value& b) {
  if (a.is(Kind::kFloat) && b.is(Kind::kFloat)) {
    const double x = a.as_float(), y = b.as_float();
    if (std::isnan(x) || std::isnan(y)) return 2;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (a.is(Kind::kFloat) || b.is(Kind::kFloat)) {
    const Value& real = a.is(Kind::kFloat) ? a : b;
    const Value& whole = a.is(Kind::kFloat) ? b : a;
    if (std::isnan(real.as_float())) return 2;
    const int order = whole.is(Kind::kBigInt) ? (std::strtod(whole.text().c_str(), nullptr) < real.as_float() ? -1 : 1)
                                              : CompareToFloat(whole.as_int(), real.as_float());
    return a.is(Kind::kFloat) ? -order : order;
  }
  if (a.is(Kind::kBigInt) || b.is(Kind::kBigInt)) return CompareDigits(DigitsOf(a), DigitsOf(b));
  return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int() ? 1 : 0;
}

// Accounts for comparing a key with `pairs` others.
bool SpendLookUp(Execution& run, size_t pairs, const Value& key) {
  const uint64_t length = key.string() ? key.text().size() / 64 : 0;
  return run.Spend(1 + length + pairs / 8 + pairs * length);
}

bool EqualItems(Execution& run, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Equal(run, a[i], b[i])) return false;
  }
  return true;
}

bool EqualDicts(Execution& run, const Value& a, const Value& b) {
  if (a.pairs().size() != b.pairs().size()) return false;
  for (const auto& [key, value] : a.pairs()) {
    const Value* const other = FindKey(run, b, key);
    if (other == nullptr || !Equal(run, value, *other)) return false;
  }
  return true;
}

}  // namespace

const Value* FindKey(Execution& run, const Value& dict, const Value& key) {
  if (!SpendLookUp(run, dict.pairs().size(), key)) return nullptr;
  for (const auto& [held, value] : dict.pairs()) {
    if (held.string() && key.string() ? held.text() == key.text() : Equal(run, held, key)) return &value;
  }
  return nullptr;
}

void SetKey(Execution& run, const Value& key, Value value, std::vector<std::pair<Value, Value>>* pairs) {
  if (!SpendLookUp(run, pairs->size(), key)) return;
  for (auto& [held, old] : *pairs) {
    if (!(held.string() && key.string() ? held.text() == key.text() : Equal(run, held, key))) continue;
    old = std::move(value);
    return;
  }
  pairs->emplace_back(key, std::move(value));
}

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool:
    case Kind::kInt: return value.as_int() != 0;
    case Kind::kFloat: return value.as_float() != 0;
    case Kind::kString: return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kView: return !value.items().empty();
    case Kind::kDict: return !value.pairs().empty();
    case Kind::kLoop: return !value.loop().items.empty();
    default: return true;
  }
}

bool Equal(Execution& run, const Value& a, const Value& b) {
  if (!run.Spend(1)) return false;
  if (a.number() && b.number()) return CompareNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kString: return run.Spend(a.text().size() / 64) && a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange: return EqualItems(run, a.items(), b.items());
    case Kind::kDict: return EqualDicts(run, a, b);
    default: return a.Same(b);
  }
}

bool Less(Execution& run, const Value& a, const Value& b) {
  if (!run.Spend(1)) return false;
  if (a.number() && b.number()) return CompareNumbers(a, b) == -1;
  if (a.string() && b.string()) return run.Spend(a.text().size() / 64) && a.text() < b.text();
  if (a.kind() == b.kind() && (a.is(Kind::kList) || a.is(Kind::kTuple))) {
    const size_t common = std::min(a.items().size(), b.items().size());
    for (size_t i = 0; i < common; ++i) {
      if (!Equal(run, a.items()[i], b.items()[i])) return Less(run, a.items()[i], b.items()[i]);
    }
    return a.items().size() < b.items().size();
  }
  if (a.undefined()) FailUndefined(run, a);
  if (b.undefined()) FailUndefined(run, b);
  run.Fail("values of type ", a.TypeName(), " and ", b.TypeName(), " cannot be ordered");
  return false;
}

Value Compare(Execution& run, Operator operation, const Value& a, const Value& b) {
  switch (operation) {
    case Operator::kEqual: return Value::Bool(Equal(run, a, b));
    case Operator::kNotEqual: return Value::Bool(!Equal(run, a, b));
    case Operator::kLess: return Value::Bool(Less(run, a, b));
    case Operator::kGreater: return Value::Bool(Less(run, b, a));
    // NaN is neither less nor greater.
    case Operator::kLessEqual: return Value::Bool(Less(run, a, b) || (!run.failed() && Equal(run, a, b)));
    case Operator::kGreaterEqual: return Value::Bool(Less(run, b, a) || (!run.failed() && Equal(run, a, b)));
    case Operator::kIn: return Value::Bool(Contains(run, b, a));
    case Operator::kNotIn: return Value::Bool(!Contains(run, b, a));
    default: return Value();
  }
}

bool Contains(Execution& run, const Value& container, const Value& item) {
  if (container.string()) {
    if (!item.string()) {
      if (item.undefined()) {
        FailUndefined(run, item);
      } else {
        run.Fail("only a text can be searched for in a text, not a value of type ", item.TypeName());
      }
      return false;
    }
    return run.SpendSearch(container.text().size(), item.text().size()) &&
           container.text().find(item.text()) != std::string::npos;
  }
  if (container.is(Kind::kDict)) return IsHashable(run, item) && FindKey(run, container, item) != nullptr;
  std::vector<Value> items;
  if (!Iterate(run, container, &items)) return false;
  return std::any_of(items.begin(), items.end(), [&](const Value& held) { return Equal(run, held, item); });
}

bool IsHashable(Execution& run, const Value& key) {
  if (key.is(Kind::kList) || key.is(Kind::kDict) || (key.is(Kind::kView) && key.text() != "dict_values")) {
    run.Fail("a value of type ", key.TypeName(), " cannot be the key of a dict");
    return false;
  }
  if (!key.is(Kind::kTuple)) return true;
  return std::all_of(key.items().begin(), key.items().end(), [&](const Value& v) { return IsHashable(run, v); });
}

Value FailUndefined(Execution& run, const Value& value) {
  return run.Fail(value.text().empty() ? std::string("a value is undefined") : value.text());
}

}  // namespace lfm2::tools::jinja
