#include "programs/pack/config_json.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "programs/files/strict_json.h"

namespace lfm2::tools {

namespace {

// The width of a dense model's feed forward: two thirds of the stated one, times a factor, rounded up to a multiple, as
// transformers' Lfm2MLP computes it, in double precision. A factor of null also disables the rounding.
void ReadAdjustedWidth(JsonMembers* members, uint32_t* width) {
  bool adjust = true;
  members->OptionalBool("block_auto_adjust_ff_dim", &adjust);
  members->U32(members->Has("block_ff_dim") ? "block_ff_dim" : "intermediate_size", width);
  if (!adjust) return;
  double factor = 1.0;
  uint32_t multiple = 256;
  members->OptionalF64("block_ffn_dim_multiplier", &factor);
  members->OptionalU32("block_multiple_of", &multiple);
  if (members->IsNull("block_ffn_dim_multiplier")) multiple = 1;
  if (!(factor > 0.0 && factor <= 64.0))
    return members->Fail(Error::Of("the key block_ffn_dim_multiplier is ",
                                   Shown(*members->Find("block_ffn_dim_multiplier")), ", not in (0, 64]"));
  if (multiple < 1 || multiple > kMaxFeedForward) {
    return members->Fail(Error::Of("the key block_multiple_of is ", multiple, ", not in 1..", kMaxFeedForward));
  }
  const double scaled = std::floor(factor * static_cast<double>(uint64_t{*width} * 2 / 3));
  const uint64_t rounded = (static_cast<uint64_t>(scaled) + multiple - 1) / multiple * multiple;
  if (rounded > kMaxFeedForward) {
    return members->Fail(Error::Of("the feed forward size is ", rounded, ", more than ", kMaxFeedForward));
  }
  *width = static_cast<uint32_t>(rounded);
}

// If the tensors are known, theirs is used, whatever the config states.
void ReadDenseWidth(JsonMembers* members, DenseWidth* width, uint32_t* out) {
  const bool stated = members->Has("block_ff_dim") || members->Has("intermediate_size");
  const uint32_t rows = width == nullptr || width->rows > kMaxFeedForward ? 0 : width->rows;
  if (stated || rows == 0) ReadAdjustedWidth(members, out);
  if (rows == 0 || rows == *out) return;
  if (stated) {
    width->note = Error::Of("config.json states a feed forward size of ", *out, ", and the tensors have ", rows,
                            ", which is used")
                      .text();
  }
  *out = rows;
}

// If several keys state it, transformers prefers rope_scaling to rope_parameters, and their rope_theta to that of the
// config.
void ReadRope(JsonMembers* members, ModelConfig* c) {
  bool known = false;
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    const nlohmann::json* const rope = members->Find(name);
    if (rope == nullptr) continue;
    if (!rope->is_object()) return members->Fail(Error::Of("the key ", name, " is ", Shown(*rope), ", not an object"));
    JsonMembers own(*rope);
    for (const char* key : {"rope_type", "type"}) {
      std::string type = "default";
      own.OptionalText(key, &type);
      if (type != "default") own.Fail(Error::Of("the key rope_type is ", type, "; only default is supported"));
    }
    double factor = 1.0;
    if (!own.Has("rope_type") && !own.Has("type")) own.OptionalF64("factor", &factor);
    if (factor != 1.0) {
      own.Fail(Error::Of("the key ", name, " has the factor ", Shown(*own.Find("factor")),
                         ", and scaled positions are not supported"));
    }
    if (!known) own.OptionalF32("rope_theta", &c->rope_theta);
    if (!own.error().ok()) return members->Fail(own.error());
    known = known || own.Has("rope_theta");
  }
  if (!known) members->F32("rope_theta", &c->rope_theta);
}

void ReadLayerKinds(JsonMembers* members, ModelConfig* c) {
  const nlohmann::json* const types = members->Find("layer_types");
  if (types != nullptr) {
    if (!types->is_array() || types->size() != c->layers) {
      return members->Fail(
          Error::Of("the key layer_types is ", Shown(*types), ", not a list of ", c->layers, " layers"));
    }
    for (uint32_t l = 0; l < c->layers; ++l) {
      const nlohmann::json& type = (*types)[l];
      if (type != "conv" && type != "full_attention") {
        return members->Fail(
            Error::Of("the key layer_types has ", Shown(type), "; only conv and full_attention are supported"));
      }
      c->layer_kind[l] = type == "conv" ? LayerKind::kShortConv : LayerKind::kAttention;
    }
    return;
  }
  const nlohmann::json* const attention = members->Find("full_attn_idxs");
  if (attention == nullptr) return members->Fail(Error::Of("the keys layer_types and full_attn_idxs are missing"));
  if (!attention->is_array()) {
    return members->Fail(Error::Of("the key full_attn_idxs is ", Shown(*attention), ", not a list of layers"));
  }
  for (const nlohmann::json& index : *attention) {
    if (!index.is_number_unsigned() || index.get<uint64_t>() >= c->layers) {
      return members->Fail(Error::Of("the key full_attn_idxs has ", Shown(index), ", not a layer of ", c->layers));
    }
    c->layer_kind[index.get<uint32_t>()] = LayerKind::kAttention;
  }
}

void Demand(JsonMembers* members, const char* name, bool usual) {
  bool value = usual;
  members->OptionalBool(name, &value);
  if (value != usual) {
    members->Fail(Error::Of("the key ", name, " is ", value ? "true" : "false", ", which is not supported"));
  }
}

void ReadExperts(JsonMembers* members, ModelConfig* c, bool* expert_bias) {
  members->U32("num_dense_layers", &c->dense_layers);
  members->U32("num_experts", &c->experts);
  members->U32("num_experts_per_tok", &c->experts_per_token);
  members->U32("moe_intermediate_size", &c->expert_ff_size);
  members->OptionalF32("routed_scaling_factor", &c->routed_scaling_factor);
  Demand(members, "norm_topk_prob", true);
  *expert_bias = true;
  members->OptionalBool("use_expert_bias", expert_bias);
  if (c->dense_layers > 0) members->U32("intermediate_size", &c->dense_ff_size);
}

}  // namespace

