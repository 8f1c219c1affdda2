#include "programs/server/answer_writer.h"

#include <random>

namespace lfm2::tools {

using Json = nlohmann::ordered_json;

Json UsageJson(uint32_t prompt_tokens, uint32_t cached_tokens, uint32_t answer_tokens) {
  return {{"prompt_tokens", prompt_tokens},
          {"completion_tokens", answer_tokens},
          {"total_tokens", uint64_t{prompt_tokens} + answer_tokens},
          {"prompt_tokens_details", {{"cached_tokens", cached_tokens}}}};
}

const char* NameOf(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
  }
  return "";
}

std::string DumpJson(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string Event(const Json& json) { return "data: " + DumpJson(json) + "\n\n"; }

std::string RandomId(const char* prefix) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::random_device device;
  std::string id = prefix;
  for (int i = 0; i < 24; ++i) id += kDigits[device() % kDigits.size()];
  return id;
}

}  // namespace lfm2::tools
