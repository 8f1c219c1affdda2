// Texts made of values.
#ifndef LFM2_PROGRAMS_JINJA_TEXT_VALUES_H_
#define LFM2_PROGRAMS_JINJA_TEXT_VALUES_H_

#include <string>

#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

// With & < > ' " as HTML spells them.
std::string Escaped(Execution& run, const std::string& text);
// The text of a value that is added to `markup` text: escaped unless it is markup itself.
std::string EscapedUnlessMarkup(Execution& run, const Value& value);

// The value itself if it is a text, or str(value).
Value SoftText(Execution& run, const Value& value);

// text.replace(old, with, at most count times; all where it is negative).
std::string Replaced(Execution& run, const std::string& text, const std::string& old, const std::string& with,
                     int64_t count);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_TEXT_VALUES_H_
