// The command line options that say where a model's weights are, and how those that are not in memory are read.
#ifndef LFM2_PROGRAMS_OPTIONS_STORAGE_OPTION_H_
#define LFM2_PROGRAMS_OPTIONS_STORAGE_OPTION_H_

#include <utility>

#include <CLI/CLI.hpp>

#include "programs/session/session_plan.h"

namespace lfm2::tools {

// --storage mapped|memory|direct and --arena BYTES, by default what *arguments says. Both are returned, in this order.
std::pair<CLI::Option*, CLI::Option*> AddStorageOptions(CLI::App* app, SessionArguments* arguments);
// --draft N, by default what *arguments says.
CLI::Option* AddDraftOption(CLI::App* app, SessionArguments* arguments);
// --no-read-ahead, --prefer-resident, --drop-below and --throttle, each refused without --storage direct. Takes the
// app's parse_complete_callback.
void AddStreamingOptions(CLI::App* app, SessionArguments* arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_STORAGE_OPTION_H_
