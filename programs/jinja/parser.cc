// Statements; their expressions are parsed in parser_expressions.cc.
#include "programs/jinja/parser.h"

#include <algorithm>
#include <utility>

#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

namespace {

bool IsAssignable(const Expression& e) {
  if (e.kind == Expression::Kind::kName) return true;
  if (e.kind == Expression::Kind::kAttribute) return e.children.empty();
  return e.kind == Expression::Kind::kTuple &&
         std::all_of(e.children.begin(), e.children.end(), [](const ExpressionPtr& c) { return IsAssignable(*c); });
}

}  // namespace

Nested::Nested(Parser* parser) : parser_(parser), ok_(++parser->nesting_ <= kMaxNesting) {
  if (!ok_) parser->Fail("statements or expressions are nested more than ", kMaxNesting, " deep");
}

Error Parser::Parse(Body* out) {
  ParseUntil({}, out);
  return error_;
}

bool Parser::SkipWord(std::string_view word) {
  if (!IsWord(word)) return false;
  Skip();
  return true;
}

bool Parser::SkipOperator(std::string_view text) {
  if (!IsOperator(text)) return false;
  Skip();
  return true;
}

bool Parser::ExpectOperator(std::string_view text) {
  if (failed()) return false;
  if (SkipOperator(text)) return true;
  Fail("expected ", text, ", found ", Seen());
  return false;
}

bool Parser::Expect(Token::Kind kind, std::string_view what) {
  if (failed()) return false;
  if (Is(kind)) {
    Skip();
    return true;
  }
  Fail("expected ", what, ", found ", Seen());
  return false;
}

bool Parser::ExpectName(std::string* out) {
  if (failed()) return false;
  *out = Now().text;
  return Expect(Token::Kind::kName, "a name");
}

std::string Parser::Seen() const {
  switch (Now().kind) {
    case Token::Kind::kData: return "text";
    case Token::Kind::kVariableBegin: return "{{";
    case Token::Kind::kVariableEnd: return "}}";
    case Token::Kind::kBlockBegin: return "{%";
    case Token::Kind::kBlockEnd: return "%}";
    case Token::Kind::kEnd: return "the end";
    case Token::Kind::kString: return "a quoted text";
    default: return Now().text;
  }
}

void Parser::ParseUntil(std::initializer_list<std::string_view> end_words, Body* out) {
  const Nested nested(this);
  while (!failed() && !Is(Token::Kind::kEnd)) {
    auto statement = std::make_unique<Statement>();
    statement->line = Now().line;
    if (Is(Token::Kind::kData)) {
      statement->text = Now().text;
      Skip();
    } else if (Is(Token::Kind::kVariableBegin)) {
      Skip();
      statement->kind = Statement::Kind::kPrint;
      statement->values.push_back(ParseTuple({}));
      Expect(Token::Kind::kVariableEnd, "}}");
    } else {
      Skip();  // {%
      if (Is(Token::Kind::kName) && std::find(end_words.begin(), end_words.end(), Now().text) != end_words.end())
        return;
      statement = ParseStatement();
      Expect(Token::Kind::kBlockEnd, "%}");
    }
    if (!failed()) out->push_back(std::move(statement));
  }
  if (!failed() && end_words.size() > 0) Fail("the template ends where {% ", *(end_words.end() - 1), " %} is missing");
}

void Parser::ParseBody(std::initializer_list<std::string_view> end_words, Body* out, std::string* end_word) {
  SkipOperator(":");
  if (!Expect(Token::Kind::kBlockEnd, "%}")) return;
  ParseUntil(end_words, out);
  if (failed()) return;
  if (end_word != nullptr) *end_word = Now().text;
  Skip();
}

std::unique_ptr<Statement> Parser::ParseStatement() {
  auto statement = std::make_unique<Statement>();
  statement->line = Now().line;
  std::string word;
  if (!ExpectName(&word)) return statement;
  if (word == "if") {
    ParseIf(statement.get());
  } else if (word == "for") {
    ParseFor(statement.get());
  } else if (word == "set") {
    ParseSet(statement.get());
  } else if (word == "with") {
    ParseWith(statement.get());
  } else if (word == "macro") {
    ParseMacro(statement.get());
  } else if (word == "call") {
    ParseCallBlock(statement.get());
  } else if (word == "filter") {
    statement->kind = Statement::Kind::kFilterBlock;
    statement->filter = ParseFilter(nullptr);
    while (!failed() && SkipOperator("|")) statement->filter = ParseFilter(std::move(statement->filter));
    ParseBody({"endfilter"}, &statement->body);
  } else if (word == "generation") {
    statement->kind = Statement::Kind::kGeneration;
    ParseNamedBody("endgeneration", statement.get());
  } else if (word == "print") {
    statement->kind = Statement::Kind::kPrint;
    while (!failed() && !Is(Token::Kind::kBlockEnd)) {
      if (!statement->values.empty() && !ExpectOperator(",")) break;
      statement->values.push_back(ParseExpression());
    }
  } else if (word == "break" || word == "continue") {
    statement->kind = word == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue;
    if (loops_ == 0) Fail("{% ", word, " %} is outside of a loop");
  } else {
    Fail("the tag {% ", word, " %} is not supported");
  }
  return statement;
}

