// The command line options for where the weights are, and how those that are not in memory are read.
#ifndef LFM2_PROGRAMS_OPTIONS_STORAGE_OPTION_H_
#define LFM2_PROGRAMS_OPTIONS_STORAGE_OPTION_H_

#include <utility>

#include <CLI/CLI.hpp>

#include "programs/session/session_plan.h"

namespace lfm2::tools {

// --storage mapped|memory|direct and --arena BYTES, with the defaults in *arguments. Returns both, in this order.
std::pair<CLI::Option*, CLI::Option*> AddStorageOptions(CLI::App* app, SessionArguments* arguments);
// --draft N, with the default in *arguments.
CLI::Option* AddDraftOption(CLI::App* app, SessionArguments* arguments);
// --no-read-ahead, --prefer-resident, --drop-below and --throttle, each refused without --storage direct. Uses the
// app's parse_complete_callback.
void AddStreamingOptions(CLI::App* app, SessionArguments* arguments);
// --kv and all of the above. Returns the option --draft.
CLI::Option* AddSessionOptions(CLI::App* app, SessionArguments* arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_STORAGE_OPTION_H_
