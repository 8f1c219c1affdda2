#include <charconv>
#include <cstdlib>
#include <utility>

#include "programs/jinja/execution.h"
#include "programs/jinja/parser.h"

namespace lfm2::tools::jinja {

namespace {

Operator CompareOperator(const Token& token) {
  if (token.kind != Token::Kind::kOperator) return Operator::kNone;
  if (token.text == "==") return Operator::kEqual;
  if (token.text == "!=") return Operator::kNotEqual;
  if (token.text == "<") return Operator::kLess;
  if (token.text == "<=") return Operator::kLessEqual;
  if (token.text == ">") return Operator::kGreater;
  if (token.text == ">=") return Operator::kGreaterEqual;
  return Operator::kNone;
}

Operator ProductOperator(const Token& token) {
  if (token.kind != Token::Kind::kOperator) return Operator::kNone;
  if (token.text == "*") return Operator::kMultiply;
  if (token.text == "/") return Operator::kDivide;
  if (token.text == "//") return Operator::kFloorDivide;
  if (token.text == "%") return Operator::kModulo;
  return Operator::kNone;
}

}  // namespace

ExpressionPtr Parser::Make(Expression::Kind kind, uint32_t line) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  return node;
}

bool Parser::Deepen(Expression* parent, uint32_t depth) {
  if (depth + 1 > parent->depth) parent->depth = depth + 1;
  if (parent->depth > kMaxNesting) Fail("an expression is nested more than ", kMaxNesting, " deep");
  return !failed();
}

bool Parser::Adopt(Expression* parent, ExpressionPtr child) {
  if (failed() || child == nullptr) return false;
  const uint32_t depth = child->depth;
  parent->children.push_back(std::move(child));
  return Deepen(parent, depth);
}

ExpressionPtr Parser::Make(Expression::Kind kind, uint32_t line, ExpressionPtr first, ExpressionPtr second) {
  ExpressionPtr node = Make(kind, line);
  if (!Adopt(node.get(), std::move(first))) return nullptr;
  if (second != nullptr) Adopt(node.get(), std::move(second));
  return failed() ? nullptr : std::move(node);
}

ExpressionPtr Parser::MakeBinary(Operator operation, uint32_t line, ExpressionPtr left, ExpressionPtr right) {
  ExpressionPtr node = Make(Expression::Kind::kBinary, line, std::move(left), std::move(right));
  if (node != nullptr) node->operation = operation;
  return node;
}