Error TextConfig(const nlohmann::json& json, nlohmann::json* text) {
  JsonMembers members(json);
  std::string type;
  bool causal = true, bidirectional = false;
  members.OptionalText("model_type", &type);
  members.OptionalBool("is_causal", &causal);
  members.OptionalBool("use_bidirectional_attention", &bidirectional);
  if (!members.error().ok()) return members.error();
  if (!causal || bidirectional) {
    return Error::Of("the key ", causal ? "use_bidirectional_attention is true" : "is_causal is false",
                     ": this is a bidirectional model for embeddings, which generates no text and is not supported");
  }
  const nlohmann::json* const architectures = members.Find("architectures");
  if (architectures != nullptr && architectures->is_array() && !architectures->empty()) {
    const auto predicts = [](const nlohmann::json& name) {
      const std::string spelled = name.is_string() ? name.get<std::string>() : "";
      return spelled.find("ForCausalLM") != std::string::npos ||
             spelled.find("ForConditionalGeneration") != std::string::npos;
    };
    if (std::none_of(architectures->begin(), architectures->end(), predicts)) {
      return Error::Of("the key architectures is ", Shown(*architectures),
                       ": this model is for embeddings or similar tasks, generates no text and is not supported");
    }
  }
  *text = json;
  if (type != "lfm2_vl") return Error();
  const nlohmann::json* const own = members.Find("text_config");
  if (own == nullptr || !own->is_object())
    return Error::Of("the key text_config is missing, which a model that sees has");
  *text = *own;
  if (!text->contains("tie_word_embeddings") && json.contains("tie_word_embeddings")) {
    (*text)["tie_word_embeddings"] = json["tie_word_embeddings"];
  }
  return Error();
}

Error ReadConfigJson(const nlohmann::json& json, ModelConfig* config, bool* expert_bias, DenseWidth* width) {
  JsonMembers members(json);
  ModelConfig& c = *config;
  std::string type;
  members.Text("model_type", &type);
  if (!members.error().ok()) return members.error();
  const bool moe = type == "lfm2_moe";
  if (!moe && type != "lfm2") {
    return Error::Of("the key model_type is ", type, "; only lfm2 and lfm2_moe are supported");
  }
  members.U32("num_hidden_layers", &c.layers);
  if (members.error().ok() && (c.layers < 1 || c.layers > kMaxLayers)) {
    return Error::Of("the key num_hidden_layers is ", c.layers, ", not in 1..", kMaxLayers);
  }
  members.U32("hidden_size", &c.hidden_size);
  members.U32("num_attention_heads", &c.heads);
  members.U32("num_key_value_heads", &c.kv_heads);
  members.U32("vocab_size", &c.vocab_size);
  members.U32("max_position_embeddings", &c.context_length);
  members.U32("conv_L_cache", &c.conv_kernel);
  members.F32(members.Has("norm_eps") ? "norm_eps" : "block_norm_eps", &c.norm_eps);
  Demand(&members, "conv_bias", false);
  members.OptionalBool("tie_word_embeddings", &c.tied_embedding);
  members.OptionalBool("tie_embedding",
                       &c.tied_embedding);  // as in transformers, the checkpoints' own key has precedence
  if (!members.error().ok()) return members.error();
  if (c.heads == 0) return Error::Of("the key num_attention_heads is 0");
  c.head_dim = c.hidden_size / c.heads;
  members.OptionalU32("head_dim", &c.head_dim);
  ReadRope(&members, &c);
  ReadLayerKinds(&members, &c);
  if (moe) {
    ReadExperts(&members, &c, expert_bias);
  } else {
    c.dense_layers = c.layers;
    ReadDenseWidth(&members, width, &c.dense_ff_size);
  }
  if (!members.error().ok()) return members.error();
  return Error::From(CheckConfig(c));
}

}  // namespace lfm2::tools
