// The shape of a model, made by lfm2-inspect --header: an arena of ArenaBytes(kHomeHf, options) bytes holds a
// session on it.
#ifndef LFM2_CONFIG_HOMEHF_H_
#define LFM2_CONFIG_HOMEHF_H_

#include "lfm2.h"

inline constexpr lfm2::ModelConfig kHomeHf = [] {
  lfm2::ModelConfig c;
  c.hidden_size = 256;
  c.layers = 6;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 64;
  c.dense_layers = 2;
  c.dense_ff_size = 512;
  c.experts = 32;
  c.experts_per_token = 4;
  c.expert_ff_size = 64;
  c.vocab_size = 1314;
  c.context_length = 4096;
  c.conv_kernel = 3;
  c.tied_embedding = true;
  c.norm_eps = 9.99999975e-06f;
  c.rope_theta = 1000000.0f;
  c.routed_scaling_factor = 1.0f;
  for (const int layer : {2, 4}) c.layer_kind[layer] = lfm2::LayerKind::kAttention;
  return c;
}();

// For MakePlan, where experts are read from a drive as they are needed.
inline constexpr lfm2::StreamShape kHomeHfShape = [] {
  lfm2::StreamShape s;
  s.front_bytes = 1728512u;
  for (int layer = 0; layer < 4; ++layer) {
    s.record_bytes[layer] = 28672u;
  }
  return s;
}();

#endif  // LFM2_CONFIG_HOMEHF_H_
