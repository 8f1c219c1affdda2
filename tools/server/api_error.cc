#include "tools/server/api_error.h"

#include <nlohmann/json.hpp>

namespace lfm2::tools {

std::string ApiError::Json() const {
  using Json = nlohmann::ordered_json;
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  const Json json = {
      {"error", {{"message", message}, {"type", type}, {"param", text_or_null(param)}, {"code", text_or_null(code)}}}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lfm2::tools
