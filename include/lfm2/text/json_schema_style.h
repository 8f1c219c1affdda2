// The notation of values that a JSON schema allows.
#ifndef LFM2_TEXT_JSON_SCHEMA_STYLE_H_
#define LFM2_TEXT_JSON_SCHEMA_STYLE_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// The white space of JSON texts.
enum class JsonSpacing : uint8_t {
  kFlexible,  // any white space between tokens, as JSON allows
  kDumps,     // ", " and ": ", as Python's json.dumps writes them
  kNone,      // no white space
};

// Options of CompileJsonSchema.
struct JsonSchemaOptions {
  JsonSpacing spacing = JsonSpacing::kDumps;  // white space between marks and values
  // True, False and None in addition to true, false and null, and strings in quotes of either kind or, without
  // single_quotes, in double quotes only.
  bool python = false;
  bool single_quotes = true;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_STYLE_H_
