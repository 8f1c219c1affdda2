#include "programs/jinja/python_text.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "lfm2/text/utf8.h"
#include "programs/jinja/case_tables.h"

namespace lfm2::tools::jinja {

namespace {

template <size_t n>
int32_t Added(const case_tables::Run (&runs)[n], uint32_t c, bool* found) {
  const auto* run = std::upper_bound(std::begin(runs), std::end(runs), c,
                                     [](uint32_t at, const case_tables::Run& r) { return at < r.first; });
  // Runs of every other character overlap: the previous run may contain the character too.
  for (int back = 0; back < 2 && run != std::begin(runs); ++back) {
    --run;
    if (c <= run->last && (c - run->first) % run->step == 0) {
      *found = true;
      return run->add;
    }
  }
  *found = false;
  return 0;
}

template <size_t n>
const char* Expanded(const case_tables::Expansion (&expansions)[n], uint32_t c) {
  const auto* const found =
      std::lower_bound(std::begin(expansions), std::end(expansions), c,
                       [](const case_tables::Expansion& e, uint32_t at) { return e.code_point < at; });
  return found != std::end(expansions) && found->code_point == c ? found->text : nullptr;
}

template <size_t n>
void Shift(const case_tables::Run (&runs)[n], uint32_t c, std::string* out) {
  bool found = false;
  const int32_t add = Added(runs, c, &found);
  AppendUtf8(static_cast<uint32_t>(static_cast<int32_t>(c) + add), out);
}

void AppendUpper(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c));
  } else if (const char* const text = Expanded(case_tables::kUpperExpansions, c); text != nullptr) {
    *out += text;
  } else {
    Shift(case_tables::kUpper, c, out);
  }
}

void AppendTitle(uint32_t c, std::string* out) {
  bool found = false;
  const int32_t add = Added(case_tables::kTitle, c, &found);
  if (const char* const text = Expanded(case_tables::kTitleExpansions, c); text != nullptr) {
    *out += text;
  } else if (found) {
    AppendUtf8(static_cast<uint32_t>(static_cast<int32_t>(c) + add), out);
  } else {
    AppendUpper(c, out);
  }
}

constexpr uint32_t kCapitalSigma = 0x3a3, kFinalSigma = 0x3c2;

bool IsCased(uint32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  bool upper = false, lower = false;
  Added(case_tables::kUpper, c, &upper);
  Added(case_tables::kLower, c, &lower);
  return upper || lower || Expanded(case_tables::kUpperExpansions, c) != nullptr;
}

// Lower case, character by character; a capital sigma has a special form at the end of a word.
class Lowering {
 public:
  explicit Lowering(std::string* out) : out_(out) {}

  // `after`: the text after the character.
  void Append(uint32_t c, std::string_view after) {
    if (c < 0x80) {
      out_->push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
    } else if (const char* const more = Expanded(case_tables::kLowerExpansions, c); more != nullptr) {
      *out_ += more;
    } else if (c == kCapitalSigma && in_word_ && (after.empty() || !IsCased(ReadUtf8(after).code_point))) {
      AppendUtf8(kFinalSigma, out_);
    } else {
      Shift(case_tables::kLower, c, out_);
    }
    Pass(c);
  }
  // Records a character that other code has written.
  void Pass(uint32_t c) { in_word_ = IsCased(c) || (in_word_ && c == '\''); }

 private:
  std::string* const out_;
  bool in_word_ = false;
};

bool IsLineEnd(uint32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

void AppendUtf8(uint32_t c, std::string* out) {
  const auto byte = [&](uint32_t value) { out->push_back(static_cast<char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6);
    byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3f));
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  }
}

bool IsPythonSpace(uint32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

bool IsNameChar(uint32_t c) {
  const CharClass kind = ClassOf(c);
  return c == '_' || kind == CharClass::kLetter || kind == CharClass::kNumber;
}

bool IsPrintable(uint32_t c) {
  if (c >= 0x20 && c < 0x7f) return true;
  const auto* range = std::upper_bound(std::begin(case_tables::kUnprintable), std::end(case_tables::kUnprintable), c,
                                       [](uint32_t at, const case_tables::Range& r) { return at < r.first; });
  return range == std::begin(case_tables::kUnprintable) || c > (range - 1)->last;
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::vector<size_t> CodePointStarts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsContinuation(text[i])) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

std::string_view Strip(std::string_view text, StripSide side, const std::string* chars) {
  const auto strips = [&](std::string_view character) {
    return chars == nullptr ? IsPythonSpace(ReadUtf8(character).code_point)
                            : chars->find(character) != std::string::npos;
  };
  while (side != StripSide::kRight && !text.empty()) {
    const std::string_view first = text.substr(0, ReadUtf8(text).length);
    if (!strips(first)) break;
    text.remove_prefix(first.size());
  }
  while (side != StripSide::kLeft && !text.empty()) {
    size_t at = text.size() - 1;
    while (at > 0 && IsContinuation(text[at])) --at;
    if (!strips(text.substr(at))) break;
    text = text.substr(0, at);
  }
  return text;
}

std::string Upper(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = ReadUtf8(text.substr(i));
    AppendUpper(c.code_point, &out);
    i += c.length;
  }
  return out;
}

std::string Lower(std::string_view text) {
  std::string out;
  Lowering lowering(&out);
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = ReadUtf8(text.substr(i));
    i += c.length;
    lowering.Append(c.code_point, text.substr(i));
  }
  return out;
}

std::string Capitalize(std::string_view text) {
  std::string out;
  Lowering lowering(&out);
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = ReadUtf8(text.substr(i));
    if (i == 0) {
      AppendTitle(c.code_point, &out);
      lowering.Pass(c.code_point);
    } else {
      lowering.Append(c.code_point, text.substr(i + c.length));
    }
    i += c.length;
  }
  return out;
}

std::string Title(std::string_view text) {
  std::string out;
  Lowering lowering(&out);
  bool in_word = false;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = ReadUtf8(text.substr(i));
    i += c.length;
    if (in_word) {
      lowering.Append(c.code_point, text.substr(i));
    } else {
      AppendTitle(c.code_point, &out);
      lowering.Pass(c.code_point);
    }
    in_word = IsCased(c.code_point);
  }
  return out;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = ReadUtf8(text.substr(i));
    i += c.length;
    if (!IsLineEnd(c.code_point)) continue;
    lines.push_back(text.substr(begin, i - c.length - begin));
    if (c.code_point == '\r' && i < text.size() && text[i] == '\n') ++i;
    begin = i;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string Quoted(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = ReadUtf8(text.substr(i));
    const uint32_t code_point = c.code_point;
    if (code_point == static_cast<unsigned char>(quote) || code_point == '\\') {
      out += '\\';
      out += static_cast<char>(code_point);
    } else if (code_point == '\n') {
      out += "\\n";
    } else if (code_point == '\r') {
      out += "\\r";
    } else if (code_point == '\t') {
      out += "\\t";
    } else if (IsPrintable(code_point)) {
      out.append(text.substr(i, c.length));
    } else {
      char escape[16];
      const char* const format = code_point < 0x100 ? "\\x%02x" : code_point < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(escape, sizeof(escape), format, static_cast<unsigned>(code_point));
      out += escape;
    }
    i += c.length;
  }
  return out + quote;
}

}  // namespace lfm2::tools::jinja
