// A parsed template.
#ifndef LFM2_PROGRAMS_JINJA_NODES_H_
#define LFM2_PROGRAMS_JINJA_NODES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "programs/jinja/value.h"

namespace lfm2::tools::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class Operator : uint8_t {
  kNone,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

// The arguments of a call.
struct CallSite {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr more_positional, more_named;  // *these, **those
};

struct Expression {
  enum class Kind : uint8_t {
    kConstant,   // value
    kName,       // name
    kTuple,      // children
    kList,       // children
    kDict,       // children: key, value, key, value...
    kNegate,     // children[0]
    kPlus,       // children[0]
    kNot,        // children[0]
    kBinary,     // children[0] operation children[1]
    kAnd,        // children[0], [1]
    kOr,         // children[0], [1]
    kConcat,     // children
    kCompare,    // children[0], and operations[i] with children[i + 1]
    kCondition,  // children: test, value, otherwise (which can be missing)
    kAttribute,  // children[0] and name; as a target: name.attribute
    kItem,       // children[0] and [1]
    kSlice,      // children: start, stop, step, each can be nullptr
    kCall,       // children[0], call
    kFilter,     // children[0] (nullptr: what a block rendered), name, call
    kTest,       // children[0], name, call
  };

  Kind kind = Kind::kConstant;
  Operator operation = Operator::kNone;
  uint32_t line = 0;
  uint32_t depth = 1;
  std::string name;
  std::string attribute;
  Value value;
  std::vector<ExpressionPtr> children;
  std::vector<Operator> operations;
  std::unique_ptr<CallSite> call;
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

struct Parameter {
  std::string name;
  ExpressionPtr otherwise;
};

struct Statement {
  enum class Kind : uint8_t {
    kText,         // text
    kPrint,        // values
    kIf,           // values[0], body, otherwise
    kFor,          // target in values[0] if values[1] (which can be missing), body, otherwise
    kSet,          // target = values[0]
    kSetBlock,     // target = what body renders, through filter
    kWith,         // targets of with: parameters (their names and values), body
    kMacro,        // name, parameters, body
    kCallBlock,    // values[0] is the call; parameters and body are the caller
    kFilterBlock,  // filter, body
    kGeneration,   // body
    kBreak,
    kContinue,
  };

  Kind kind = Kind::kText;
  uint32_t line = 0;
  std::string text;
  std::string name;
  ExpressionPtr target;
  ExpressionPtr filter;
  std::vector<ExpressionPtr> values;
  std::vector<Parameter> parameters;
  Body body, otherwise;
  // For a macro: whether its body uses these names.
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Scope;

// A macro, or the caller of a call block, with the scope that its body sees.
struct Macro : Object {
  const Statement* definition = nullptr;
  Scope* scope = nullptr;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_NODES_H_
