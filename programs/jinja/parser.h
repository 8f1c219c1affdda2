// Parses a template's tokens into a tree.
#ifndef LFM2_PROGRAMS_JINJA_PARSER_H_
#define LFM2_PROGRAMS_JINJA_PARSER_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "programs/base/error.h"
#include "programs/jinja/lexer.h"
#include "programs/jinja/nodes.h"

namespace lfm2::tools::jinja {

// What a list of expressions without parentheses may contain.
struct TupleForm {
  bool names_only = false;       // names and literals: a target
  bool with_condition = true;    // x if y else z
  bool in_parentheses = false;   // the list may be empty
  bool with_attributes = false;  // namespace.attribute, as a target
};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // The whole template.
  Error Parse(Body* out);

 private:
  friend class Nested;

  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool Is(Token::Kind kind) const { return Now().kind == kind; }
  bool IsWord(std::string_view word) const { return Is(Token::Kind::kName) && Now().text == word; }
  bool IsOperator(std::string_view text) const { return Is(Token::Kind::kOperator) && Now().text == text; }
  void Skip() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool SkipWord(std::string_view word);
  bool SkipOperator(std::string_view text);
  // Fails if another token is there.
  bool ExpectOperator(std::string_view text);
  bool Expect(Token::Kind kind, std::string_view what);
  bool ExpectName(std::string* out);
  template <class... Parts>
  ExpressionPtr Fail(const Parts&... parts) {
    if (error_.ok()) error_ = Error::Of("line ", Now().line, " of the chat template: ", parts...);
    return nullptr;
  }
  bool failed() const { return !error_.ok(); }
  // The token at this place, for messages.
  std::string Seen() const;

  // Statements.
  void ParseUntil(std::initializer_list<std::string_view> end_words, Body* out);
  // After the keyword of a tag: parses to its end, and the body up to one of the end words, which is skipped.
  void ParseBody(std::initializer_list<std::string_view> end_words, Body* out, std::string* end_word = nullptr);
  std::unique_ptr<Statement> ParseStatement();
  void ParseIf(Statement* statement);
  void ParseFor(Statement* statement);
  void ParseSet(Statement* statement);
  void ParseWith(Statement* statement);
  void ParseMacro(Statement* statement);
  void ParseCallBlock(Statement* statement);
  void ParseParameters(Statement* statement);
  void ParseNamedBody(std::string_view end_word, Statement* statement);
  ExpressionPtr ParseTarget(const TupleForm& form);

  // Expressions.
  ExpressionPtr ParseTuple(const TupleForm& form);
  ExpressionPtr ParseExpression(bool with_condition = true);
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  ExpressionPtr ParseCompare();
  ExpressionPtr ParseSum();
  ExpressionPtr ParseConcat();
  ExpressionPtr ParseProduct();
  ExpressionPtr ParsePower();
  ExpressionPtr ParseUnary(bool with_filter = true);
  ExpressionPtr ParsePrimary(bool with_attributes = false);
  ExpressionPtr ParseNumber();
  ExpressionPtr ParseList();
  ExpressionPtr ParseDict();
  ExpressionPtr ParsePostfix(ExpressionPtr node);
  ExpressionPtr ParseFilters(ExpressionPtr node);
  ExpressionPtr ParseFilter(ExpressionPtr node);
  ExpressionPtr ParseTest(ExpressionPtr node);
  ExpressionPtr ParseSubscript(ExpressionPtr node);
  ExpressionPtr ParseSubscribed();
  ExpressionPtr ParseCall(ExpressionPtr node);
  // The arguments of a call, filter or test.
  bool ParseArguments(Expression* node);

  ExpressionPtr Make(Expression::Kind kind, uint32_t line) const;
  // Adds children and checks the depth; nullptr if one of them is missing or the depth is too large.
  ExpressionPtr Make(Expression::Kind kind, uint32_t line, ExpressionPtr first, ExpressionPtr second = nullptr);
  ExpressionPtr MakeBinary(Operator operation, uint32_t line, ExpressionPtr left, ExpressionPtr right);
  bool Adopt(Expression* parent, ExpressionPtr child);
  bool Deepen(Expression* parent, uint32_t depth);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t nesting_ = 0;
  // The macros around this place.
  std::vector<Statement*> macros_;
  uint32_t loops_ = 0;  // around this place, within its macro
  Error error_;
};

// Counts the recursion depth of the parser while it exists.
class Nested {
 public:
  explicit Nested(Parser* parser);
  ~Nested() { --parser_->nesting_; }
  bool ok() const { return ok_; }

 private:
  Parser* const parser_;
  bool ok_;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_PARSER_H_
