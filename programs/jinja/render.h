// Chat templates in the language that Hugging Face's are written in, Jinja2: what apply_chat_template would print.
#ifndef LFM2_PROGRAMS_JINJA_RENDER_H_
#define LFM2_PROGRAMS_JINJA_RENDER_H_

#include <nlohmann/json.hpp>
#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

// What a template can name.
struct JinjaContext {
  // An object: messages, add_generation_prompt, bos_token, eos_token and whatever else the caller has. `tools` is null
  // or missing where there are none.
  nlohmann::ordered_json values;
  // YYYY-MM-DD: the day that strftime_now tells, at midnight.
  std::string date;
};

// Renders `source` as transformers' apply_chat_template does with jinja2: blocks trimmed on both sides (trim_blocks,
// lstrip_blocks), loop controls, generation tags that change nothing, raise_exception, strftime_now, and a tojson that
// is json.dumps(value, ensure_ascii=False).
// Both the template and the values may be hostile: nesting, work and output are bounded, and what goes beyond is
// refused. The Error says line and reason, in the template's own words where it raised an exception; *out is then
// empty.
Error RenderJinja(const std::string& source, const JinjaContext& context, std::string* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_JINJA_RENDER_H_
