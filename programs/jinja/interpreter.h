// Runs a parsed template.
#ifndef LFM2_PROGRAMS_JINJA_INTERPRETER_H_
#define LFM2_PROGRAMS_JINJA_INTERPRETER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "programs/jinja/execution.h"
#include "programs/jinja/nodes.h"

namespace lfm2::tools::jinja {

// The names that a body has set, and its enclosing scope.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string, Value>> names;
  bool captured = false;  // by a macro, which may outlive the body
};

class Interpreter {
 public:
  // `context`: a dict of the names that the template can use; any other value has no names.
  Interpreter(Execution& run, Value context) : run_(run), context_(std::move(context)) {}
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // The Execution has the error, if any.
  void Render(const Body& body, std::string* out);

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };
  friend class Deeper;
  friend class ScopeHolder;

  // Statements, which write to *out.
  Flow Execute(const Body& body, Scope* scope, std::string* out);
  Flow Execute(const Statement& statement, Scope* scope, std::string* out);
  Flow ExecuteIn(const Body& body, Scope* parent, std::string* out);  // in a scope of its own
  Flow ExecuteFor(const Statement& statement, Scope* scope, std::string* out);
  bool LoopItems(const Statement& statement, Scope* scope, std::vector<Value>* items);
  void ExecuteWith(const Statement& statement, Scope* scope, std::string* out);
  void ExecuteCallBlock(const Statement& statement, Scope* scope, std::string* out);
  void Print(const Value& value, std::string* out);
  void Write(const std::string& text, std::string* out);
  void Assign(const Expression& target, const Value& value, Scope* scope);
  void SetName(const std::string& name, Value value, Scope* scope);

  // Expressions.
  Value Evaluate(const Expression& e, Scope* scope);
  Value EvaluateName(const std::string& name, const Scope* scope);
  bool EvaluateChildren(const Expression& e, Scope* scope, std::vector<Value>* out);
  Value EvaluateDict(const Expression& e, Scope* scope);
  Value EvaluateConcat(const Expression& e, Scope* scope);
  Value EvaluateCompare(const Expression& e, Scope* scope);
  Value EvaluateCondition(const Expression& e, Scope* scope);
  Value EvaluateItem(const Expression& e, Scope* scope);
  Value EvaluateCall(const Expression& e, Scope* scope, const Value* caller);
  // `block`: the input of a filter without an operand, which filters a block.
  Value EvaluateFilter(const Expression& e, Scope* scope, const Value* block);
  Value EvaluateTest(const Expression& e, Scope* scope);
  bool EvaluateArguments(const CallSite* site, Scope* scope, Arguments* out);

  Value MakeMacro(const Statement& definition, Scope* scope);
  Value CallMacro(const Macro& macro, Arguments arguments);
  bool BindArguments(const Statement& definition, Arguments* arguments, Scope* scope);

  Scope* NewScope(Scope* parent);
  void DropScope(Scope* scope);

  Execution& run_;
  const Value context_;
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::vector<Scope*> free_scopes_;
  uint32_t depth_ = 0;
};

// Counts the recursion depth of the interpreter while it exists.
class Deeper {
 public:
  explicit Deeper(Interpreter* interpreter) : interpreter_(interpreter) {
    if (++interpreter_->depth_ > kMaxDepth) interpreter_->run_.Fail("it recurses more than ", kMaxDepth, " deep");
  }
  ~Deeper() { --interpreter_->depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  Interpreter* const interpreter_;
};

// A scope that lives as long as this, or longer if a macro has captured it.
class ScopeHolder {
 public:
  ScopeHolder(Interpreter* interpreter, Scope* parent)
      : interpreter_(interpreter), scope_(interpreter->NewScope(parent)) {}
  ~ScopeHolder() { interpreter_->DropScope(scope_); }
  ScopeHolder(const ScopeHolder&) = delete;
  ScopeHolder& operator=(const ScopeHolder&) = delete;
  Scope* get() const { return scope_; }

 private:
  Interpreter* const interpreter_;
  Scope* const scope_;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_INTERPRETER_H_
