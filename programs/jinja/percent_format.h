// Python's format strings: text % values, and text.format(...).
#ifndef LFM2_PROGRAMS_JINJA_PERCENT_FORMAT_H_
#define LFM2_PROGRAMS_JINJA_PERCENT_FORMAT_H_

#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

// format % values: a tuple, a dict for %(name)s, or a single value.
Value PercentFormat(Execution& run, const Value& format, const Value& values);

// format.format(...): replacement fields without a format specification.
Value BraceFormat(Execution& run, const Value& format, Arguments& arguments);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_PERCENT_FORMAT_H_