ExpressionPtr Parser::ParseTuple(const TupleForm& form) {
  const uint32_t line = Now().line;
  ExpressionPtr tuple = Make(Expression::Kind::kTuple, line);
  bool is_tuple = false;
  for (;;) {
    if (failed()) return nullptr;
    if (!tuple->children.empty() && !ExpectOperator(",")) return nullptr;
    if (Is(Token::Kind::kVariableEnd) || Is(Token::Kind::kBlockEnd) || IsOperator(")")) break;
    if (!Adopt(tuple.get(),
               form.names_only ? ParsePrimary(form.with_attributes) : ParseExpression(form.with_condition))) {
      return nullptr;
    }
    if (!IsOperator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return tuple;
  if (!tuple->children.empty()) return std::move(tuple->children[0]);
  if (!form.in_parentheses) return Fail("expected an expression, found ", Seen());
  return tuple;
}

ExpressionPtr Parser::ParseExpression(bool with_condition) {
  const Nested nested(this);
  if (!nested.ok()) return nullptr;
  uint32_t line = Now().line;
  ExpressionPtr value = ParseOr();
  while (with_condition && !failed() && SkipWord("if")) {
    ExpressionPtr node = Make(Expression::Kind::kCondition, line);
    if (!Adopt(node.get(), ParseOr()) || !Adopt(node.get(), std::move(value))) return nullptr;
    if (SkipWord("else") && !Adopt(node.get(), ParseExpression())) return nullptr;
    value = std::move(node);
    line = Now().line;
  }
  return value;
}

ExpressionPtr Parser::ParseOr() {
  uint32_t line = Now().line;
  ExpressionPtr left = ParseAnd();
  while (!failed() && SkipWord("or")) {
    left = Make(Expression::Kind::kOr, line, std::move(left), ParseAnd());
    line = Now().line;
  }
  return left;
}

ExpressionPtr Parser::ParseAnd() {
  uint32_t line = Now().line;
  ExpressionPtr left = ParseNot();
  while (!failed() && SkipWord("and")) {
    left = Make(Expression::Kind::kAnd, line, std::move(left), ParseNot());
    line = Now().line;
  }
  return left;
}

ExpressionPtr Parser::ParseNot() {
  const Nested nested(this);
  if (!nested.ok()) return nullptr;
  const uint32_t line = Now().line;
  if (SkipWord("not")) return Make(Expression::Kind::kNot, line, ParseNot());
  return ParseCompare();
}

ExpressionPtr Parser::ParseCompare() {
  const uint32_t line = Now().line;
  ExpressionPtr first = ParseSum();
  ExpressionPtr node;
  while (!failed()) {
    Operator operation = CompareOperator(Now());
    if (operation != Operator::kNone) {
      Skip();
    } else if (SkipWord("in")) {
      operation = Operator::kIn;
    } else if (IsWord("not") && Next().kind == Token::Kind::kName && Next().text == "in") {
      Skip();
      Skip();
      operation = Operator::kNotIn;
    } else {
      break;
    }
    if (node == nullptr) node = Make(Expression::Kind::kCompare, line, std::move(first));
    if (node == nullptr || !Adopt(node.get(), ParseSum())) return nullptr;
    node->operations.push_back(operation);
  }
  return node != nullptr ? std::move(node) : std::move(first);
}

ExpressionPtr Parser::ParseSum() {
  uint32_t line = Now().line;
  ExpressionPtr left = ParseConcat();
  while (!failed() && (IsOperator("+") || IsOperator("-"))) {
    const Operator operation = IsOperator("+") ? Operator::kAdd : Operator::kSubtract;
    Skip();
    left = MakeBinary(operation, line, std::move(left), ParseConcat());
    line = Now().line;
  }
  return left;
}

ExpressionPtr Parser::ParseConcat() {
  const uint32_t line = Now().line;
  ExpressionPtr first = ParseProduct();
  if (failed() || !IsOperator("~")) return first;
  ExpressionPtr node = Make(Expression::Kind::kConcat, line, std::move(first));
  while (!failed() && SkipOperator("~")) {
    if (!Adopt(node.get(), ParseProduct())) return nullptr;
  }
  return node;
}

ExpressionPtr Parser::ParseProduct() {
  uint32_t line = Now().line;
  ExpressionPtr left = ParsePower();
  while (!failed()) {
    const Operator operation = ProductOperator(Now());
    if (operation == Operator::kNone) break;
    Skip();
    left = MakeBinary(operation, line, std::move(left), ParsePower());
    line = Now().line;
  }
  return left;
}

ExpressionPtr Parser::ParsePower() {
  uint32_t line = Now().line;
  ExpressionPtr left = ParseUnary();
  while (!failed() && SkipOperator("**")) {
    left = MakeBinary(Operator::kPower, line, std::move(left), ParseUnary());
    line = Now().line;
  }
  return left;
}

ExpressionPtr Parser::ParseUnary(bool with_filter) {
  const Nested nested(this);
  if (!nested.ok()) return nullptr;
  const uint32_t line = Now().line;
  ExpressionPtr node;
  if (SkipOperator("-")) {
    node = Make(Expression::Kind::kNegate, line, ParseUnary(false));
  } else if (SkipOperator("+")) {
    node = Make(Expression::Kind::kPlus, line, ParseUnary(false));
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return with_filter ? ParseFilters(std::move(node)) : std::move(node);
}

ExpressionPtr Parser::ParsePrimary(bool with_attributes) {
  if (failed()) return nullptr;
  const Nested nested(this);
  if (!nested.ok()) return nullptr;
  const Token token = Now();
  ExpressionPtr node = Make(Expression::Kind::kConstant, token.line);
  switch (token.kind) {
    case Token::Kind::kName:
      Skip();
      if (token.text == "true" || token.text == "True" || token.text == "false" || token.text == "False") {
        node->value = Value::Bool(token.text == "true" || token.text == "True");
      } else if (token.text == "none" || token.text == "None") {
        node->value = Value::None();
      } else {
        node->kind = Expression::Kind::kName;
        node->name = token.text;
        if (with_attributes && SkipOperator(".")) {
          node->kind = Expression::Kind::kAttribute;
          if (!ExpectName(&node->attribute)) return nullptr;
        }
        for (Statement* const macro : macros_) {
          macro->uses_varargs |= token.text == "varargs";
          macro->uses_kwargs |= token.text == "kwargs";
          macro->uses_caller |= token.text == "caller";
        }
      }
      return node;
    case Token::Kind::kString: {
      std::string text;
      for (; Is(Token::Kind::kString); Skip()) text += Now().text;
      node->value = Value::String(std::move(text));
      return node;
    }
    case Token::Kind::kInteger:
    case Token::Kind::kFloat: return ParseNumber();
    default: break;
  }
  if (SkipOperator("(")) {
    TupleForm form;
    form.in_parentheses = true;
    ExpressionPtr inside = ParseTuple(form);
    return ExpectOperator(")") ? std::move(inside) : nullptr;
  }
  if (IsOperator("[")) return ParseList();
  if (IsOperator("{")) return ParseDict();
  return Fail("unexpected ", Seen());
}

ExpressionPtr Parser::ParseNumber() {
  const std::string& text = Now().text;
  ExpressionPtr node = Make(Expression::Kind::kConstant, Now().line);
  if (Is(Token::Kind::kFloat)) {
    node->value = Value::Float(std::strtod(text.c_str(), nullptr));
  } else {
    int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    node->value = read.ec == std::errc() ? Value::Int(number) : Value::BigInt(text);
  }
  Skip();
  return node;
}

ExpressionPtr Parser::ParseList() {
  ExpressionPtr node = Make(Expression::Kind::kList, Now().line);
  ExpectOperator("[");
  while (!failed() && !IsOperator("]")) {
    if (!node->children.empty() && !ExpectOperator(",")) return nullptr;
    if (IsOperator("]")) break;
    if (!Adopt(node.get(), ParseExpression())) return nullptr;
  }
  return ExpectOperator("]") ? std::move(node) : nullptr;
}

ExpressionPtr Parser::ParseDict() {
  ExpressionPtr node = Make(Expression::Kind::kDict, Now().line);
  ExpectOperator("{");
  while (!failed() && !IsOperator("}")) {
    if (!node->children.empty() && !ExpectOperator(",")) return nullptr;
    if (IsOperator("}")) break;
    if (!Adopt(node.get(), ParseExpression()) || !ExpectOperator(":")) return nullptr;
    if (!Adopt(node.get(), ParseExpression())) return nullptr;
  }
  return ExpectOperator("}") ? std::move(node) : nullptr;
}

}  // namespace lfm2::tools::jinja
