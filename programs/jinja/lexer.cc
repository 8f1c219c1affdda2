#include "programs/jinja/lexer.h"

#include <algorithm>

#include "lfm2/text/utf8.h"
#include "programs/jinja/execution.h"
#include "programs/jinja/literals.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Normalises line ends to \n, and removes the last one.
std::string Normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(const std::string& text, std::vector<Token>* out) : text_(text), out_(out) {}

  Error Run() {
    while (at_ < text_.size() && error_.ok()) Root();
    Add(Token::Kind::kEnd, {});
    return error_;
  }

 private:
  template <class... Parts>
  void Fail(const Parts&... parts) {
    if (error_.ok()) error_ = Error::Of("line ", line_, " of the chat template: ", parts...);
  }
  bool Sees(std::string_view word) const { return text_.compare(at_, word.size(), word) == 0; }
  bool SeesAt(size_t at, std::string_view word) const { return text_.compare(at, word.size(), word) == 0; }
  void Add(Token::Kind kind, std::string text) { out_->push_back({kind, line_, std::move(text)}); }
  // Advances to `end`, counting lines.
  void Advance(size_t end) {
    line_ += static_cast<uint32_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                              text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }
  size_t AfterSpace(size_t at) const {
    while (at < text_.size()) {
      const Utf8Char c = ReadUtf8(std::string_view(text_).substr(at));
      if (!IsPythonSpace(c.code_point)) break;
      at += c.length;
    }
    return at;
  }
  // If a tag ends at `at`, the position after it: an optional sign of `signs` before `mark`, the white space that the
  // sign strips and, without a sign, a line end if the tag is a block or comment. Otherwise npos.
  size_t AfterEnd(size_t at, std::string_view mark, bool is_block) const {
    if (at < text_.size() && text_[at] == '-' && SeesAt(at + 1, mark)) return AfterSpace(at + 1 + mark.size());
    if (is_block && at < text_.size() && text_[at] == '+' && SeesAt(at + 1, mark)) return at + 1 + mark.size();
    if (!SeesAt(at, mark)) return std::string::npos;
    const size_t after = at + mark.size();
    return is_block && after < text_.size() && text_[after] == '\n' ? after + 1 : after;
  }

  // Text up to the next tag, and the start of that tag.
  void Root() {
    size_t tag = at_;
    for (;;) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) {
        AddData(at_, text_.size());
        Advance(text_.size());
        return;
      }
      const char kind = text_[tag + 1];
      if (kind == '%' || kind == '{' || kind == '#') break;
      ++tag;
    }
    const char kind = text_[tag + 1];
    size_t inside = tag + 2;
    char sign = 0;
    if (inside < text_.size() && (text_[inside] == '-' || text_[inside] == '+')) sign = text_[inside++];
    AddData(at_, TrimmedEnd(at_, tag, sign, kind != '{'));
    Advance(inside);
    if (kind == '#') {
      Comment();
    } else if (kind == '%') {
      if (!Raw()) Tag("%}", true);
    } else {
      Tag("}}", false);
    }
    starts_line_ = at_ > 0 && text_[at_ - 1] == '\n';
  }

  void AddData(size_t begin, size_t end) {
    if (end > begin) Add(Token::Kind::kData, text_.substr(begin, end - begin));
  }

  // Where the text before a tag ends after applying the tag's sign and lstrip_blocks.
  size_t TrimmedEnd(size_t begin, size_t end, char sign, bool is_block) const {
    const std::string_view text(text_.data() + begin, end - begin);
    if (sign == '-') return begin + Strip(text, StripSide::kRight).size();
    if (sign == '+' || !is_block) return end;
    const size_t line_end = text.rfind('\n');
    const size_t line_start = line_end == std::string_view::npos ? 0 : line_end + 1;
    if (line_start == 0 && !starts_line_) return end;
    return Strip(text.substr(line_start), StripSide::kRight).empty() ? begin + line_start : end;
  }

  void Comment() {
    if (at_ == text_.size()) return;  // jinja2 accepts an unclosed comment if nothing follows
    for (size_t at = at_; at < text_.size(); ++at) {
      const size_t after = AfterEnd(at, "#}", true);
      if (after != std::string::npos) return Advance(after);
    }
    Fail("a comment does not end");
  }

  // After "{%" and its sign: whether this is a raw block, which is then read whole.
  bool Raw() {
    size_t at = AfterSpace(at_);
    if (!SeesAt(at, "raw")) return false;
    at = AfterSpace(at + 3);
    size_t begin = at;
    if (SeesAt(at, "-%}")) {
      begin = AfterSpace(at + 3);
    } else if (SeesAt(at, "%}")) {
      begin = at + 2;
    } else {
      return false;
    }
    starts_line_ = text_[begin - 1] == '\n';
    // As for comments, jinja2 accepts a missing end if nothing follows.
    if (begin == text_.size()) {
      Advance(begin);
      return true;
    }
    for (size_t tag = text_.find("{%", begin); tag != std::string::npos; tag = text_.find("{%", tag + 1)) {
      size_t inside = tag + 2;
      char sign = 0;
      if (inside < text_.size() && (text_[inside] == '-' || text_[inside] == '+')) sign = text_[inside++];
      inside = AfterSpace(inside);
      if (!SeesAt(inside, "endraw")) continue;
      const size_t after = AfterEnd(AfterSpace(inside + 6), "%}", true);
      if (after == std::string::npos) continue;
      Advance(begin);
      AddData(begin, TrimmedEnd(begin, tag, sign, true));
      Advance(after);
      return true;
    }
    Fail("raw text does not end");
    return true;
  }

  void Tag(std::string_view mark, bool is_block) {
    Add(is_block ? Token::Kind::kBlockBegin : Token::Kind::kVariableBegin, {});
    std::string open;  // open brackets, in which a tag cannot end
    while (error_.ok()) {
      if (open.empty()) {
        const size_t after = AfterEnd(at_, mark, is_block);
        if (after != std::string::npos) {
          Add(is_block ? Token::Kind::kBlockEnd : Token::Kind::kVariableEnd, {});
          return Advance(after);
        }
      }
      const size_t next = AfterSpace(at_);
      if (next != at_) {
        Advance(next);
        continue;
      }
      if (at_ >= text_.size()) return Fail("a tag does not end");
      Word(&open);
    }
  }

  void Word(std::string* open) {
    const Utf8Char first = ReadUtf8(std::string_view(text_).substr(at_));
    const char c = text_[at_];
    if (IsDigit(c)) return Number();
    if (c == '\'' || c == '"') return Quoted();
    if (IsNameChar(first.code_point)) {
      size_t end = at_;
      while (end < text_.size()) {
        const Utf8Char next = ReadUtf8(std::string_view(text_).substr(end));
        if (!IsNameChar(next.code_point)) break;
        end += next.length;
      }
      if (end - at_ > kMaxName) return Fail("a name has more than ", uint64_t{kMaxName}, " bytes");
      Add(Token::Kind::kName, text_.substr(at_, end - at_));
      return Advance(end);
    }
    for (const std::string_view two : {"//", "**", "==", "!=", ">=", "<="}) {
      if (Sees(two)) return AddOperator(two);
    }
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos) {
      return Fail("unexpected character ", std::string_view(text_).substr(at_, first.length));
    }
    if (c == '(' || c == '[' || c == '{') {
      *open += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (open->empty() || open->back() != c) return Fail("a ", std::string_view(&c, 1), " without an opening bracket");
      open->pop_back();
    }
    AddOperator(std::string_view(&text_[at_], 1));
  }

  void AddOperator(std::string_view text) {
    Add(Token::Kind::kOperator, std::string(text));
    Advance(at_ + text.size());
  }

  void Number() {
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';
    NumberLiteral number = ReadNumber(std::string_view(text_).substr(at_), !after_dot);
    if (number.digits.size() > kMaxDigits) return Fail("a number has more than ", uint64_t{kMaxDigits}, " digits");
    Add(number.is_float ? Token::Kind::kFloat : Token::Kind::kInteger, std::move(number.digits));
    Advance(at_ + number.length);
  }

  void Quoted() {
    const char quote = text_[at_];
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return Fail("a quoted text does not end");
    std::string text;
    const std::string_view inside(&text_[at_ + 1], end - at_ - 1);
    if (const char* const why = Unescape(inside, &text); why != nullptr) return Fail(why);
    Add(Token::Kind::kString, std::move(text));
    Advance(end + 1);
  }

  const std::string& text_;
  std::vector<Token>* const out_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool starts_line_ = true;
  Error error_;
};

}  // namespace

Error Tokenize(std::string_view source, std::vector<Token>* out) {
  out->clear();
  for (std::string_view rest = source; !rest.empty();) {
    const Utf8Char c = ReadUtf8(rest);
    if (c.kind != Utf8Char::Kind::kValid) return Error::Of("the chat template is not UTF-8");
    rest.remove_prefix(c.length);
  }
  const std::string text = Normalized(source);
  return Lexer(text, out).Run();
}

}  // namespace lfm2::tools::jinja
