// Whole files, for inputs that people write: texts, JSON.
#ifndef LFM2_PROGRAMS_FILES_FILES_H_
#define LFM2_PROGRAMS_FILES_FILES_H_

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "programs/base/error.h"

namespace lfm2::tools {

Error ReadFile(const std::string& path, std::string* bytes);
Error ReadStandardInput(std::string* bytes);
// Writes to standard output and flushes, so that a full disk is an Error and not a shorter answer.
Error WriteStandardOutput(std::string_view bytes);

// Parses JSON; `name` of where it came from is for the message.
Error ParseJson(const std::string& name, const std::string& text, nlohmann::ordered_json* json);
// The JSON of a file.
Error ReadJson(const std::string& path, nlohmann::ordered_json* json);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_FILES_H_
