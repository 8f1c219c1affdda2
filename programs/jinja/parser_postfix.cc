// The suffixes of an expression: subscripts, calls, filters and tests.
#include <algorithm>
#include <utility>

#include "programs/jinja/parser.h"

namespace lfm2::tools::jinja {

ExpressionPtr Parser::ParsePostfix(ExpressionPtr node) {
  while (!failed()) {
    if (IsOperator(".") || IsOperator("[")) {
      node = ParseSubscript(std::move(node));
    } else if (IsOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
  return nullptr;
}

ExpressionPtr Parser::ParseFilters(ExpressionPtr node) {
  while (!failed()) {
    if (SkipOperator("|")) {
      node = ParseFilter(std::move(node));
    } else if (IsWord("is")) {
      node = ParseTest(std::move(node));
    } else if (IsOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
  return nullptr;
}

// For a filter block, node is nullptr.
ExpressionPtr Parser::ParseFilter(ExpressionPtr node) {
  if (failed()) return nullptr;
  ExpressionPtr filter = Make(Expression::Kind::kFilter, Now().line);
  if (!ExpectName(&filter->name)) return nullptr;
  const uint32_t depth = node == nullptr ? 0 : node->depth;
  filter->children.push_back(std::move(node));
  if (!Deepen(filter.get(), depth)) return nullptr;
  if (IsOperator("(") && !ParseArguments(filter.get())) return nullptr;
  return filter;
}

ExpressionPtr Parser::ParseTest(ExpressionPtr node) {
  const uint32_t line = Now().line;
  Skip();  // is
  const bool negated = SkipWord("not");
  ExpressionPtr test = Make(Expression::Kind::kTest, line, std::move(node));
  if (test == nullptr || !ExpectName(&test->name)) return nullptr;
  const bool takes_value = Is(Token::Kind::kString) || Is(Token::Kind::kInteger) || Is(Token::Kind::kFloat) ||
                           IsOperator("[") || IsOperator("{") ||
                           (Is(Token::Kind::kName) && !IsWord("else") && !IsWord("or") && !IsWord("and"));
  if (IsOperator("(")) {
    if (!ParseArguments(test.get())) return nullptr;
  } else if (takes_value) {
    if (IsWord("is")) return Fail("tests cannot be chained with is");
    ExpressionPtr value = ParsePostfix(ParsePrimary());
    if (value == nullptr || !Deepen(test.get(), value->depth)) return nullptr;
    test->call = std::make_unique<CallSite>();
    test->call->positional.push_back(std::move(value));
  }
  if (failed()) return nullptr;
  return negated ? Make(Expression::Kind::kNot, line, std::move(test)) : std::move(test);
}

ExpressionPtr Parser::ParseSubscript(ExpressionPtr node) {
  const uint32_t line = Now().line;
  if (SkipOperator(".")) {
    if (Is(Token::Kind::kInteger)) return Make(Expression::Kind::kItem, line, std::move(node), ParseNumber());
    ExpressionPtr attribute = Make(Expression::Kind::kAttribute, line, std::move(node));
    return attribute != nullptr && ExpectName(&attribute->name) ? std::move(attribute) : nullptr;
  }
  Skip();  // [
  ExpressionPtr tuple = Make(Expression::Kind::kTuple, line);
  while (!failed() && !IsOperator("]")) {
    if (!tuple->children.empty() && !ExpectOperator(",")) return nullptr;
    if (!Adopt(tuple.get(), ParseSubscribed())) return nullptr;
  }
  if (!ExpectOperator("]")) return nullptr;
  if (tuple->children.size() == 1) tuple = std::move(tuple->children[0]);
  return Make(Expression::Kind::kItem, line, std::move(node), std::move(tuple));
}

ExpressionPtr Parser::ParseSubscribed() {
  const uint32_t line = Now().line;
  ExpressionPtr start, stop, step;
  if (!IsOperator(":")) {
    start = ParseExpression();
    if (failed() || !IsOperator(":")) return start;
  }
  Skip();  // :
  const auto ends = [this] { return IsOperator("]") || IsOperator(","); };
  if (!IsOperator(":") && !ends()) stop = ParseExpression();
  if (!failed() && SkipOperator(":") && !ends()) step = ParseExpression();
  ExpressionPtr slice = Make(Expression::Kind::kSlice, line);
  for (ExpressionPtr* const part : {&start, &stop, &step}) {
    const uint32_t depth = *part == nullptr ? 0 : (*part)->depth;
    slice->children.push_back(std::move(*part));
    if (!Deepen(slice.get(), depth)) return nullptr;
  }
  return slice;
}

ExpressionPtr Parser::ParseCall(ExpressionPtr node) {
  ExpressionPtr call = Make(Expression::Kind::kCall, Now().line, std::move(node));
  return call != nullptr && ParseArguments(call.get()) ? std::move(call) : nullptr;
}

bool Parser::ParseArguments(Expression* node) {
  node->call = std::make_unique<CallSite>();
  CallSite* const site = node->call.get();
  uint32_t depth = 0;
  const auto argument = [&] {
    ExpressionPtr value = ParseExpression();
    if (value != nullptr) depth = std::max(depth, value->depth);
    return value;
  };
  ExpectOperator("(");
  bool first = true;
  while (!failed() && !IsOperator(")")) {
    if (!first && !ExpectOperator(",")) break;
    if (!first && IsOperator(")")) break;
    first = false;
    if (SkipOperator("*")) {
      if (site->more_positional != nullptr || site->more_named != nullptr) Fail("a call has * twice or after **");
      site->more_positional = argument();
    } else if (SkipOperator("**")) {
      if (site->more_named != nullptr) Fail("a call has ** twice");
      site->more_named = argument();
    } else if (Is(Token::Kind::kName) && Next().kind == Token::Kind::kOperator && Next().text == "=") {
      if (site->more_named != nullptr) Fail("an argument follows **");
      std::string name = Now().text;
      Skip();
      Skip();
      site->named.emplace_back(std::move(name), argument());
    } else {
      if (site->more_positional != nullptr || site->more_named != nullptr || !site->named.empty()) {
        Fail("a positional argument follows a named one");
      }
      site->positional.push_back(argument());
    }
  }
  return ExpectOperator(")") && Deepen(node, depth);
}

}  // namespace lfm2::tools::jinja
