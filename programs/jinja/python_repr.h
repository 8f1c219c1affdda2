// Values as texts: Python's str and repr.
#ifndef LFM2_PROGRAMS_JINJA_PYTHON_REPR_H_
#define LFM2_PROGRAMS_JINJA_PYTHON_REPR_H_

#include <string>

#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

// str(value); empty where it failed.
std::string Str(Execution& run, const Value& value);
// repr(value).
std::string Repr(Execution& run, const Value& value);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_PYTHON_REPR_H_
