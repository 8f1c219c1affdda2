// The command line option --kv, and the names of its values.
#ifndef LFM2_TOOLS_COMMON_KV_OPTION_H_
#define LFM2_TOOLS_COMMON_KV_OPTION_H_

#include <CLI/CLI.hpp>

#include "lfm2/kernels/kv_cache.h"

namespace lfm2::tools {

const char* NameOf(KvCacheType type);
// --kv f16|f32|int8, by default what *type is.
CLI::Option* AddKvOption(CLI::App* app, KvCacheType* type);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_KV_OPTION_H_
