// The command line option --date, and today's date.
#ifndef LFM2_PROGRAMS_OPTIONS_DATE_OPTION_H_
#define LFM2_PROGRAMS_OPTIONS_DATE_OPTION_H_

#include <CLI/CLI.hpp>
#include <string>

namespace lfm2::tools {

// YYYY-MM-DD, by the clock and the time zone of this machine.
std::string Today();

// --date YYYY-MM-DD: the date for chat templates that write it with tools. *date is today unless it is given.
CLI::Option* AddDateOption(CLI::App* app, std::string* date);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_DATE_OPTION_H_
