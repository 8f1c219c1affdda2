// The tensors of an image by name: views that kernels read.
#ifndef LFM2_MODEL_WEIGHTS_H_
#define LFM2_MODEL_WEIGHTS_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/format/tensor_list.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

// One matrix of an expert, by its offset in the expert's record. In() sets Matrix::data.
struct ExpertMatrix {
  Matrix matrix;
  uint64_t offset = 0;

  Matrix In(const uint8_t* record) const {
    Matrix m = matrix;
    m.data = record + offset;
    return m;
  }
};

// Members that a layer does not have are empty.
struct LayerWeights {
  const float* operator_norm = nullptr;  // [hidden_size]
  Matrix attn_q;                         // [heads * head_dim, hidden_size]
  Matrix attn_k;                         // [kv_heads * head_dim, hidden_size]
  Matrix attn_v;                         // [kv_heads * head_dim, hidden_size]
  const float* attn_q_norm = nullptr;    // [head_dim]
  const float* attn_k_norm = nullptr;    // [head_dim]
  Matrix attn_out;                       // [hidden_size, heads * head_dim]
  Matrix conv_in;                        // [3 * hidden_size, hidden_size]: rows of B, C, x
  const float* conv_kernel = nullptr;    // [conv_kernel, hidden_size], oldest tap first
  Matrix conv_out;                       // [hidden_size, hidden_size]
  const float* ffn_norm = nullptr;       // [hidden_size]
  Matrix ffn_gate;                       // [dense_ff_size, hidden_size]
  Matrix ffn_up;                         // [dense_ff_size, hidden_size]
  Matrix ffn_down;                       // [hidden_size, dense_ff_size]
  Matrix router;                         // [experts, hidden_size]
  const float* expert_bias = nullptr;    // [experts]
  ExpertMatrix expert_gate;              // [expert_ff_size, hidden_size]
  ExpertMatrix expert_up;                // [expert_ff_size, hidden_size]
  ExpertMatrix expert_down;              // [hidden_size, expert_ff_size]
};

// Views into the image; owns nothing. `layers` is in the session's arena.
struct Weights {
  Matrix token_embedding;              // [vocab_size, hidden_size]
  const float* output_norm = nullptr;  // [hidden_size]
  Matrix output;                       // [vocab_size, hidden_size]; the embedding if tied
  LayerWeights* layers = nullptr;      // [config.layers]

  constexpr void Carve(const ModelConfig& config, Arena& arena) { layers = arena.Carve<LayerWeights>(config.layers); }

  // Points every view at its tensor. The image is open, so its directory lists exactly these tensors.
  void Bind(const Image& image) {
    const ModelConfig& config = image.config();
    for (uint32_t l = 0; l < config.layers; ++l) layers[l] = LayerWeights();
    uint32_t index = 0;
    for (uint32_t group = 0; group < TensorGroups(config); ++group) {
      const TensorSpecs specs = TensorGroup(config, group);
      for (uint32_t i = 0; i < specs.count; ++i, ++index) BindTensor(image, specs.spec[i], image.tensor(index));
    }
    if (config.tied_embedding) output = token_embedding;
  }

 private:
  void BindTensor(const Image& image, const TensorSpec& spec, const TensorEntry& entry) {
    LayerWeights& layer = layers[spec.layer];
    const uint8_t* data = spec.layout == TensorLayout::kExpert ? nullptr : image.PinnedData(entry);
    const float* plain = reinterpret_cast<const float*>(data);
    const Matrix matrix{data, spec.rows, spec.cols, static_cast<TensorType>(entry.type)};
    const ExpertMatrix in_record{matrix, entry.offset};
    switch (spec.role) {
      case TensorRole::kTokenEmbedding: token_embedding = matrix; break;
      case TensorRole::kOutputNorm: output_norm = plain; break;
      case TensorRole::kOutput: output = matrix; break;
      case TensorRole::kOperatorNorm: layer.operator_norm = plain; break;
      case TensorRole::kFfnNorm: layer.ffn_norm = plain; break;
      case TensorRole::kAttnQ: layer.attn_q = matrix; break;
      case TensorRole::kAttnK: layer.attn_k = matrix; break;
      case TensorRole::kAttnV: layer.attn_v = matrix; break;
      case TensorRole::kAttnQNorm: layer.attn_q_norm = plain; break;
      case TensorRole::kAttnKNorm: layer.attn_k_norm = plain; break;
      case TensorRole::kAttnOut: layer.attn_out = matrix; break;
      case TensorRole::kConvIn: layer.conv_in = matrix; break;
      case TensorRole::kConvKernel: layer.conv_kernel = plain; break;
      case TensorRole::kConvOut: layer.conv_out = matrix; break;
      case TensorRole::kFfnGate: layer.ffn_gate = matrix; break;
      case TensorRole::kFfnUp: layer.ffn_up = matrix; break;
      case TensorRole::kFfnDown: layer.ffn_down = matrix; break;
      case TensorRole::kRouter: layer.router = matrix; break;
      case TensorRole::kExpertBias: layer.expert_bias = plain; break;
      case TensorRole::kExpertGate: layer.expert_gate = in_record; break;
      case TensorRole::kExpertUp: layer.expert_up = in_record; break;
      case TensorRole::kExpertDown: layer.expert_down = in_record; break;
    }
  }
};

}  // namespace lfm2

#endif  // LFM2_MODEL_WEIGHTS_H_
