// Formats a day as text.
#ifndef LFM2_PROGRAMS_JINJA_STRFTIME_H_
#define LFM2_PROGRAMS_JINJA_STRFTIME_H_

#include <string>

namespace lfm2::tools::jinja {

// Formats midnight at the start of `date` (YYYY-MM-DD) as the C library's strftime does in English. Returns nullptr, or
// the reason why it failed.
const char* FormatDate(const std::string& date, const std::string& format, std::string* out);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_STRFTIME_H_
