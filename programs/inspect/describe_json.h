// A model image as JSON, for other programs.
#ifndef LFM2_PROGRAMS_INSPECT_DESCRIBE_JSON_H_
#define LFM2_PROGRAMS_INSPECT_DESCRIBE_JSON_H_

#include <nlohmann/json.hpp>

#include "programs/open/model_file.h"

namespace lfm2::tools {

// With the names of docs/format.md. trie: of the image; not open if the image has none.
nlohmann::ordered_json ImageJson(const ModelFile& model, const TokenTrie& trie);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_INSPECT_DESCRIBE_JSON_H_
