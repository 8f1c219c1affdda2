// RenderJinja with limits chosen by the caller.
#ifndef LFM2_PROGRAMS_JINJA_RENDER_WITHIN_H_
#define LFM2_PROGRAMS_JINJA_RENDER_WITHIN_H_

#include <string>

#include "programs/jinja/execution.h"
#include "programs/jinja/render.h"

namespace lfm2::tools::jinja {

Error RenderWithin(const Limits& limits, const std::string& source, const JinjaContext& context, std::string* out);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_RENDER_WITHIN_H_
