// JSON to values, and values to JSON as Python's json.dumps writes it.
#ifndef LFM2_PROGRAMS_JINJA_JSON_TEXT_H_
#define LFM2_PROGRAMS_JINJA_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

Value FromJson(Execution& run, const nlohmann::ordered_json& json);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};

// Empty if it failed.
std::string DumpJson(Execution& run, const Value& value, const JsonStyle& style);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_JSON_TEXT_H_
