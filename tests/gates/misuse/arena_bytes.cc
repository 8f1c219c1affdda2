// The compiler rejects a static arena for a session that could never open: a context longer than the model's, a chunk
// of no tokens, a cache of an unknown type, a model of an impossible shape.
//
// Refused: (IsInvalid|AreInvalid)|not an integral constant-expression|variable length array
// Refused: (IsInvalid|AreInvalid)|not an integral constant-expression|variable length array
// Refused: (IsInvalid|AreInvalid)|not an integral constant-expression|variable length array
// Refused: (IsInvalid|AreInvalid)|not an integral constant-expression|variable length array
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

constexpr lfm2::ModelConfig Config() {
  lfm2::ModelConfig config = lfm2::kLfm2_350M;
#if LFM2_MISUSE == 4
  config.kv_heads = 3;
#endif
  return config;
}

constexpr lfm2::SessionOptions Options() {
  lfm2::SessionOptions options;
  options.context_length = 512;
#if LFM2_MISUSE == 1
  options.context_length = lfm2::kLfm2_350M.context_length + 1;
#elif LFM2_MISUSE == 2
  options.prefill_chunk = 0;
#elif LFM2_MISUSE == 3
  options.kv_cache = static_cast<lfm2::KvCacheType>(9);
#endif
  return options;
}

alignas(lfm2::kAlignment) std::byte g_arena[lfm2::ArenaBytes(Config(), Options())];
