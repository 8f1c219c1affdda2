// Calls, and the macros that a template defines.
#include <algorithm>
#include <utility>

#include "programs/jinja/interpreter.h"
#include "programs/jinja/operators.h"

namespace lfm2::tools::jinja {

Value Interpreter::EvaluateCall(const Expression& e, Scope* scope, const Value* caller) {
  const Value callee = Evaluate(*e.children[0], scope);
  if (run_.failed()) return Value();
  Arguments arguments;
  if (!EvaluateArguments(e.call.get(), scope, &arguments)) return Value();
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  run_.set_line(e.line);
  if (callee.undefined()) return FailUndefined(run_, callee);
  Value result;
  if (callee.is(Value::Kind::kMacro)) {
    result = CallMacro(callee.macro(), std::move(arguments));
    run_.set_line(e.line);
  } else if (callee.is(Value::Kind::kFunction)) {
    result = callee.function()(run_, callee.self(), arguments);
  } else {
    return run_.Fail("a value of type ", callee.TypeName(), " cannot be called");
  }
  return run_.failed() ? Value() : run_.Checked(std::move(result));
}

Value Interpreter::MakeMacro(const Statement& definition, Scope* scope) {
  for (Scope* s = scope; s != nullptr && !s->captured; s = s->parent) s->captured = true;
  auto macro = std::make_shared<Macro>();
  macro->definition = &definition;
  macro->scope = scope;
  return Value::OfMacro(std::move(macro));
}

Value Interpreter::CallMacro(const Macro& macro, Arguments arguments) {
  const Deeper deeper(this);
  const ScopeHolder scope(this, macro.scope);
  if (run_.failed() || !BindArguments(*macro.definition, &arguments, scope.get())) return Value();
  std::string text;
  Execute(macro.definition->body, scope.get(), &text);
  return run_.failed() ? Value() : Value::String(std::move(text));
}

// Binds the parameters: positional arguments first, then named ones, then defaults.
bool Interpreter::BindArguments(const Statement& definition, Arguments* arguments, Scope* scope) {
  const size_t given = arguments->positional.size(), wanted = definition.parameters.size();
  if (!run_.Spend(1 + wanted / 8 * (1 + arguments->named.size()))) return false;
  for (size_t i = 0; i < wanted; ++i) {
    const Parameter& parameter = definition.parameters[i];
    auto& named = arguments->named;
    const auto found = i < given ? named.end() : std::find_if(named.begin(), named.end(), [&](const auto& argument) {
      return argument.first == parameter.name;
    });
    Value value;
    if (i < given) {
      value = arguments->positional[i];
    } else if (found != named.end()) {
      value = std::move(found->second);
      named.erase(found);
    } else if (parameter.otherwise != nullptr) {
      value = Evaluate(*parameter.otherwise, scope);
    } else {
      value = Value::Undefined("the parameter " + parameter.name + " was not given");
    }
    SetName(parameter.name, std::move(value), scope);
  }
  const bool has_parameter_caller = std::any_of(definition.parameters.begin(), definition.parameters.end(),
                                                [](const Parameter& p) { return p.name == "caller"; });
  if (definition.uses_caller && !has_parameter_caller) {
    Value caller = Value::Undefined("there is no caller");
    for (auto argument = arguments->named.begin(); argument != arguments->named.end(); ++argument) {
      if (argument->first != "caller") continue;
      caller = std::move(argument->second);
      arguments->named.erase(argument);
      break;
    }
    SetName("caller", std::move(caller), scope);
  }
  if (definition.uses_kwargs) {
    std::vector<std::pair<Value, Value>> pairs;
    for (auto& [name, value] : arguments->named) SetKey(run_, Value::String(name), std::move(value), &pairs);
    SetName("kwargs", run_.Checked(Value::Dict(std::move(pairs))), scope);
  } else if (!arguments->named.empty()) {
    run_.Fail("the macro ", definition.name, " has no parameter ", arguments->named.front().first);
  }
  if (definition.uses_varargs) {
    std::vector<Value> rest;
    for (size_t i = wanted; i < given; ++i) rest.push_back(std::move(arguments->positional[i]));
    SetName("varargs", run_.Checked(Value::Tuple(std::move(rest))), scope);
  } else if (given > wanted) {
    run_.Fail("the macro ", definition.name, " takes ", uint64_t{wanted}, " arguments, not ", uint64_t{given});
  }
  return !run_.failed();
}

}  // namespace lfm2::tools::jinja
