// The layout of --help: at most 100 columns, each description followed by choices, range and default.
#ifndef LFM2_PROGRAMS_CONSOLE_HELP_FORMAT_H_
#define LFM2_PROGRAMS_CONSOLE_HELP_FORMAT_H_

#include <CLI/CLI.hpp>
#include <string>

namespace lfm2::tools {

class HelpFormat final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_HELP_FORMAT_H_
