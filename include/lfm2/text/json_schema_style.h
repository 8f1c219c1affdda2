// How values are to be written that a JSON schema allows.
#ifndef LFM2_TEXT_JSON_SCHEMA_STYLE_H_
#define LFM2_TEXT_JSON_SCHEMA_STYLE_H_

#include "lfm2/base/config.h"

namespace lfm2 {

enum class JsonSpacing : uint8_t {
  kFlexible,  // white space between all marks and values, as much as there may be in JSON
  kDumps,     // ", " and ": ", as Python's json.dumps writes them
  kNone,
};

struct JsonSchemaOptions {
  JsonSpacing spacing = JsonSpacing::kDumps;
  // True, False and None beside true, false and null, and texts in quotes of either kind or, without single_quotes, in
  // double quotes only.
  bool python = false;
  bool single_quotes = true;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_STYLE_H_
