// Executes the tags of a template.
#include <utility>

#include "programs/jinja/interpreter.h"
#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"

namespace lfm2::tools::jinja {

Interpreter::~Interpreter() {
  // Scopes and namespaces may refer to each other in a cycle.
  for (const auto& scope : scopes_) scope->names.clear();
  run_.FreeNamespaces();
}

Scope* Interpreter::NewScope(Scope* parent) {
  if (free_scopes_.empty()) {
    scopes_.push_back(std::make_unique<Scope>());
    free_scopes_.push_back(scopes_.back().get());
  }
  Scope* const scope = free_scopes_.back();
  free_scopes_.pop_back();
  scope->parent = parent;
  return scope;
}

void Interpreter::DropScope(Scope* scope) {
  if (scope->captured) return;
  scope->names.clear();
  free_scopes_.push_back(scope);
}

void Interpreter::Render(const Body& body, std::string* out) {
  const ScopeHolder scope(this, nullptr);
  Execute(body, scope.get(), out);
}

Interpreter::Flow Interpreter::Execute(const Body& body, Scope* scope, std::string* out) {
  for (const auto& statement : body) {
    const Flow flow = Execute(*statement, scope, out);
    if (run_.failed()) return Flow::kBreak;
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::ExecuteIn(const Body& body, Scope* parent, std::string* out) {
  const ScopeHolder scope(this, parent);
  return Execute(body, scope.get(), out);
}

Interpreter::Flow Interpreter::Execute(const Statement& s, Scope* scope, std::string* out) {
  const Deeper deeper(this);
  run_.set_line(s.line);
  if (!run_.Spend(1)) return Flow::kBreak;
  switch (s.kind) {
    case Statement::Kind::kText: Write(s.text, out); break;
    case Statement::Kind::kPrint:
      for (const ExpressionPtr& value : s.values) Print(Evaluate(*value, scope), out);
      break;
    case Statement::Kind::kIf: {
      const bool holds = Truthy(Evaluate(*s.values[0], scope));
      return run_.failed() ? Flow::kBreak : Execute(holds ? s.body : s.otherwise, scope, out);
    }
    case Statement::Kind::kFor: return ExecuteFor(s, scope, out);
    case Statement::Kind::kSet: Assign(*s.target, Evaluate(*s.values[0], scope), scope); break;
    case Statement::Kind::kSetBlock: {
      std::string text;
      ExecuteIn(s.body, scope, &text);
      Value value = Value::String(std::move(text));
      if (s.filter != nullptr && !run_.failed()) value = EvaluateFilter(*s.filter, scope, &value);
      Assign(*s.target, value, scope);
      break;
    }
    case Statement::Kind::kWith: ExecuteWith(s, scope, out); break;
    case Statement::Kind::kMacro: SetName(s.name, MakeMacro(s, scope), scope); break;
    case Statement::Kind::kCallBlock: ExecuteCallBlock(s, scope, out); break;
    case Statement::Kind::kFilterBlock: {
      std::string text;
      ExecuteIn(s.body, scope, &text);
      const Value block = Value::String(std::move(text));
      if (!run_.failed()) Print(EvaluateFilter(*s.filter, scope, &block), out);
      break;
    }
    case Statement::Kind::kGeneration: ExecuteIn(s.body, scope, out); break;
    case Statement::Kind::kBreak: return Flow::kBreak;
    case Statement::Kind::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

bool Interpreter::LoopItems(const Statement& s, Scope* scope, std::vector<Value>* items) {
  const Value all = Evaluate(*s.values[0], scope);
  run_.set_line(s.line);
  if (run_.failed() || !Iterate(run_, all, items)) return false;
  if (s.values[1] == nullptr) return true;
  std::vector<Value> kept;
  const ScopeHolder inner(this, scope);
  for (Value& item : *items) {
    inner.get()->names.clear();
    Assign(*s.target, item, inner.get());
    if (run_.failed()) return false;
    if (Truthy(Evaluate(*s.values[1], inner.get()))) kept.push_back(std::move(item));
  }
  *items = std::move(kept);
  return !run_.failed();
}

Interpreter::Flow Interpreter::ExecuteFor(const Statement& s, Scope* scope, std::string* out) {
  auto loop = std::make_shared<Loop>();
  if (!LoopItems(s, scope, &loop->items)) return Flow::kBreak;
  bool completed = false;  // an iteration ended without break or continue
  const ScopeHolder inner(this, scope);
  const Value value = Value::OfLoop(loop);
  for (size_t i = 0; i < loop->items.size(); ++i) {
    loop->index = i;
    inner.get()->names.clear();
    SetName("loop", value, inner.get());
    run_.set_line(s.line);
    Assign(*s.target, loop->items[i], inner.get());
    if (run_.failed()) break;
    const Flow flow = Execute(s.body, inner.get(), out);
    if (flow == Flow::kBreak) break;
    completed |= flow == Flow::kNext;
  }
  if (run_.failed()) return Flow::kBreak;
  return completed ? Flow::kNext : ExecuteIn(s.otherwise, scope, out);
}

void Interpreter::ExecuteWith(const Statement& s, Scope* scope, std::string* out) {
  const ScopeHolder inner(this, scope);
  for (const Parameter& variable : s.parameters) {
    SetName(variable.name, Evaluate(*variable.otherwise, scope), inner.get());
  }
  if (!run_.failed()) Execute(s.body, inner.get(), out);
}

void Interpreter::ExecuteCallBlock(const Statement& s, Scope* scope, std::string* out) {
  const Value caller = MakeMacro(s, scope);
  Print(EvaluateCall(*s.values[0], scope, &caller), out);
}

void Interpreter::Print(const Value& value, std::string* out) {
  if (run_.failed()) return;
  if (value.string()) return Write(value.text(), out);
  Write(Str(run_, value), out);
}

void Interpreter::Write(const std::string& text, std::string* out) {
  if (run_.SpendAppend(out->size(), text.size())) *out += text;
}

void Interpreter::Assign(const Expression& target, const Value& value, Scope* scope) {
  if (run_.failed()) return;
  if (target.kind == Expression::Kind::kName) return SetName(target.name, value, scope);
  if (target.kind == Expression::Kind::kAttribute) {
    const Value space = EvaluateName(target.name, scope);
    if (run_.failed()) return;
    if (!space.is(Value::Kind::kNamespace)) {
      run_.Fail(target.name, " is not a namespace, and only attributes of namespaces can be set");
    } else if (run_.Spend(1 + space.attributes().size() / 8)) {
      space.SetAttribute(target.attribute, value);
    }
    return;
  }
  std::vector<Value> items;
  if (!Iterate(run_, value, &items)) return;
  if (items.size() != target.children.size()) {
    run_.Fail(uint64_t{items.size()}, " values cannot be assigned to ", uint64_t{target.children.size()}, " names");
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) Assign(*target.children[i], items[i], scope);
}

void Interpreter::SetName(const std::string& name, Value value, Scope* scope) {
  if (!run_.Spend(1 + scope->names.size() / 8)) return;
  for (auto& [held, old] : scope->names) {
    if (held != name) continue;
    old = std::move(value);
    return;
  }
  scope->names.emplace_back(name, std::move(value));
}

}  // namespace lfm2::tools::jinja
