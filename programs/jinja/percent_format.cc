#include "programs/jinja/percent_format.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"
#include "programs/jinja/text_values.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

constexpr int64_t kWidest = 1000;

struct Directive {
  bool left = false, zeros = false, plus = false, space = false, alternate = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

class Formatter {
 public:
  Formatter(Execution& run, const Value& format, const Value& values) : run_(run), format_(format), values_(values) {}

  Value Run() {
    const std::string& text = format_.text();
    for (at_ = 0; at_ < text.size() && !run_.failed();) {
      const size_t percent = std::min(text.find('%', at_), text.size());
      Put(text.substr(at_, percent - at_));
      at_ = percent + 1;
      if (percent < text.size()) Replace(text);
    }
    if (run_.failed()) return Value();
    // Python treats a list like a dict here, and undefined too.
    const bool named =
        values_.is(Kind::kDict) || values_.is(Kind::kList) || values_.is(Kind::kRange) || values_.undefined();
    if (!named && next_ < (values_.is(Kind::kTuple) ? values_.items().size() : 1)) {
      return run_.Fail("a format does not use all values");
    }
    return Value::String(std::move(out_), format_.markup());
  }

 private:
  void Put(const std::string& text) {
    if (run_.SpendAppend(out_.size(), text.size())) out_ += text;
  }
  char Peek(const std::string& text) const { return at_ < text.size() ? text[at_] : '\0'; }

  bool Number(const std::string& text, int64_t* out) {
    *out = 0;
    for (; Peek(text) >= '0' && Peek(text) <= '9'; ++at_)
      *out = std::min<int64_t>(*out * 10 + (text[at_] - '0'), 100000);
    if (*out > kWidest) run_.Fail("a format is wider than ", uint64_t{kWidest});
    return !run_.failed();
  }

  Value Take(const std::string& text) {
    if (Peek(text) == '(') return run_.Fail("a format has two keys in one directive");
    if (values_.is(Kind::kTuple)) {
      if (next_ >= values_.items().size()) return run_.Fail("a format has too few values");
      return values_.items()[next_++];
    }
    if (next_++ > 0) return run_.Fail("a format has too few values");
    return values_;
  }

  void Replace(const std::string& text) {
    Value value;
    bool named = false;
    if (Peek(text) == '(') {
      const size_t end = text.find(')', at_);
      if (end == std::string::npos || !values_.is(Kind::kDict)) {
        run_.Fail("a format has a key, but its value is not a dict");
        return;
      }
      const Value* const found = FindKey(run_, values_, Value::String(text.substr(at_ + 1, end - at_ - 1)));
      if (found == nullptr) {
        run_.Fail("a format has a key that the dict does not have");
        return;
      }
      value = *found;
      named = true;
      at_ = end + 1;
    }
    Directive d;
    for (bool flag = true; flag;) {
      switch (Peek(text)) {
        case '-': d.left = true; break;
        case '0': d.zeros = true; break;
        case '+': d.plus = true; break;
        case ' ': d.space = true; break;
        case '#': d.alternate = true; break;
        default: flag = false; continue;
      }
      ++at_;
    }
    if (!Number(text, &d.width)) return;
    if (Peek(text) == '.') {
      ++at_;
      if (!Number(text, &d.precision)) return;
    }
    d.type = Peek(text);
    ++at_;
    if (d.type == '%') return Put("%");
    if (!named) value = Take(text);
    if (!run_.failed()) Format(d, value);
  }

  void Format(const Directive& d, const Value& value) {
    std::string body;
    bool is_number = true;
    switch (d.type) {
      case 's':
      case 'r':
        is_number = false;
        body = d.type == 'r' ? Repr(run_, value) : Str(run_, value);
        if (format_.markup() && !value.markup()) body = Escaped(run_, body);
        if (d.precision >= 0) {
          const std::vector<size_t> starts = CodePointStarts(body);
          body.resize(starts[std::min(starts.size() - 1, static_cast<size_t>(d.precision))]);
        }
        break;
      case 'd':
      case 'i':
      case 'u':
        if (value.is(Kind::kFloat) && value.as_float() > -9e18 && value.as_float() < 9e18) {
          body = std::to_string(static_cast<int64_t>(value.as_float()));
        } else if (value.integer()) {
          body = std::to_string(value.as_int());
        } else {
          run_.Fail("a format needs a number, not a value of type ", value.TypeName());
        }
        break;
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G': {
        if (!value.integer() && !value.is(Kind::kFloat)) {
          run_.Fail("a format needs a number, not a value of type ", value.TypeName());
          break;
        }
        char text[1500];
        const char form[] = {'%', '.', '*', d.type, 0};
        // The format was checked above: a precision and one double.
        std::snprintf(text, sizeof(text), form, static_cast<int>(d.precision < 0 ? 6 : d.precision), value.as_float());
        body = text;
        break;
      }
      default: run_.Fail("a format has a directive that is not supported"); break;
    }
    if (run_.failed()) return;
    if (is_number && body[0] != '-' && (d.plus || d.space)) body.insert(0, d.plus ? "+" : " ");
    const size_t length = CodePoints(body);
    if (length < static_cast<size_t>(d.width)) {
      const size_t missing = static_cast<size_t>(d.width) - length;
      if (d.left) {
        body.append(missing, ' ');
      } else if (d.zeros && is_number) {
        body.insert(body[0] == '-' || body[0] == '+' || body[0] == ' ' ? 1 : 0, missing, '0');
      } else {
        body.insert(0, missing, ' ');
      }
    }
    Put(body);
  }

  Execution& run_;
  const Value& format_;
  const Value& values_;
  std::string out_;
  size_t at_ = 0, next_ = 0;
};

}  // namespace

Value PercentFormat(Execution& run, const Value& format, const Value& values) {
  return Formatter(run, format, values).Run();
}

Value BraceFormat(Execution& run, const Value& format, Arguments& arguments) {
  const std::string& text = format.text();
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      out += c;
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {
      out += text[++i];
      continue;
    }
    const size_t end = text.find('}', i);
    if (c == '}' || end == std::string::npos) return run.Fail("a format has a single brace");
    std::string field = text.substr(i + 1, end - i - 1);
    i = end;
    bool repr = false;
    if (const size_t mark = field.find('!'); mark != std::string::npos) {
      repr = field.substr(mark) == "!r";
      if (!repr && field.substr(mark) != "!s") return run.Fail("a format has a conversion that is not supported");
      field.resize(mark);
    }
    if (field.find_first_of(":.[") != std::string::npos) return run.Fail("a format has a field that is not supported");
    const Value* value = nullptr;
    if (field.find_first_not_of("0123456789") == std::string::npos && field.size() < 6) {
      const size_t at = field.empty() ? next++ : std::stoul(field);
      if (at < arguments.positional.size()) value = &arguments.positional[at];
    } else {
      if (!run.Spend(arguments.named.size() / 8)) return Value();
      for (const auto& [name, named] : arguments.named) {
        if (name == field) value = &named;
      }
    }
    if (value == nullptr) return run.Fail("a format has a field without a value");
    const std::string shown = repr ? Repr(run, *value) : Str(run, *value);
    if (!run.SpendAppend(out.size(), shown.size())) return Value();
    out += shown;
  }
  return run.SpendText(out.size()) ? Value::String(std::move(out)) : Value();
}

}  // namespace lfm2::tools::jinja
