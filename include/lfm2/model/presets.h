// Shapes of published models, for firmware that sizes its arena at compile time. Other programs read the image.
#ifndef LFM2_MODEL_PRESETS_H_
#define LFM2_MODEL_PRESETS_H_

#include "lfm2/base/config.h"
#include "lfm2/format/model_config.h"

namespace lfm2 {

namespace presets_internal {

// What all models of the family share. attention: the attention layers; all others are short convolutions.
template <uint32_t N>
constexpr ModelConfig Family(uint32_t layers, const uint32_t (&attention)[N], uint32_t hidden_size, uint32_t heads) {
  ModelConfig c;
  c.hidden_size = hidden_size;
  c.layers = layers;
  c.heads = heads;
  c.kv_heads = 8;
  c.head_dim = 64;
  c.vocab_size = 65536;
  c.context_length = 32768;
  for (const uint32_t layer : attention) c.layer_kind[layer] = LayerKind::kAttention;
  return c;
}

constexpr uint32_t kAttention16[] = {2, 5, 8, 10, 12, 14};
constexpr uint32_t kAttention14[] = {2, 4, 6, 8, 10, 12};
constexpr uint32_t kAttention24[] = {2, 6, 10, 14, 18, 21};
// For these two only the number of attention layers is documented; plans depend on nothing else of them.
constexpr uint32_t kAttention30[] = {2, 6, 9, 13, 17, 21, 24, 27};
constexpr uint32_t kAttention40[] = {2, 6, 10, 14, 18, 22, 26, 30, 34, 38};

template <uint32_t N>
constexpr ModelConfig Dense(uint32_t layers, const uint32_t (&attention)[N], uint32_t hidden_size, uint32_t heads,
                            uint32_t width) {
  ModelConfig c = Family(layers, attention, hidden_size, heads);
  c.dense_layers = layers;
  c.dense_ff_size = width;
  return c;
}

template <uint32_t N>
constexpr ModelConfig Moe(uint32_t layers, const uint32_t (&attention)[N], uint32_t dense_width, uint32_t experts,
                          uint32_t expert_width, uint32_t vocab_size, uint32_t context_length) {
  ModelConfig c = Family(layers, attention, 2048, 32);
  c.dense_layers = 2;
  c.dense_ff_size = dense_width;
  c.experts = experts;
  c.experts_per_token = 4;
  c.expert_ff_size = expert_width;
  c.vocab_size = vocab_size;
  c.context_length = context_length;
  return c;
}

// LFM2.5's larger models are those of LFM2 with another vocabulary, context and rope theta.
constexpr ModelConfig Extended(ModelConfig c, float rope_theta) {
  c.vocab_size = 128000;
  c.context_length = 131072;
  c.rope_theta = rope_theta;
  return c;
}

}  // namespace presets_internal

// Dense models: 354M, 742M, 1.17B and 2.57B weights.
inline constexpr ModelConfig kLfm2_350M = presets_internal::Dense(16, presets_internal::kAttention16, 1024, 16, 4608);
inline constexpr ModelConfig kLfm2_700M = presets_internal::Dense(16, presets_internal::kAttention16, 1536, 24, 6912);
inline constexpr ModelConfig kLfm2_1_2B = presets_internal::Dense(16, presets_internal::kAttention16, 2048, 32, 8192);
inline constexpr ModelConfig kLfm2_2_6B = presets_internal::Dense(30, presets_internal::kAttention30, 2048, 32, 10752);

// LFM2.5: one of 230M weights; the shapes of LFM2-350M and LFM2-1.2B; that of LFM2-2.6B with a larger vocabulary, of
// which no more is published. Check the last one against the plan of the image itself before sizing memory tightly.
inline constexpr ModelConfig kLfm2_5_230M = presets_internal::Dense(14, presets_internal::kAttention14, 1024, 16, 2560);
inline constexpr ModelConfig kLfm2_5_350M = kLfm2_350M;
inline constexpr ModelConfig kLfm2_5_1_2B = kLfm2_1_2B;
inline constexpr ModelConfig kLfm2_5_2_6B = presets_internal::Extended(kLfm2_2_6B, 1e7f);

// LFM2-8B-A1B: 8.3B weights, 1.5B active per token. LFM2.5-8B-A1B has twice the vocabulary and four times the context.
inline constexpr ModelConfig kLfm2_8B_A1B =
    presets_internal::Moe(24, presets_internal::kAttention24, 7168, 32, 1792, 65536, 32768);
inline constexpr ModelConfig kLfm2_5_8B_A1B = presets_internal::Extended(kLfm2_8B_A1B, 5e6f);

// LFM2-24B-A2B: 24B weights, 2.3B active per token. Its model card does not state the width of the two dense layers:
// check against the plan of the image itself before sizing memory tightly.
inline constexpr ModelConfig kLfm2_24B_A2B =
    presets_internal::Moe(40, presets_internal::kAttention40, 11776, 64, 1536, 65536, 32768);

}  // namespace lfm2

#endif  // LFM2_MODEL_PRESETS_H_
