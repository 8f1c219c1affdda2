// The command line option --template.
#ifndef LFM2_PROGRAMS_OPTIONS_TEMPLATE_OPTION_H_
#define LFM2_PROGRAMS_OPTIONS_TEMPLATE_OPTION_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// --template NAME|FILE.json: the name of a published chat template, or a file with the pieces of another
// (chat_format_json.h). instead_of: what it replaces, for the help.
CLI::Option* AddTemplateOption(CLI::App* app, const std::string& instead_of, std::optional<OwnedChatFormat>* format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_TEMPLATE_OPTION_H_
