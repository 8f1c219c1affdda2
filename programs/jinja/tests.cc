// value is test.

#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_text.h"
#include "programs/jinja/text_values.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

// A test that uses only the value.
template <bool (*holds)(const Value&)>
Value Alone(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this test", arguments, {});
  return Value::Bool(holds(self));
}

bool IsDefined(const Value& v) { return !v.undefined(); }
bool IsUndefined(const Value& v) { return v.undefined(); }
bool IsNone(const Value& v) { return v.none(); }
bool IsString(const Value& v) { return v.string(); }
bool IsMapping(const Value& v) { return v.is(Kind::kDict); }
bool IsBoolean(const Value& v) { return v.is(Kind::kBool); }
bool IsTrue(const Value& v) { return v.is(Kind::kBool) && v.boolean(); }
bool IsFalse(const Value& v) { return v.is(Kind::kBool) && !v.boolean(); }
bool IsInteger(const Value& v) { return v.is(Kind::kInt) || v.is(Kind::kBigInt); }
bool IsFloat(const Value& v) { return v.is(Kind::kFloat); }
bool IsNumber(const Value& v) { return v.number(); }
bool IsEscaped(const Value& v) { return v.markup(); }
bool IsCallable(const Value& v) { return v.is(Kind::kMacro) || v.is(Kind::kFunction) || v.undefined(); }
bool IsIterable(const Value& v) {
  return v.undefined() || v.string() || v.sequence() || v.is(Kind::kDict) || v.is(Kind::kLoop);
}
// Values with a length and items; undefined behaves like one.
bool IsSequence(const Value& v) {
  return v.undefined() || v.string() || v.is(Kind::kDict) || v.is(Kind::kList) || v.is(Kind::kTuple) ||
         v.is(Kind::kRange);
}

template <Operator operation>
Value Comparing(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this test", arguments, {"other"}, 1);
  return parameters.ok() ? Compare(run, operation, self, *parameters[0]) : Value();
}

Value SameAs(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "sameas", arguments, {"other"}, 1);
  return parameters.ok() ? Value::Bool(self.Same(*parameters[0])) : Value();
}

// value % divisor == rest
Value Divides(Execution& run, const Value& self, const Value& divisor, int64_t rest) {
  const Value left = Arithmetic(run, Operator::kModulo, self, divisor);
  return run.failed() ? Value() : Value::Bool(Equal(run, left, Value::Int(rest)));
}

Value IsEven(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "even", arguments, {});
  return Divides(run, self, Value::Int(2), 0);
}

Value IsOdd(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "odd", arguments, {});
  return Divides(run, self, Value::Int(2), 1);
}

Value DivisibleBy(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "divisibleby", arguments, {"num"}, 1);
  return parameters.ok() ? Divides(run, self, *parameters[0], 0) : Value();
}

// Whether the conversion to one case changes nothing, and the conversion to the other case changes something.
template <std::string (*same)(std::string_view), std::string (*other)(std::string_view)>
Value HasCaseTest(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "this test", arguments, {});
  const Value text = SoftText(run, self);
  if (!run.SpendCharacters(text.text().size())) return Value();
  return Value::Bool(same(text.text()) == text.text() && other(text.text()) != text.text());
}

Value IsFilter(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "filter", arguments, {});
  return Value::Bool(self.string() && FindFilter(self.text()) != nullptr);
}

Value IsTest(Execution& run, const Value& self, Arguments& arguments) {
  const Parameters parameters(run, "test", arguments, {});
  return Value::Bool(self.string() && FindTest(self.text()) != nullptr);
}

constexpr NamedFunction kTests[] = {
    {"!=", Comparing<Operator::kNotEqual>},
    {"<", Comparing<Operator::kLess>},
    {"<=", Comparing<Operator::kLessEqual>},
    {"==", Comparing<Operator::kEqual>},
    {">", Comparing<Operator::kGreater>},
    {">=", Comparing<Operator::kGreaterEqual>},
    {"boolean", Alone<IsBoolean>},
    {"callable", Alone<IsCallable>},
    {"defined", Alone<IsDefined>},
    {"divisibleby", DivisibleBy},
    {"eq", Comparing<Operator::kEqual>},
    {"equalto", Comparing<Operator::kEqual>},
    {"escaped", Alone<IsEscaped>},
    {"even", IsEven},
    {"false", Alone<IsFalse>},
    {"filter", IsFilter},
    {"float", Alone<IsFloat>},
    {"ge", Comparing<Operator::kGreaterEqual>},
    {"greaterthan", Comparing<Operator::kGreater>},
    {"gt", Comparing<Operator::kGreater>},
    {"in", Comparing<Operator::kIn>},
    {"integer", Alone<IsInteger>},
    {"iterable", Alone<IsIterable>},
    {"le", Comparing<Operator::kLessEqual>},
    {"lessthan", Comparing<Operator::kLess>},
    {"lower", HasCaseTest<Lower, Upper>},
    {"lt", Comparing<Operator::kLess>},
    {"mapping", Alone<IsMapping>},
    {"ne", Comparing<Operator::kNotEqual>},
    {"none", Alone<IsNone>},
    {"number", Alone<IsNumber>},
    {"odd", IsOdd},
    {"sameas", SameAs},
    {"sequence", Alone<IsSequence>},
    {"string", Alone<IsString>},
    {"test", IsTest},
    {"true", Alone<IsTrue>},
    {"undefined", Alone<IsUndefined>},
    {"upper", HasCaseTest<Upper, Lower>},
};

}  // namespace

Function FindTest(std::string_view name) { return FindIn(kTests, name); }

}  // namespace lfm2::tools::jinja
