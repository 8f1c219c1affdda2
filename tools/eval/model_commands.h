// lfm2-eval logits and perplexity: what needs the whole model.
#ifndef LFM2_TOOLS_EVAL_MODEL_COMMANDS_H_
#define LFM2_TOOLS_EVAL_MODEL_COMMANDS_H_

#include <cstdint>
#include <string>

#include "lfm2/kernels/kv_cache.h"
#include "tools/common/error.h"

namespace lfm2::tools {

struct LogitsArguments {
  std::string model;
  std::string ids;
  std::string out;
  std::string record_trace;  // file; empty: none
  bool reference = false;
  uint32_t chunk = 0;  // 0: the session's default
  KvCacheType kv_cache = KvCacheType::kF16;
  uint32_t threads = 1;
};
// The logits of every position of one prompt, to a .npy file.
Error RunLogits(const LogitsArguments& arguments);

struct PerplexityArguments {
  std::string model;
  std::string text;
  std::string ids;
  std::string record_trace;  // file; empty: none
  uint32_t context = 0;      // 0: kDefaultWindow
  KvCacheType kv_cache = KvCacheType::kF16;
  uint32_t threads = 1;
};
// Perplexity and its standard error, on standard output.
Error RunPerplexity(const PerplexityArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EVAL_MODEL_COMMANDS_H_
