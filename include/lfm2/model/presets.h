// Published models, for firmware that sizes its arena at compile time. Everything else reads the image.
#ifndef LFM2_MODEL_PRESETS_H_
#define LFM2_MODEL_PRESETS_H_

#include "lfm2/base/config.h"
#include "lfm2/format/model_config.h"

namespace lfm2 {

namespace presets_internal {

constexpr ModelConfig Lfm2_8B_A1B() {
  ModelConfig c;
  c.hidden_size = 2048;
  c.layers = 24;
  c.heads = 32;
  c.kv_heads = 8;
  c.head_dim = 64;
  c.dense_layers = 2;
  c.dense_ff_size = 7168;
  c.experts = 32;
  c.experts_per_token = 4;
  c.expert_ff_size = 1792;
  c.vocab_size = 65536;
  c.context_length = 32768;
  const uint32_t attention[] = {2, 6, 10, 14, 18, 21};
  for (const uint32_t layer : attention) c.layer_kind[layer] = LayerKind::kAttention;
  return c;
}

}  // namespace presets_internal

// LFM2-8B-A1B: 8.3B weights, 1.5B active a token.
inline constexpr ModelConfig kLfm2_8B_A1B = presets_internal::Lfm2_8B_A1B();

}  // namespace lfm2

#endif  // LFM2_MODEL_PRESETS_H_
