// config.json with its quantisation, as Hugging Face and MLX publish it. Input: the text.
#include "programs/pack/config_json.h"

#include "lfm2/format/image_layout.h"
#include "programs/files/strict_json.h"
#include "programs/pack/mlx_types.h"
#include "programs/pack/sampling_defaults.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace config_json {

void Run(std::string_view text) {
  nlohmann::json json;
  const tools::Error parsed = tools::ParseStrictJson(text, &json);
  CheckSentence(parsed);
  if (!parsed.ok()) return;
  tools::MlxQuantization quantization;
  const tools::Error quantized = quantization.Read(json);
  CheckSentence(quantized);
  if (quantized.ok()) {
    for (const char* base : {"model.embed_tokens", "lm_head"}) {
      const tools::MlxType type = quantization.Of(base);
      LFM2_HOLDS(TraitsOf(type.ImageType(false)).columns == Max(type.group, 32u));
    }
  }
  std::vector<std::string> notes;
  LFM2_HOLDS(CheckSampling(tools::SamplingOf(json, &notes), StatusCode::kCorrupt).ok() && notes.size() <= 5);
  nlohmann::json own;
  const tools::Error found = tools::TextConfig(json, &own);
  CheckSentence(found);
  if (!found.ok()) return;
  ModelConfig config;
  bool expert_bias = false;
  tools::DenseWidth width;
  width.rows = static_cast<uint32_t>(text.size() % 3 * 64);
  const tools::Error read = tools::ReadConfigJson(own, &config, &expert_bias, &width);
  CheckSentence(read);
  if (!read.ok()) return;
  LFM2_HOLDS(CheckConfig(config).ok());
  LFM2_HOLDS(LayoutMetadata(config).metadata_bytes < (uint64_t{1} << 32));
}

std::vector<std::string> Seeds() {
  return {
      R"({"model_type":"lfm2","hidden_size":64,"num_hidden_layers":3,"num_attention_heads":2,"num_key_value_heads":1,)"
      R"("vocab_size":263,"max_position_embeddings":128,"conv_L_cache":3,"block_norm_eps":1e-05,"rope_theta":1e6,)"
      R"("full_attn_idxs":[1],"conv_bias":false,"block_auto_adjust_ff_dim":true,"block_ff_dim":96,)"
      R"("block_ffn_dim_multiplier":1.0,"block_multiple_of":32,"tie_embedding":true,"rope_scaling":null})",
      R"({"model_type":"lfm2_moe","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":2,)"
      R"("num_key_value_heads":1,"vocab_size":263,"max_position_embeddings":128,"conv_L_cache":3,"norm_eps":1e-05,)"
      R"("rope_parameters":{"rope_theta":1000000.0,"rope_type":"default"},"layer_types":["conv","full_attention"],)"
      R"("intermediate_size":64,"moe_intermediate_size":32,"num_dense_layers":1,"num_experts":4,)"
      R"("num_experts_per_tok":2,"norm_topk_prob":true,"use_expert_bias":true,"routed_scaling_factor":1.0,)"
      R"("quantization":{"bits":4,"group_size":64,"mode":"affine","lm_head":{"bits":8,"group_size":32}}})",
      R"({"model_type":"lfm2_vl","architectures":["Lfm2VlForConditionalGeneration"],"tie_word_embeddings":true,)"
      R"("text_config":{"model_type":"lfm2","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":2,)"
      R"("num_key_value_heads":1,"vocab_size":263,"max_position_embeddings":128,"conv_L_cache":3,"norm_eps":1e-05,)"
      R"("rope_scaling":{"rope_theta":1e6,"factor":1.0},"full_attn_idxs":[1]}})",
      R"({"do_sample":true,"temperature":0.3,"top_k":50,"top_p":0.1,"min_p":0.15,"repetition_penalty":1.05})",
      R"({"quantization_config":{"bits":4,"group_size":32,"mode":"mxfp4"},"head_dim":32})"};
}

std::vector<std::string> Words() {
  std::vector<std::string> words = {"18446744073709551616",
                                    "4294967296",
                                    "4294967295",
                                    "-1",
                                    "1e400",
                                    "1e38",
                                    "0.5",
                                    "-0.0",
                                    "null",
                                    "true",
                                    "false",
                                    "\"conv\"",
                                    "\"full_attention\"",
                                    "\"mxfp4\"",
                                    "\"mxfp8\"",
                                    "\"nvfp4\"",
                                    "\"affine\"",
                                    "{}",
                                    "[]",
                                    "\"yarn\"",
                                    "0",
                                    "64",
                                    "32"};
  for (const char* key : {"model_type",
                          "architectures",
                          "is_causal",
                          "use_bidirectional_attention",
                          "text_config",
                          "factor",
                          "do_sample",
                          "temperature",
                          "top_k",
                          "top_p",
                          "min_p",
                          "repetition_penalty",
                          "hidden_size",
                          "num_hidden_layers",
                          "num_attention_heads",
                          "head_dim",
                          "num_key_value_heads",
                          "vocab_size",
                          "max_position_embeddings",
                          "conv_L_cache",
                          "norm_eps",
                          "block_norm_eps",
                          "rope_theta",
                          "rope_parameters",
                          "rope_scaling",
                          "rope_type",
                          "type",
                          "layer_types",
                          "full_attn_idxs",
                          "conv_bias",
                          "block_auto_adjust_ff_dim",
                          "block_ff_dim",
                          "intermediate_size",
                          "block_ffn_dim_multiplier",
                          "block_multiple_of",
                          "tie_embedding",
                          "tie_word_embeddings",
                          "num_dense_layers",
                          "num_experts",
                          "num_experts_per_tok",
                          "moe_intermediate_size",
                          "routed_scaling_factor",
                          "norm_topk_prob",
                          "use_expert_bias",
                          "quantization",
                          "quantization_config",
                          "bits",
                          "group_size",
                          "mode"}) {
    words.push_back("\"" + std::string(key) + "\":");
  }
  return words;
}

}  // namespace config_json

const Target kConfigJson = {"config_json", 1024, &config_json::Run, &config_json::Seeds, &config_json::Words};

}  // namespace lfm2::fuzz
