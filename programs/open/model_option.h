// The command line options that say which model a tool runs.
#ifndef LFM2_PROGRAMS_OPEN_MODEL_OPTION_H_
#define LFM2_PROGRAMS_OPEN_MODEL_OPTION_H_

#include <CLI/CLI.hpp>

#include "programs/open/model_file.h"

namespace lfm2::tools {

// The positional argument MODEL, which must be there, and --no-cache.
void AddModelOption(CLI::App* app, ModelArgument* model);
// --no-cache alone, for tools with several models: whether published ones may be packed into the cache.
void AddCacheOption(CLI::App* app, bool* cache);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_MODEL_OPTION_H_
