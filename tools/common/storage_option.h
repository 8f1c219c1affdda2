// The command line options --storage and --arena.
#ifndef LFM2_TOOLS_COMMON_STORAGE_OPTION_H_
#define LFM2_TOOLS_COMMON_STORAGE_OPTION_H_

#include <CLI/CLI.hpp>

#include "tools/common/session_plan.h"

namespace lfm2::tools {

const char* NameOf(StorageKind kind);
// --storage mapped|memory|direct and --arena BYTES, by default what *arguments says. Both are returned, in this order.
std::pair<CLI::Option*, CLI::Option*> AddStorageOptions(CLI::App* app, SessionArguments* arguments);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_STORAGE_OPTION_H_
