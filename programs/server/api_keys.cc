#include "programs/server/api_keys.h"

#include <algorithm>

#include "programs/files/files.h"

namespace lfm2::tools {

namespace {

// Compares every byte of what was given, so that the time does not depend on the key.
bool IsEqual(std::string_view given, std::string_view key) {
  unsigned difference = given.size() == key.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(key[i % key.size()]);
  }
  return difference == 0;
}

}  // namespace

Error ApiKeys::Read(const std::string& path) {
  std::string text;
  LFM2_RETURN_IF_FAILED(ReadFile(path, &text));
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (!line.empty() && line[0] != '#') keys_.emplace_back(line);
  }
  return keys_.empty() ? Error::Of(path, " has no API keys (write one per line)") : Error();
}

bool ApiKeys::Allow(std::string_view authorization) const {
  if (keys_.empty()) return true;
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.substr(0, kScheme.size()) != kScheme) return false;
  authorization.remove_prefix(kScheme.size());
  bool is_allowed = false;
  for (const std::string& key : keys_) is_allowed |= IsEqual(authorization, key);
  return is_allowed;
}

}  // namespace lfm2::tools
