// int, float, abs and round.
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

// A number as Python's int and float parse it: with surrounding white space, and single underscores between digits.
bool Spelled(const std::string& text, std::string* out) {
  const std::string_view bare = Strip(text, StripSide::kBoth);
  out->clear();
  for (size_t i = 0; i < bare.size(); ++i) {
    if (bare[i] != '_') {
      *out += bare[i];
      continue;
    }
    const auto digit = [&](size_t at) {
      return at < bare.size() && std::isxdigit(static_cast<unsigned char>(bare[at]));
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return false;
  }
  return !out->empty();
}

bool ReadInteger(const std::string& text, int64_t base, Value* out) {
  std::string spelled;
  if (!Spelled(text, &spelled)) return false;
  const bool negative = spelled[0] == '-';
  if (negative || spelled[0] == '+') spelled.erase(0, 1);
  const auto prefixed = [&](char letter) {
    return spelled.size() > 2 && spelled[0] == '0' && (spelled[1] | 0x20) == letter;
  };
  if ((base == 16 && prefixed('x')) || (base == 8 && prefixed('o')) || (base == 2 && prefixed('b')))
    spelled.erase(0, 2);
  if (spelled.empty() || spelled.size() > kMaxDigits || spelled[0] == '-' || spelled[0] == '+') return false;
  if (negative) spelled.insert(0, "-");
  int64_t number = 0;
  const auto read = std::from_chars(spelled.data(), spelled.data() + spelled.size(), number, static_cast<int>(base));
  if (read.ptr != spelled.data() + spelled.size()) return false;
  if (read.ec == std::errc()) {
    *out = Value::Int(number);
    return true;
  }
  if (base != 10) return false;
  const size_t first = std::min(spelled.find_first_not_of("-0"), spelled.size());
  *out = Value::BigInt((negative ? "-" : "") + spelled.substr(first));
  return true;
}

bool ReadFloat(const std::string& text, double* out) {
  std::string spelled;
  if (!Spelled(text, &spelled)) return false;
  const std::string lower = Lower(spelled);
  const std::string word = lower[0] == '-' || lower[0] == '+' ? lower.substr(1) : lower;
  const bool is_word = word == "inf" || word == "infinity" || word == "nan";
  // strtod also accepts hexadecimal numbers, unlike Python.
  if (!is_word && lower.find_first_not_of("0123456789+-.e") != std::string::npos) return false;
  char* end = nullptr;
  *out = std::strtod(spelled.c_str(), &end);
  return end == spelled.c_str() + spelled.size();
}

Value Truncated(Execution& run, double number) {
  if (number < 9223372036854775808.0 && number >= -9223372036854775808.0)
    return Value::Int(static_cast<int64_t>(number));
  return run.Fail("a number does not fit in 64 bits");
}

Value ToInt(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "int", arguments, {"default", "base"});
  const int64_t base = parameters.Integer(1, 10);
  if (run.failed()) return Value();
  if (base < 2 || base > 36) return run.Fail("int needs a base of 2 to 36");
  if (self.undefined()) return FailUndefined(run, self);
  const Value otherwise = parameters[0] == nullptr ? Value::Int(0) : *parameters[0];
  if (self.is(Kind::kBool)) return Value::Int(self.as_int());
  if (self.is(Kind::kInt) || self.is(Kind::kBigInt)) return self;
  Value number;
  if (self.string() && !run.SpendText(self.text().size())) return Value();
  if (self.string() && ReadInteger(self.text(), base, &number)) return number;
  double real = 0;
  if (self.is(Kind::kFloat)) {
    real = self.as_float();
  } else if (!self.string() || !ReadFloat(self.text(), &real)) {
    return otherwise;
  }
  if (std::isnan(real)) return otherwise;
  if (std::isinf(real)) return self.string() ? otherwise : run.Fail("a number is infinite");
  return Truncated(run, real);
}

Value ToFloat(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "float", arguments, {"default"});
  if (!parameters.ok()) return Value();
  if (self.undefined()) return FailUndefined(run, self);
  if (self.is(Kind::kBigInt)) return Value::Float(std::strtod(self.text().c_str(), nullptr));
  if (self.number()) return Value::Float(self.as_float());
  double real = 0;
  if (self.string() && run.SpendText(self.text().size()) && ReadFloat(self.text(), &real)) return Value::Float(real);
  return parameters[0] == nullptr ? Value::Float(0) : *parameters[0];
}

Value Absolute(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "abs", arguments, {});
  if (self.undefined()) return FailUndefined(run, self);
  if (self.is(Kind::kFloat)) return Value::Float(std::fabs(self.as_float()));
  if (!self.number()) return run.Fail("abs needs a number, not a value of type ", self.TypeName());
  const bool negative = self.is(Kind::kBigInt) ? self.text()[0] == '-' : self.as_int() < 0;
  return negative ? Negated(run, self) : Plus(run, self);
}

// round(value, precision) of a float: decided by the decimal text with that many places, as in Python.
double Rounded(double value, int64_t precision) {
  if (!std::isfinite(value) || precision > 300) return value;
  if (precision >= 0) {
    char text[700];
    std::snprintf(text, sizeof(text), "%.*f", static_cast<int>(precision), value);
    return std::strtod(text, nullptr);
  }
  if (precision < -308) return std::copysign(0.0, value);
  const double unit = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(value / unit) * unit;
}

Value Round(Execution& run, const Value& self, Arguments& arguments) {
  Parameters parameters(run, "round", arguments, {"precision", "method"});
  const int64_t precision = parameters.Integer(0, 0);
  const std::string method = parameters.ok() && parameters[1] != nullptr ? Str(run, *parameters[1]) : "common";
  if (run.failed()) return Value();
  if (self.undefined()) return FailUndefined(run, self);
  if (!self.integer() && !self.is(Kind::kFloat)) {
    return run.Fail("round needs a number, not a value of type ", self.TypeName());
  }
  if (method == "common") {
    if (self.is(Kind::kFloat)) return Value::Float(Rounded(self.as_float(), precision));
    if (precision >= 0) return Value::Int(self.as_int());
    const double rounded = Rounded(self.as_float(), precision);
    return std::fabs(rounded) < 9e15 ? Value::Int(static_cast<int64_t>(rounded))
                                     : run.Fail("a number is too large to be rounded");
  }
  if (method != "ceil" && method != "floor") return run.Fail("round supports the methods common, ceil and floor");
  const double unit = std::pow(10.0, static_cast<double>(precision)), scaled = self.as_float() * unit;
  return Value::Float((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

constexpr NamedFunction kNumberFilters[] = {{"abs", Absolute}, {"float", ToFloat}, {"int", ToInt}, {"round", Round}};

}  // namespace

Function FindNumberFilter(std::string_view name) { return FindIn(kNumberFilters, name); }

}  // namespace lfm2::tools::jinja
