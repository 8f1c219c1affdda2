// Whole files, for input that people write: text and JSON.
#ifndef LFM2_PROGRAMS_FILES_FILES_H_
#define LFM2_PROGRAMS_FILES_FILES_H_

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "programs/base/error.h"

namespace lfm2::tools {

// path: a file, or a pipe such as the shell makes of <(command). The Errors of all name what they are about.
Error ReadFile(const std::string& path, std::string* bytes);
Error ReadStandardInput(std::string* bytes);
// Writes to standard output and flushes it, so that a full drive is an Error and not a shorter result.
Error WriteStandardOutput(std::string_view bytes);
// The Error of whatever was written to standard output so far.
Error FlushStandardOutput();

// Parses JSON. name: of its origin, for the message.
Error ParseJson(const std::string& name, const std::string& text, nlohmann::ordered_json* json);
// The JSON of a file.
Error ReadJson(const std::string& path, nlohmann::ordered_json* json);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_FILES_H_
