#include "programs/pack/folder_names.h"

namespace lfm2::tools {

namespace {

std::string Layer(const TensorSpec& spec) { return "model.layers." + std::to_string(spec.layer) + "."; }

MatrixName One(const std::string& name) {
  MatrixName one;
  one.before = name;
  return one;
}

// hf and mlx: what the two call a matrix of a feed forward.
std::vector<MatrixName> Dense(const TensorSpec& spec, const char* hf, const char* mlx) {
  const std::string layer = Layer(spec) + "feed_forward.";
  return {One(layer + hf), One(layer + mlx)};
}

// fused, part, parts: where transformers 5 stacks the experts.
std::vector<MatrixName> Experts(const TensorSpec& spec, const char* hf, const char* mlx, const char* fused,
                                uint32_t part, uint32_t parts) {
  const std::string layer = Layer(spec) + "feed_forward.";
  MatrixName separate, stacked = One(layer + "experts." + fused);
  separate.before = layer + "experts.";
  separate.after = std::string(".") + hf;
  separate.per_expert = true;
  stacked.suffix = "";
  stacked.part = part;
  stacked.parts = parts;
  return {separate, One(layer + "switch_mlp." + mlx), stacked};
}

}  // namespace

std::vector<MatrixName> MatrixNames(const TensorSpec& spec) {
  switch (spec.role) {
    case TensorRole::kTokenEmbedding: return {One("model.embed_tokens")};
    case TensorRole::kOutput: return {One("lm_head")};
    case TensorRole::kAttnQ: return {One(Layer(spec) + "self_attn.q_proj")};
    case TensorRole::kAttnK: return {One(Layer(spec) + "self_attn.k_proj")};
    case TensorRole::kAttnV: return {One(Layer(spec) + "self_attn.v_proj")};
    case TensorRole::kAttnOut: return {One(Layer(spec) + "self_attn.out_proj")};
    case TensorRole::kConvIn: return {One(Layer(spec) + "conv.in_proj")};
    case TensorRole::kConvOut: return {One(Layer(spec) + "conv.out_proj")};
    case TensorRole::kFfnGate: return Dense(spec, "w1", "gate_proj");
    case TensorRole::kFfnUp: return Dense(spec, "w3", "up_proj");
    case TensorRole::kFfnDown: return Dense(spec, "w2", "down_proj");
    case TensorRole::kRouter: return {One(Layer(spec) + "feed_forward.gate")};
    case TensorRole::kExpertGate: return Experts(spec, "w1", "gate_proj", "gate_up_proj", 0, 2);
    case TensorRole::kExpertUp: return Experts(spec, "w3", "up_proj", "gate_up_proj", 1, 2);
    case TensorRole::kExpertDown: return Experts(spec, "w2", "down_proj", "down_proj", 0, 1);
    case TensorRole::kOutputNorm:
    case TensorRole::kOperatorNorm:
    case TensorRole::kFfnNorm:
    case TensorRole::kAttnQNorm:
    case TensorRole::kAttnKNorm:
    case TensorRole::kConvKernel:
    case TensorRole::kExpertBias: break;  // plain
  }
  return {};
}

std::string PlainName(const TensorSpec& spec) {
  switch (spec.role) {
    case TensorRole::kOutputNorm: return "model.embedding_norm.weight";
    case TensorRole::kOperatorNorm: return Layer(spec) + "operator_norm.weight";
    case TensorRole::kFfnNorm: return Layer(spec) + "ffn_norm.weight";
    case TensorRole::kAttnQNorm: return Layer(spec) + "self_attn.q_layernorm.weight";
    case TensorRole::kAttnKNorm: return Layer(spec) + "self_attn.k_layernorm.weight";
    case TensorRole::kConvKernel: return Layer(spec) + "conv.conv.weight";
    case TensorRole::kExpertBias: return Layer(spec) + "feed_forward.expert_bias";
    default: return "";  // matrices
  }
}

}  // namespace lfm2::tools
