// A day as text.
#ifndef LFM2_PROGRAMS_JINJA_STRFTIME_H_
#define LFM2_PROGRAMS_JINJA_STRFTIME_H_

#include <string>

namespace lfm2::tools::jinja {

// The midnight that begins `date` (YYYY-MM-DD), as the C library's strftime writes it in English. Returns nullptr, or
// why there is no such text.
const char* FormatDate(const std::string& date, const std::string& format, std::string* out);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_STRFTIME_H_
