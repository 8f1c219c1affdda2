// config.json of an LFM2 checkpoint, as Hugging Face and MLX publish it.
#ifndef LFM2_PROGRAMS_PACK_CONFIG_JSON_H_
#define LFM2_PROGRAMS_PACK_CONFIG_JSON_H_

#include <string>

#include <nlohmann/json.hpp>

#include "lfm2/format/model_config.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// The feed forward size by the tensors of a dense model, which config.json may state wrongly or not at all.
struct DenseWidth {
  uint32_t rows = 0;  // of the first layer's gate; 0: unknown
  std::string note;   // set if the config differs
};

// The part of config.json that states the text model: text_config of a model that also sees (lfm2_vl), else all of it.
// Refuses a model that does not predict the next token, by its architectures or is_causal.
Error TextConfig(const nlohmann::json& json, nlohmann::json* text);

// The config, checked, dense (Lfm2ForCausalLM) or MoE (Lfm2MoeForCausalLM), in the spellings of every version:
// rope_theta or rope_parameters, layer_types or full_attn_idxs, intermediate_size or block_ff_dim with its adjustments.
// Refuses other models and settings that the library does not compute, by name. *expert_bias: whether the checkpoint
// has biases. width: nullptr: the tensors are not known.
Error ReadConfigJson(const nlohmann::json& json, ModelConfig* config, bool* expert_bias, DenseWidth* width = nullptr);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_CONFIG_JSON_H_