void Parser::ParseIf(Statement* statement) {
  const Nested nested(this);
  if (!nested.ok()) return;
  statement->kind = Statement::Kind::kIf;
  statement->values.push_back(ParseTuple({false, false}));
  std::string end;
  ParseBody({"elif", "else", "endif"}, &statement->body, &end);
  if (failed() || end == "endif") return;
  if (end == "else") return ParseBody({"endif"}, &statement->otherwise);
  auto other = std::make_unique<Statement>();
  other->line = Now().line;
  ParseIf(other.get());
  statement->otherwise.push_back(std::move(other));
}

void Parser::ParseFor(Statement* statement) {
  statement->kind = Statement::Kind::kFor;
  TupleForm target;
  target.names_only = true;
  statement->target = ParseTarget(target);
  if (!failed() && !SkipWord("in")) Fail("expected in, found ", Seen());
  TupleForm items;
  items.with_condition = false;
  statement->values.push_back(ParseTuple(items));
  statement->values.push_back(SkipWord("if") ? ParseExpression() : nullptr);
  if (!failed() && IsWord("recursive")) Fail("recursive loops are not supported");
  std::string end;
  ++loops_;
  ParseBody({"endfor", "else"}, &statement->body, &end);
  --loops_;
  if (end == "else") ParseBody({"endfor"}, &statement->otherwise);
}

void Parser::ParseSet(Statement* statement) {
  TupleForm target;
  target.names_only = true;
  target.with_attributes = true;
  statement->target = ParseTarget(target);
  if (failed()) return;
  if (SkipOperator("=")) {
    statement->kind = Statement::Kind::kSet;
    statement->values.push_back(ParseTuple({}));
    return;
  }
  statement->kind = Statement::Kind::kSetBlock;
  while (!failed() && SkipOperator("|")) statement->filter = ParseFilter(std::move(statement->filter));
  ParseBody({"endset"}, &statement->body);
}

void Parser::ParseWith(Statement* statement) {
  statement->kind = Statement::Kind::kWith;
  while (!failed() && !Is(Token::Kind::kBlockEnd)) {
    if (!statement->parameters.empty() && !ExpectOperator(",")) return;
    Parameter variable;
    if (!ExpectName(&variable.name) || !ExpectOperator("=")) return;
    variable.otherwise = ParseExpression();
    statement->parameters.push_back(std::move(variable));
  }
  ParseBody({"endwith"}, &statement->body);
}

void Parser::ParseParameters(Statement* statement) {
  if (!ExpectOperator("(")) return;
  while (!failed() && !IsOperator(")")) {
    if (!statement->parameters.empty() && !ExpectOperator(",")) return;
    Parameter parameter;
    if (!ExpectName(&parameter.name)) return;
    if (SkipOperator("=")) {
      parameter.otherwise = ParseExpression();
    } else if (!statement->parameters.empty() && statement->parameters.back().otherwise != nullptr) {
      Fail("a parameter without a default follows one that has one");
    }
    statement->parameters.push_back(std::move(parameter));
  }
  ExpectOperator(")");
}

// The body of a macro, of a caller and the like: an enclosing loop is not visible in it.
void Parser::ParseNamedBody(std::string_view end_word, Statement* statement) {
  macros_.push_back(statement);
  const uint32_t loops = std::exchange(loops_, 0);
  ParseBody({end_word}, &statement->body);
  loops_ = loops;
  macros_.pop_back();
}

void Parser::ParseMacro(Statement* statement) {
  statement->kind = Statement::Kind::kMacro;
  if (!ExpectName(&statement->name)) return;
  ParseParameters(statement);
  ParseNamedBody("endmacro", statement);
}

void Parser::ParseCallBlock(Statement* statement) {
  statement->kind = Statement::Kind::kCallBlock;
  statement->name = "caller";
  if (IsOperator("(")) ParseParameters(statement);
  statement->values.push_back(ParseExpression());
  if (!failed() && statement->values[0]->kind != Expression::Kind::kCall) Fail("expected a call");
  ParseNamedBody("endcall", statement);
}

ExpressionPtr Parser::ParseTarget(const TupleForm& form) {
  ExpressionPtr target = ParseTuple(form);
  if (failed()) return nullptr;
  if (!IsAssignable(*target)) return Fail("this expression cannot be assigned to");
  return target;
}

}  // namespace lfm2::tools::jinja
