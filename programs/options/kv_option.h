// The command line option --kv.
#ifndef LFM2_PROGRAMS_OPTIONS_KV_OPTION_H_
#define LFM2_PROGRAMS_OPTIONS_KV_OPTION_H_

#include <CLI/CLI.hpp>

#include "lfm2/kernels/kv_cache.h"

namespace lfm2::tools {

// --kv f16|f32|int8, with *type as the default.
CLI::Option* AddKvOption(CLI::App* app, KvCacheType* type);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_KV_OPTION_H_
