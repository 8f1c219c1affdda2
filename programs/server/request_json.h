// Parses the body of a request as JSON, within limits.
#ifndef LFM2_PROGRAMS_SERVER_REQUEST_JSON_H_
#define LFM2_PROGRAMS_SERVER_REQUEST_JSON_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "programs/server/api_error.h"

namespace lfm2::tools {

// Limits of a body, in addition to its size.
inline constexpr size_t kMaxRequestDepth = 64;
inline constexpr size_t kMaxRequestMembers = 512;             // of one object
inline constexpr size_t kMaxRequestValues = size_t{1} << 18;  // in total: more than a list of ids for any context

// *out = the object in the text; members keep their order. Refuses what is not JSON or not UTF-8, numbers that exceed a
// double, duplicate members, and more than the limits above, naming the field.
ApiError ParseRequestJson(std::string_view text, nlohmann::ordered_json* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_REQUEST_JSON_H_
