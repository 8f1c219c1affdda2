// + - * / // % ** and the concatenation of strings and lists.
#include <cmath>
#include <string_view>
#include <utility>

#include "programs/jinja/operators.h"
#include "programs/jinja/percent_format.h"
#include "programs/jinja/text_values.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

const char* NameOf(Operator operation) {
  switch (operation) {
    case Operator::kAdd: return "+";
    case Operator::kSubtract: return "-";
    case Operator::kMultiply: return "*";
    case Operator::kDivide: return "/";
    case Operator::kFloorDivide: return "//";
    case Operator::kModulo: return "%";
    default: return "**";
  }
}

Value TooLarge(Execution& run) { return run.Fail("a number does not fit in 64 bits"); }

// With the sign of the divisor, as in Python.
double FloatModulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return rest == 0 ? std::copysign(0.0, b) : rest;
}

double FloatFloorDivide(double a, double b) {
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

Value Power(Execution& run, const Value& a, const Value& b) {
  if (a.is(Kind::kFloat) || b.is(Kind::kFloat) || b.as_int() < 0) {
    const double base = a.as_float(), exponent = b.as_float();
    if (base == 0 && exponent < 0) return run.Fail("zero has no negative power");
    if (base < 0 && std::floor(exponent) != exponent) return run.Fail("the result of ** is a complex number");
    const double power = std::pow(base, exponent);
    if (std::isinf(power) && std::isfinite(base) && std::isfinite(exponent)) return run.Fail("a number is too large");
    return Value::Float(power);
  }
  int64_t result = 1, base = a.as_int();
  for (int64_t left = b.as_int();; left >>= 1) {
    if ((left & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return TooLarge(run);
    if (left <= 1) return Value::Int(result);
    if (__builtin_mul_overflow(base, base, &base)) return TooLarge(run);
  }
}

Value Floats(Execution& run, Operator operation, double a, double b) {
  switch (operation) {
    case Operator::kAdd: return Value::Float(a + b);
    case Operator::kSubtract: return Value::Float(a - b);
    case Operator::kMultiply: return Value::Float(a * b);
    default: break;
  }
  if (b == 0) return run.Fail("division by zero");
  if (operation == Operator::kDivide) return Value::Float(a / b);
  return Value::Float(operation == Operator::kModulo ? FloatModulo(a, b) : FloatFloorDivide(a, b));
}

Value Integers(Execution& run, Operator operation, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (operation) {
    case Operator::kAdd: return __builtin_add_overflow(a, b, &result) ? TooLarge(run) : Value::Int(result);
    case Operator::kSubtract: return __builtin_sub_overflow(a, b, &result) ? TooLarge(run) : Value::Int(result);
    case Operator::kMultiply: return __builtin_mul_overflow(a, b, &result) ? TooLarge(run) : Value::Int(result);
    default: break;
  }
  if (b == 0) return run.Fail("division by zero");
  if (operation == Operator::kDivide) return Value::Float(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {
    if (operation == Operator::kModulo) return Value::Int(0);
    return a == INT64_MIN ? TooLarge(run) : Value::Int(-a);
  }
  const int64_t rest = a % b;
  const bool round_down = rest != 0 && (rest < 0) != (b < 0);
  if (operation == Operator::kModulo) return Value::Int(round_down ? rest + b : rest);
  return Value::Int(a / b - (round_down ? 1 : 0));
}

Value Numbers(Execution& run, Operator operation, const Value& a, const Value& b) {
  if (a.is(Kind::kBigInt) || b.is(Kind::kBigInt)) return TooLarge(run);
  if (operation == Operator::kPower) return Power(run, a, b);
  if (a.is(Kind::kFloat) || b.is(Kind::kFloat)) return Floats(run, operation, a.as_float(), b.as_float());
  return Integers(run, operation, a.as_int(), b.as_int());
}

Value Repeated(Execution& run, const Value& what, int64_t times) {
  const uint64_t count = times < 0 ? 0 : static_cast<uint64_t>(times);
  const size_t size = what.string() ? what.text().size() : what.items().size();
  if (size == 0 || count == 0) {
    if (what.string()) return Value::String("", what.markup());
    return Value::Sequence(what.kind(), {}, {});
  }
  // Neither exceeds its bound, so that the product does not overflow.
  if (count > run.limits().output) return run.Fail("it repeats something too often");
  const uint64_t all = size * count;
  if (what.string()) {
    if (!run.SpendText(all)) return Value();
    std::string text;
    text.reserve(static_cast<size_t>(all));
    for (uint64_t i = 0; i < count; ++i) text += what.text();
    return Value::String(std::move(text), what.markup());
  }
  if (!run.Spend(all)) return Value();
  std::vector<Value> items;
  items.reserve(static_cast<size_t>(all));
  for (uint64_t i = 0; i < count; ++i) items.insert(items.end(), what.items().begin(), what.items().end());
  return Value::Sequence(what.kind(), std::move(items), {});
}

bool IsList(const Value& v) { return v.is(Kind::kList) || v.is(Kind::kTuple); }

// The concatenation by +; undefined for other operands.
bool Joins(const Value& a, const Value& b) { return (a.string() && b.string()) || (IsList(a) && a.kind() == b.kind()); }

Value Joined(Execution& run, const Value& a, const Value& b) {
  if (a.string()) {
    const bool markup = a.markup() || b.markup();
    const std::string left = markup && !a.markup() ? Escaped(run, a.text()) : a.text();
    const std::string right = markup && !b.markup() ? Escaped(run, b.text()) : b.text();
    if (!run.SpendText(left.size() + right.size())) return Value();
    return Value::String(left + right, markup);
  }
  if (!run.Spend(a.items().size() + b.items().size())) return Value();
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return Value::Sequence(a.kind(), std::move(items), {});
}

}  // namespace

Value Arithmetic(Execution& run, Operator operation, const Value& a, const Value& b) {
  if (a.number() && b.number()) return Numbers(run, operation, a, b);
  if (a.undefined()) return FailUndefined(run, a);
  if (operation == Operator::kAdd && Joins(a, b)) return Joined(run, a, b);
  if (operation == Operator::kModulo && a.string()) return PercentFormat(run, a, b);
  if (b.undefined()) return FailUndefined(run, b);
  if (operation == Operator::kMultiply) {
    if ((a.string() || IsList(a)) && b.integer()) return Repeated(run, a, b.as_int());
    if ((b.string() || IsList(b)) && a.integer()) return Repeated(run, b, a.as_int());
  }
  return run.Fail("values of type ", a.TypeName(), " and ", b.TypeName(), " do not support ", NameOf(operation));
}

Value Negated(Execution& run, const Value& value) {
  if (value.undefined()) return FailUndefined(run, value);
  if (value.is(Kind::kFloat)) return Value::Float(-value.as_float());
  if (value.is(Kind::kBigInt)) {
    if (value.text()[0] == '-') return Value::BigInt(value.text().substr(1));
    // The only number whose negation needs more bits.
    return value.text() == "9223372036854775808" ? Value::Int(INT64_MIN) : Value::BigInt("-" + value.text());
  }
  if (!value.integer()) return run.Fail("a value of type ", value.TypeName(), " cannot be negated");
  if (value.as_int() == INT64_MIN) return Value::BigInt("9223372036854775808");
  return Value::Int(-value.as_int());
}

Value Plus(Execution& run, const Value& value) {
  if (value.undefined()) return FailUndefined(run, value);
  if (value.is(Kind::kBool)) return Value::Int(value.as_int());
  if (!value.number()) return run.Fail("a value of type ", value.TypeName(), " is not a number");
  return value;
}

}  // namespace lfm2::tools::jinja
