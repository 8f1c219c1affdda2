// Converts values to texts.
#ifndef LFM2_PROGRAMS_JINJA_TEXT_VALUES_H_
#define LFM2_PROGRAMS_JINJA_TEXT_VALUES_H_

#include <string>

#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

// With & < > ' " escaped as in HTML.
std::string Escaped(Execution& run, const std::string& text);
// The text of a value that is appended to `markup`: escaped unless it is markup itself.
std::string EscapedUnlessMarkup(Execution& run, const Value& value);

// The value itself if it is a text, otherwise str(value).
Value SoftText(Execution& run, const Value& value);

// text.replace(old, with), at most count times; a negative count means all.
std::string Replaced(Execution& run, const std::string& text, const std::string& old, const std::string& with,
                     int64_t count);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_TEXT_VALUES_H_
