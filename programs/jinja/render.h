// Renders chat templates in Jinja2, the language of Hugging Face's chat templates, as apply_chat_template does.
#ifndef LFM2_PROGRAMS_JINJA_RENDER_H_
#define LFM2_PROGRAMS_JINJA_RENDER_H_

#include <nlohmann/json.hpp>
#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

// The names that a template can use.
struct JinjaContext {
  // An object: messages, add_generation_prompt, bos_token, eos_token and any others. `tools` is null or missing if
  // there are none.
  nlohmann::ordered_json values;
  // YYYY-MM-DD: strftime_now returns midnight of this day.
  std::string date;
};

// Renders `source` as transformers' apply_chat_template does with jinja2: trim_blocks, lstrip_blocks, loop controls,
// generation tags (which have no effect), raise_exception, strftime_now, and a tojson that is json.dumps(value,
// ensure_ascii=False). Neither the template nor the values are trusted: nesting, work and output are limited, and more
// is refused. The Error has the line and the reason, which is the template's own text if it raised an exception; *out
// is then empty.
Error RenderJinja(const std::string& source, const JinjaContext& context, std::string* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_JINJA_RENDER_H_
