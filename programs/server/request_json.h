// The body of a request as JSON, within bounds.
#ifndef LFM2_PROGRAMS_SERVER_REQUEST_JSON_H_
#define LFM2_PROGRAMS_SERVER_REQUEST_JSON_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "programs/server/api_error.h"

namespace lfm2::tools {

// What a body may have at most, beside the bytes that the server reads.
inline constexpr size_t kMaxRequestDepth = 64;
inline constexpr size_t kMaxRequestMembers = 512;             // of one object
inline constexpr size_t kMaxRequestValues = size_t{1} << 18;  // in all: a list of ids as long as any context, and more

// *out = the object that the text is; members keep their order. Refused, by the field where it was found: what is no
// JSON or no UTF-8, numbers beyond a double, a member that is there twice, and more than the bounds above.
ApiError ParseRequestJson(std::string_view text, nlohmann::ordered_json* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_REQUEST_JSON_H_
