// The command line options that choose the model.
#ifndef LFM2_PROGRAMS_OPEN_MODEL_OPTION_H_
#define LFM2_PROGRAMS_OPEN_MODEL_OPTION_H_

#include <CLI/CLI.hpp>

#include "programs/open/model_file.h"

namespace lfm2::tools {

// The required positional argument MODEL, and --no-cache.
void AddModelOption(CLI::App* app, ModelArgument* model);
// --no-cache alone, for programs with several models.
void AddCacheOption(CLI::App* app, bool* cache);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_MODEL_OPTION_H_
