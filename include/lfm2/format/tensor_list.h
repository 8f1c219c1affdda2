// Which tensors a model of a given config has, with their shapes, in the order of an image: the one list that the
// packer writes, Image::Open checks and Weights binds.
#ifndef LFM2_FORMAT_TENSOR_LIST_H_
#define LFM2_FORMAT_TENSOR_LIST_H_

#include "lfm2/base/config.h"
#include "lfm2/format/model_config.h"

namespace lfm2 {

// Numbers are part of the image format.
enum class TensorRole : uint16_t {
  kTokenEmbedding = 0,
  kOutputNorm = 1,  // after the last layer; "embedding_norm" in checkpoints
  kOutput = 2,      // LM head, only where it is not the embedding
  kOperatorNorm = 3,
  kFfnNorm = 4,
  kAttnQ = 5,
  kAttnK = 6,
  kAttnV = 7,
  kAttnQNorm = 8,
  kAttnKNorm = 9,
  kAttnOut = 10,
  kConvIn = 11,      // rows B, C, x of hidden_size each, in this order
  kConvKernel = 12,  // [conv_kernel, hidden_size], oldest tap first
  kConvOut = 13,
  kFfnGate = 14,
  kFfnUp = 15,
  kFfnDown = 16,
  kRouter = 17,
  kExpertBias = 18,
  kExpertGate = 19,
  kExpertUp = 20,
  kExpertDown = 21,
};

constexpr const char* NameOf(TensorRole role) {
  switch (role) {
    case TensorRole::kTokenEmbedding: return "token_embedding";
    case TensorRole::kOutputNorm: return "output_norm";
    case TensorRole::kOutput: return "output";
    case TensorRole::kOperatorNorm: return "operator_norm";
    case TensorRole::kFfnNorm: return "ffn_norm";
    case TensorRole::kAttnQ: return "attn_q";
    case TensorRole::kAttnK: return "attn_k";
    case TensorRole::kAttnV: return "attn_v";
    case TensorRole::kAttnQNorm: return "attn_q_norm";
    case TensorRole::kAttnKNorm: return "attn_k_norm";
    case TensorRole::kAttnOut: return "attn_out";
    case TensorRole::kConvIn: return "conv_in";
    case TensorRole::kConvKernel: return "conv_kernel";
    case TensorRole::kConvOut: return "conv_out";
    case TensorRole::kFfnGate: return "ffn_gate";
    case TensorRole::kFfnUp: return "ffn_up";
    case TensorRole::kFfnDown: return "ffn_down";
    case TensorRole::kRouter: return "router";
    case TensorRole::kExpertBias: return "expert_bias";
    case TensorRole::kExpertGate: return "expert_gate";
    case TensorRole::kExpertUp: return "expert_up";
    case TensorRole::kExpertDown: return "expert_down";
  }
  return "unknown";
}

enum class TensorLayout : uint8_t {
  kMatrix,  // blocks of 16 rows, any TensorType (tensor_type.h)
  kPlain,   // rows x cols floats, row by row
  kExpert,  // kMatrix, once in each expert record of the layer
};

struct TensorSpec {
  TensorRole role = TensorRole::kTokenEmbedding;
  uint16_t layer = 0;  // 0 for tensors that belong to no layer
  uint32_t rows = 0;
  uint32_t cols = 0;
  TensorLayout layout = TensorLayout::kMatrix;
};

inline constexpr uint32_t kMaxTensorsPerLayer = 13;
inline constexpr uint32_t kExpertTensors = 3;

struct TensorSpecs {
  TensorSpec spec[kMaxTensorsPerLayer];
  uint32_t count = 0;
  constexpr void Add(TensorRole role, uint32_t layer, uint32_t rows, uint32_t cols,
                     TensorLayout layout = TensorLayout::kMatrix) {
    spec[count++] = {role, static_cast<uint16_t>(layer), rows, cols, layout};
  }
};

// The tensors of one layer. config has passed CheckConfig; layer < config.layers.
constexpr TensorSpecs LayerTensors(const ModelConfig& config, uint32_t layer) {
  using R = TensorRole;
  TensorSpecs s;
  const uint32_t hidden = config.hidden_size;
  s.Add(R::kOperatorNorm, layer, 1, hidden, TensorLayout::kPlain);
  if (config.layer_kind[layer] == LayerKind::kAttention) {
    s.Add(R::kAttnQ, layer, config.q_size(), hidden);
    s.Add(R::kAttnK, layer, config.kv_size(), hidden);
    s.Add(R::kAttnV, layer, config.kv_size(), hidden);
    s.Add(R::kAttnQNorm, layer, 1, config.head_dim, TensorLayout::kPlain);
    s.Add(R::kAttnKNorm, layer, 1, config.head_dim, TensorLayout::kPlain);
    s.Add(R::kAttnOut, layer, hidden, config.q_size());
  } else {
    s.Add(R::kConvIn, layer, 3 * hidden, hidden);
    s.Add(R::kConvKernel, layer, config.conv_kernel, hidden, TensorLayout::kPlain);
    s.Add(R::kConvOut, layer, hidden, hidden);
  }
  s.Add(R::kFfnNorm, layer, 1, hidden, TensorLayout::kPlain);
  if (config.is_moe_layer(layer)) {
    s.Add(R::kRouter, layer, config.experts, hidden);
    s.Add(R::kExpertBias, layer, 1, config.experts, TensorLayout::kPlain);
    s.Add(R::kExpertGate, layer, config.expert_ff_size, hidden, TensorLayout::kExpert);
    s.Add(R::kExpertUp, layer, config.expert_ff_size, hidden, TensorLayout::kExpert);
    s.Add(R::kExpertDown, layer, hidden, config.expert_ff_size, TensorLayout::kExpert);
  } else {
    s.Add(R::kFfnGate, layer, config.dense_ff_size, hidden);
    s.Add(R::kFfnUp, layer, config.dense_ff_size, hidden);
    s.Add(R::kFfnDown, layer, hidden, config.dense_ff_size);
  }
  return s;
}

// The tensors before and after the layers.
constexpr TensorSpecs FirstTensors(const ModelConfig& config) {
  TensorSpecs s;
  s.Add(TensorRole::kTokenEmbedding, 0, config.vocab_size, config.hidden_size);
  return s;
}
constexpr TensorSpecs LastTensors(const ModelConfig& config) {
  TensorSpecs s;
  s.Add(TensorRole::kOutputNorm, 0, 1, config.hidden_size, TensorLayout::kPlain);
  if (!config.tied_embedding) s.Add(TensorRole::kOutput, 0, config.vocab_size, config.hidden_size);
  return s;
}

// All of them in image order: group 0 is FirstTensors, group 1 + l is layer l, the last is LastTensors.
constexpr uint32_t TensorGroups(const ModelConfig& config) { return config.layers + 2; }
constexpr TensorSpecs TensorGroup(const ModelConfig& config, uint32_t group) {
  if (group == 0) return FirstTensors(config);
  return group <= config.layers ? LayerTensors(config, group - 1) : LastTensors(config);
}
constexpr uint32_t TensorCount(const ModelConfig& config) {
  uint32_t n = 0;
  for (uint32_t g = 0; g < TensorGroups(config); ++g) n += TensorGroup(config, g).count;
  return n;
}

// Bytes of a tensor's data; for a tensor of the experts, its bytes in one record.
constexpr uint64_t TensorBytes(const TensorSpec& spec, TensorType type) {
  return spec.layout == TensorLayout::kPlain ? uint64_t{spec.rows} * spec.cols * sizeof(float)
                                             : MatrixBytes(type, spec.rows, spec.cols);
}

// Whether the tensor can have this type: plain tensors are F32, and a row is a whole number of blocks.
constexpr bool TypeFits(const TensorSpec& spec, TensorType type) {
  return spec.layout == TensorLayout::kPlain ? type == TensorType::kF32 : spec.cols % TraitsOf(type).columns == 0;
}

}  // namespace lfm2

#endif  // LFM2_FORMAT_TENSOR_LIST_H_
