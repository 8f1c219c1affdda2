// Numbers and quoted texts as a template spells them.
#ifndef LFM2_PROGRAMS_JINJA_LITERALS_H_
#define LFM2_PROGRAMS_JINJA_LITERALS_H_

#include <string>
#include <string_view>

namespace lfm2::tools::jinja {

struct NumberLiteral {
  bool is_float = false;
  size_t length = 0;
  // Of an integer its decimal digits; of a float its spelling, without underscores.
  std::string digits;
};

// The number that `text` begins with, which has a digit first.
NumberLiteral ReadNumber(std::string_view text, bool may_be_float);

// What stands between quotes, with Python's escapes resolved. Returns nullptr, or why there is no such text.
const char* Unescape(std::string_view inside, std::string* out);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_LITERALS_H_
