// Numbers and quoted texts as a template spells them.
#ifndef LFM2_PROGRAMS_JINJA_LITERALS_H_
#define LFM2_PROGRAMS_JINJA_LITERALS_H_

#include <string>
#include <string_view>

namespace lfm2::tools::jinja {

struct NumberLiteral {
  bool is_float = false;
  size_t length = 0;
  // For an integer its decimal digits; for a float its text without underscores.
  std::string digits;
};

// The number at the start of `text`, which starts with a digit.
NumberLiteral ReadNumber(std::string_view text, bool may_be_float);

// The content between quotes, with Python's escapes resolved. Returns nullptr, or the reason why it is invalid.
const char* Unescape(std::string_view inside, std::string* out);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_LITERALS_H_
