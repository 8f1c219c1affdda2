// range, namespace, dict, raise_exception and strftime_now.
#include <utility>

#include "programs/jinja/functions.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/strftime.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

Value Range(Execution& run, const Value&, Arguments& arguments) {
  Parameters parameters(run, "range", arguments, {"start", "stop", "step"}, 1);
  int64_t start = parameters.ok() ? parameters.Integer(0, 0) : 0, stop = parameters.Integer(1, 0);
  const int64_t step = parameters.Integer(2, 1);
  if (run.failed()) return Value();
  if (parameters[1] == nullptr) std::swap(start, stop);
  if (step == 0) return run.Fail("the step of a range is zero");
  const uint64_t distance = step > 0 ? (start < stop ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) : 0)
                                     : (start > stop ? static_cast<uint64_t>(start) - static_cast<uint64_t>(stop) : 0);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t count = distance == 0 ? 0 : (distance - 1) / stride + 1;
  if (count > static_cast<uint64_t>(kMaxRange))
    return run.Fail("a range has more than ", uint64_t{kMaxRange}, " numbers");
  if (!run.Spend(count)) return Value();
  std::vector<Value> items;
  for (uint64_t i = 0; i < count; ++i) {
    items.push_back(Value::Int(static_cast<int64_t>(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step))));
  }
  std::string label = "range(" + std::to_string(start) + ", " + std::to_string(stop);
  if (step != 1) label += ", " + std::to_string(step);
  return Value::Sequence(Kind::kRange, std::move(items), label + ")");
}

// The pairs of a dict, or of a list of pairs.
bool Pairs(Execution& run, const Value& value, std::vector<std::pair<Value, Value>>* out) {
  if (value.is(Kind::kDict)) {
    *out = value.pairs();
    return run.Spend(out->size());
  }
  std::vector<Value> items, pair;
  if (!Iterate(run, value, &items)) return false;
  for (const Value& item : items) {
    if (!Iterate(run, item, &pair)) return false;
    if (pair.size() != 2 || !IsHashable(run, pair[0])) {
      run.Fail("a dict needs pairs");
      return false;
    }
    SetKey(run, pair[0], pair[1], out);
  }
  return !run.failed();
}

bool AllPairs(Execution& run, Arguments& arguments, std::vector<std::pair<Value, Value>>* out) {
  if (arguments.positional.size() > 1) {
    run.Fail("dict accepts at most one positional argument");
    return false;
  }
  if (!arguments.positional.empty() && !Pairs(run, arguments.positional[0], out)) return false;
  for (const auto& [name, value] : arguments.named) SetKey(run, Value::String(name), value, out);
  return !run.failed();
}

Value Dict(Execution& run, const Value&, Arguments& arguments) {
  std::vector<std::pair<Value, Value>> pairs;
  return AllPairs(run, arguments, &pairs) ? run.Checked(Value::Dict(std::move(pairs))) : Value();
}

Value Namespace(Execution& run, const Value&, Arguments& arguments) {
  std::vector<std::pair<Value, Value>> pairs;
  if (!AllPairs(run, arguments, &pairs)) return Value();
  Value space = run.NewNamespace();
  for (auto& [key, value] : pairs) space.SetAttribute(Str(run, key), std::move(value));
  return run.failed() ? Value() : space;
}

Value RaiseException(Execution& run, const Value&, Arguments& arguments) {
  const Parameters parameters(run, "raise_exception", arguments, {"message"}, 1);
  if (!parameters.ok()) return Value();
  const std::string message = Str(run, *parameters[0]);
  return run.Fail("it raised an exception: ", message);
}

Value StrftimeNow(Execution& run, const Value&, Arguments& arguments) {
  const Parameters parameters(run, "strftime_now", arguments, {"format"}, 1);
  if (!parameters.ok()) return Value();
  if (!parameters[0]->string()) return run.Fail("strftime_now needs a text, not a ", parameters[0]->TypeName());
  if (!run.SpendText(parameters[0]->text().size() * 32)) return Value();
  std::string text;
  if (const char* const why = FormatDate(run.date(), parameters[0]->text(), &text); why != nullptr) {
    return run.Fail(why);
  }
  return Value::String(std::move(text));
}

constexpr NamedFunction kGlobals[] = {
    {"dict", Dict},   {"namespace", Namespace},      {"raise_exception", RaiseException},
    {"range", Range}, {"strftime_now", StrftimeNow},
};

}  // namespace

Function FindGlobal(std::string_view name) { return FindIn(kGlobals, name); }

}  // namespace lfm2::tools::jinja
