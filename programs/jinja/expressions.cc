// Evaluates the expressions of a template.
#include <utility>

#include "programs/jinja/functions.h"
#include "programs/jinja/interpreter.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"

namespace lfm2::tools::jinja {

Value Interpreter::Evaluate(const Expression& e, Scope* scope) {
  using Node = Expression::Kind;
  const Deeper deeper(this);
  if (!run_.Spend(1)) return Value();
  std::vector<Value> children;
  switch (e.kind) {
    case Node::kConstant: return e.value;
    case Node::kName: run_.set_line(e.line); return EvaluateName(e.name, scope);
    case Node::kDict: return EvaluateDict(e, scope);
    case Node::kConcat: return EvaluateConcat(e, scope);
    case Node::kCompare: return EvaluateCompare(e, scope);
    case Node::kCondition: return EvaluateCondition(e, scope);
    case Node::kItem: return EvaluateItem(e, scope);
    case Node::kSlice: return run_.Fail("a slice is only allowed in a subscript");
    case Node::kCall: return EvaluateCall(e, scope, nullptr);
    case Node::kFilter: return EvaluateFilter(e, scope, nullptr);
    case Node::kTest: return EvaluateTest(e, scope);
    case Node::kNot: return Value::Bool(!Truthy(Evaluate(*e.children[0], scope)));
    case Node::kAnd:
    case Node::kOr: {
      Value left = Evaluate(*e.children[0], scope);
      if (run_.failed() || Truthy(left) == (e.kind == Node::kOr)) return left;
      return Evaluate(*e.children[1], scope);
    }
    default: break;
  }
  if (!EvaluateChildren(e, scope, &children)) return Value();
  run_.set_line(e.line);
  switch (e.kind) {
    case Node::kTuple: return run_.Checked(Value::Tuple(std::move(children)));
    case Node::kList: return run_.Checked(Value::List(std::move(children)));
    case Node::kNegate: return Negated(run_, children[0]);
    case Node::kPlus: return Plus(run_, children[0]);
    case Node::kBinary: return Arithmetic(run_, e.operation, children[0], children[1]);
    case Node::kAttribute: return GetAttribute(run_, children[0], e.name);
    default: return Value();
  }
}

Value Interpreter::EvaluateName(const std::string& name, const Scope* scope) {
  for (; scope != nullptr; scope = scope->parent) {
    if (!run_.Spend(scope->names.size() / 8)) return Value();
    for (const auto& [held, value] : scope->names) {
      if (held == name) return value;
    }
  }
  if (context_.is(Value::Kind::kDict)) {
    for (const auto& [key, value] : context_.pairs()) {
      if (key.text() == name) return value;
    }
  }
  if (const Function function = FindGlobal(name); function != nullptr) {
    return Value::OfFunction(function, Value(), name);
  }
  return Value::Undefined(name + " is not defined");
}

bool Interpreter::EvaluateChildren(const Expression& e, Scope* scope, std::vector<Value>* out) {
  for (const ExpressionPtr& child : e.children) {
    out->push_back(Evaluate(*child, scope));
    if (run_.failed()) return false;
  }
  return true;
}

Value Interpreter::EvaluateDict(const Expression& e, Scope* scope) {
  std::vector<Value> children;
  if (!EvaluateChildren(e, scope, &children)) return Value();
  run_.set_line(e.line);
  std::vector<std::pair<Value, Value>> pairs;
  for (size_t i = 0; i + 1 < children.size(); i += 2) {
    if (!IsHashable(run_, children[i])) return Value();
    SetKey(run_, children[i], std::move(children[i + 1]), &pairs);
  }
  return run_.failed() ? Value() : run_.Checked(Value::Dict(std::move(pairs)));
}

Value Interpreter::EvaluateConcat(const Expression& e, Scope* scope) {
  std::string text;
  for (const ExpressionPtr& child : e.children) {
    const Value value = Evaluate(*child, scope);
    run_.set_line(e.line);
    if (run_.failed()) return Value();
    const std::string part = Str(run_, value);
    if (run_.failed() || !run_.SpendAppend(text.size(), part.size())) return Value();
    text += part;
  }
  return Value::String(std::move(text));
}

Value Interpreter::EvaluateCompare(const Expression& e, Scope* scope) {
  Value left = Evaluate(*e.children[0], scope);
  for (size_t i = 0; i < e.operations.size(); ++i) {
    Value right = Evaluate(*e.children[i + 1], scope);
    run_.set_line(e.line);
    if (run_.failed()) return Value();
    Value result = Compare(run_, e.operations[i], left, right);
    if (run_.failed() || !Truthy(result) || i + 1 == e.operations.size()) return result;
    left = std::move(right);
  }
  return Value();
}

Value Interpreter::EvaluateCondition(const Expression& e, Scope* scope) {
  const bool holds = Truthy(Evaluate(*e.children[0], scope));
  if (run_.failed()) return Value();
  if (holds) return Evaluate(*e.children[1], scope);
  if (e.children.size() > 2) return Evaluate(*e.children[2], scope);
  return Value::Undefined("the condition of an if without an else is false");
}

Value Interpreter::EvaluateItem(const Expression& e, Scope* scope) {
  const Value object = Evaluate(*e.children[0], scope);
  const Expression& key = *e.children[1];
  if (run_.failed()) return Value();
  if (key.kind != Expression::Kind::kSlice) {
    const Value value = Evaluate(key, scope);
    run_.set_line(e.line);
    return run_.failed() ? Value() : GetItem(run_, object, value);
  }
  Value bounds[3] = {Value::None(), Value::None(), Value::None()};
  for (size_t i = 0; i < 3; ++i) {
    if (key.children[i] != nullptr) bounds[i] = Evaluate(*key.children[i], scope);
  }
  run_.set_line(e.line);
  return run_.failed() ? Value() : Slice(run_, object, bounds[0], bounds[1], bounds[2]);
}

Value Interpreter::EvaluateFilter(const Expression& e, Scope* scope, const Value* block) {
  const Deeper deeper(this);
  if (!run_.Spend(1)) return Value();
  Value self;
  if (e.children[0] == nullptr) {
    if (block != nullptr) self = *block;
  } else if (block != nullptr && e.children[0]->kind == Expression::Kind::kFilter) {
    self = EvaluateFilter(*e.children[0], scope, block);
  } else {
    self = Evaluate(*e.children[0], scope);
  }
  Arguments arguments;
  if (!EvaluateArguments(e.call.get(), scope, &arguments)) return Value();
  run_.set_line(e.line);
  const Function filter = FindFilter(e.name);
  if (filter == nullptr) return run_.Fail("there is no filter ", e.name);
  Value result = filter(run_, self, arguments);
  return run_.failed() ? Value() : run_.Checked(std::move(result));
}

Value Interpreter::EvaluateTest(const Expression& e, Scope* scope) {
  const Value self = Evaluate(*e.children[0], scope);
  Arguments arguments;
  if (!EvaluateArguments(e.call.get(), scope, &arguments)) return Value();
  run_.set_line(e.line);
  const Function test = FindTest(e.name);
  return test == nullptr ? run_.Fail("there is no test ", e.name) : test(run_, self, arguments);
}

bool Interpreter::EvaluateArguments(const CallSite* site, Scope* scope, Arguments* out) {
  if (site == nullptr) return !run_.failed();
  for (const ExpressionPtr& argument : site->positional) {
    out->positional.push_back(Evaluate(*argument, scope));
    if (run_.failed()) return false;
  }
  for (const auto& [name, argument] : site->named) {
    out->named.emplace_back(name, Evaluate(*argument, scope));
    if (run_.failed()) return false;
  }
  if (site->more_positional != nullptr) {
    std::vector<Value> more;
    const Value all = Evaluate(*site->more_positional, scope);
    if (run_.failed() || !Iterate(run_, all, &more)) return false;
    for (Value& value : more) out->positional.push_back(std::move(value));
  }
  if (site->more_named != nullptr) {
    const Value all = Evaluate(*site->more_named, scope);
    if (run_.failed()) return false;
    if (!all.is(Value::Kind::kDict)) {
      run_.Fail("the argument after ** is not a dict");
      return false;
    }
    if (!run_.Spend(all.pairs().size())) return false;
    for (const auto& [key, value] : all.pairs()) out->named.emplace_back(Str(run_, key), value);
  }
  return !run_.failed();
}

}  // namespace lfm2::tools::jinja
