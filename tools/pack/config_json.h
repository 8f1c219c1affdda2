// config.json of an LFM2 checkpoint, as Hugging Face and MLX publish it.
#ifndef LFM2_TOOLS_PACK_CONFIG_JSON_H_
#define LFM2_TOOLS_PACK_CONFIG_JSON_H_

#include <nlohmann/json.hpp>

#include "lfm2/format/model_config.h"
#include "tools/common/error.h"

namespace lfm2::tools {

// The config, checked, dense (Lfm2ForCausalLM) or MoE (Lfm2MoeForCausalLM), in the spellings of every version:
// rope_theta or rope_parameters, layer_types or full_attn_idxs, intermediate_size or block_ff_dim with its adjustments.
// Refuses other models and settings that the library does not compute, by name. *expert_bias: whether the checkpoint
// has biases.
Error ReadConfigJson(const nlohmann::json& json, ModelConfig* config, bool* expert_bias);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_PACK_CONFIG_JSON_H_
