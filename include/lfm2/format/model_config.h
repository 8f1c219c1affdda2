// The shape of a model, as in config.json or a GGUF's metadata.
#ifndef LFM2_FORMAT_MODEL_CONFIG_H_
#define LFM2_FORMAT_MODEL_CONFIG_H_

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

// The operator of a layer, which comes before its feed forward.
enum class LayerKind : uint8_t {
  kShortConv = 0,  // a short convolution
  kAttention = 1,  // grouped-query attention
};

// Bounds well above those of known models, with which sizes computed from a config cannot overflow.
inline constexpr uint32_t kMaxLayers = 128;
inline constexpr uint32_t kMaxHiddenSize = 1u << 16;
inline constexpr uint32_t kMaxFeedForward = 1u << 18;
inline constexpr uint32_t kMaxHeads = 256;
inline constexpr uint32_t kMaxHeadDim = 256;
inline constexpr uint32_t kMaxExperts = 1024;
inline constexpr uint32_t kMaxExpertsPerToken = 16;
inline constexpr uint32_t kMaxConvKernel = 8;
inline constexpr uint32_t kMaxVocabSize = 1u << 22;
inline constexpr uint32_t kMaxContextLength = 1u << 24;

// The shape of a model, and the constants of its formulas.
struct ModelConfig {
  uint32_t hidden_size = 0;               // width of the residual stream
  uint32_t layers = 0;                    // an operator and a feed forward each
  uint32_t heads = 0;                     // of queries
  uint32_t kv_heads = 0;                  // of keys and values
  uint32_t head_dim = 0;                  // width of a head
  uint32_t dense_layers = 0;              // leading layers with a dense feed forward; all of them in a dense model
  uint32_t dense_ff_size = 0;             // width of a dense feed forward; 0 if there is none
  uint32_t experts = 0;                   // 0 in a dense model
  uint32_t experts_per_token = 0;         // chosen by the router
  uint32_t expert_ff_size = 0;            // width of an expert's feed forward
  uint32_t vocab_size = 0;                // tokens
  uint32_t context_length = 0;            // positions the model was trained for
  uint32_t conv_kernel = 3;               // taps of the short convolution (L_cache)
  bool tied_embedding = true;             // the LM head is the token embedding
  float norm_eps = 1e-5f;                 // added to the mean square
  float rope_theta = 1e6f;                // base of the rotary frequencies
  float routed_scaling_factor = 1.0f;     // of the experts' weights
  LayerKind layer_kind[kMaxLayers] = {};  // of every layer

  // Whether a layer has experts; the number of layers with experts, and of those with attention.
  constexpr bool is_moe_layer(uint32_t layer) const { return layer >= dense_layers; }
  constexpr uint32_t moe_layers() const { return layers - dense_layers; }
  constexpr uint32_t attention_layers() const {
    uint32_t n = 0;
    for (uint32_t l = 0; l < layers; ++l) n += layer_kind[l] == LayerKind::kAttention ? 1 : 0;
    return n;
  }
  // The width of all queries of a position together; of all its keys, and of all its values.
  constexpr uint32_t q_size() const { return heads * head_dim; }
  constexpr uint32_t kv_size() const { return kv_heads * head_dim; }
};

// Checks that every dimension is in bounds and that they are consistent. With a config that passes, plans and tensor
// shapes can be computed without overflow. Errors: kCorrupt, naming the field.
constexpr Status CheckConfig(const ModelConfig& c) {
  constexpr StatusCode kBad = StatusCode::kCorrupt;
  struct Range {
    const char* where;
    uint32_t value, low, high, multiple;
  };
  const bool dense = c.dense_layers > 0;
  const bool moe = c.dense_layers < c.layers;
  const Range ranges[] = {
      {"config.layers", c.layers, 1, kMaxLayers, 1},
      {"config.hidden_size", c.hidden_size, 32, kMaxHiddenSize, kGroupColumns},
      {"config.kv_heads", c.kv_heads, 1, kMaxHeads, 1},
      {"config.heads", c.heads, 1, kMaxHeads, 1},
      {"config.head_dim", c.head_dim, 32, kMaxHeadDim, kGroupColumns},
      {"config.dense_layers", c.dense_layers, 0, c.layers, 1},
      {"config.dense_ff_size", c.dense_ff_size, dense ? 32u : 0u, kMaxFeedForward, kGroupColumns},
      {"config.experts", c.experts, moe ? 1u : 0u, moe ? kMaxExperts : 0u, 1},
      {"config.experts_per_token", c.experts_per_token, moe ? 1u : 0u, Min(c.experts, kMaxExpertsPerToken), 1},
      {"config.expert_ff_size", c.expert_ff_size, moe ? 32u : 0u, moe ? kMaxFeedForward : 0u, kGroupColumns},
      {"config.vocab_size", c.vocab_size, 1, kMaxVocabSize, 1},
      {"config.context_length", c.context_length, 1, kMaxContextLength, 1},
      {"config.conv_kernel", c.conv_kernel, 2, kMaxConvKernel, 1},
  };
  for (const Range& r : ranges) {
    if (r.value < r.low) return Status(kBad, r.where, "is too small", r.value, r.low);
    if (r.value > r.high) return Status(kBad, r.where, "is too large", r.value, r.high);
    if (r.value % r.multiple != 0) return Status(kBad, r.where, "is not a multiple of 32", r.value);
  }
  if (c.heads % c.kv_heads != 0)
    return Status(kBad, "config.heads", "is not a multiple of kv_heads", c.heads, c.kv_heads);
  // The comparisons are written so that a NaN fails them.
  if (!(c.norm_eps >= 0.0f && c.norm_eps < 1.0f)) return Status(kBad, "config.norm_eps", "is not in [0, 1)");
  if (!(c.rope_theta >= 1.0f && c.rope_theta < 1e12f)) return Status(kBad, "config.rope_theta", "is not in [1, 1e12)");
  if (!(c.routed_scaling_factor > 0.0f && c.routed_scaling_factor < 1e6f)) {
    return Status(kBad, "config.routed_scaling_factor", "is not in (0, 1e6)");
  }
  for (uint32_t l = 0; l < c.layers; ++l) {
    if (c.layer_kind[l] != LayerKind::kShortConv && c.layer_kind[l] != LayerKind::kAttention) {
      return Status(kBad, "config.layer_kind", "is unknown", static_cast<uint8_t>(c.layer_kind[l])).At(l);
    }
  }
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_FORMAT_MODEL_CONFIG_H_
