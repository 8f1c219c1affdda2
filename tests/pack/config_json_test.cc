// config.json in every spelling that LFM2 checkpoints have had; a misread width or layer makes a model talk nonsense.
#include "tools/pack/config_json.h"

#include <doctest/doctest.h>

#include "lfm2/model/presets.h"

namespace lfm2::test {
namespace {

using Json = nlohmann::json;

// LFM2-1.2B as first published: full_attn_idxs, rope_theta, block_ff_dim.
Json Dense() {
  return Json::parse(R"({"model_type": "lfm2", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 65536, "max_position_embeddings": 32768, "conv_L_cache": 3,
    "block_norm_eps": 1e-05, "rope_theta": 1000000.0, "full_attn_idxs": [2, 5, 8, 10, 12, 14], "conv_bias": false,
    "block_auto_adjust_ff_dim": true, "block_ff_dim": 12288, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256,
    "tie_embedding": true, "rope_scaling": null})");
}
// LFM2-8B-A1B as transformers 5 writes it.
Json Moe() {
  Json j = Json::parse(R"({"model_type": "lfm2_moe", "hidden_size": 2048, "num_hidden_layers": 24,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 65536, "max_position_embeddings": 32768,
    "conv_L_cache": 3, "norm_eps": 1e-05, "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
    "conv_bias": false, "intermediate_size": 7168, "moe_intermediate_size": 1792, "num_dense_layers": 2,
    "num_experts": 32, "num_experts_per_tok": 4, "norm_topk_prob": true, "use_expert_bias": true,
    "routed_scaling_factor": 1.0, "tie_word_embeddings": true})");
  for (uint32_t l = 0; l < 24; ++l) {
    j["layer_types"].push_back(kLfm2_8B_A1B.layer_kind[l] == LayerKind::kAttention ? "full_attention" : "conv");
  }
  return j;
}

bool Same(const ModelConfig& a, const ModelConfig& b) {
  for (uint32_t l = 0; l < kMaxLayers; ++l) {
    if (a.layer_kind[l] != b.layer_kind[l]) return false;
  }
  return a.hidden_size == b.hidden_size && a.layers == b.layers && a.heads == b.heads && a.kv_heads == b.kv_heads &&
         a.head_dim == b.head_dim && a.dense_layers == b.dense_layers && a.dense_ff_size == b.dense_ff_size &&
         a.experts == b.experts && a.experts_per_token == b.experts_per_token && a.expert_ff_size == b.expert_ff_size &&
         a.vocab_size == b.vocab_size && a.context_length == b.context_length && a.conv_kernel == b.conv_kernel &&
         a.tied_embedding == b.tied_embedding && a.norm_eps == b.norm_eps && a.rope_theta == b.rope_theta &&
         a.routed_scaling_factor == b.routed_scaling_factor;
}

// As from a file: whole numbers written in a program are signed ones.
Json Parsed(const Json& json) { return Json::parse(json.dump()); }

ModelConfig Read(const Json& json) {
  ModelConfig config;
  bool expert_bias = false;
  const tools::Error error = tools::ReadConfigJson(Parsed(json), &config, &expert_bias);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return config;
}

void CheckRefused(const Json& json, const char* part) {
  ModelConfig config;
  bool expert_bias = false;
  const std::string text = tools::ReadConfigJson(Parsed(json), &config, &expert_bias).text();
  CHECK_MESSAGE(text.find(part) != std::string::npos, "got: " << text);
}

}  // namespace

TEST_CASE("both generations of config.json give the published shapes") {
  CHECK(Same(Read(Dense()), kLfm2_1_2B));
  CHECK(Same(Read(Moe()), kLfm2_8B_A1B));
  Json j = Moe();
  j.erase("rope_parameters");
  j["rope_theta"] = 1000000.0;
  j.erase("layer_types");
  j["full_attn_idxs"] = {2, 6, 10, 14, 18, 21};
  CHECK(Same(Read(j), kLfm2_8B_A1B));
}

TEST_CASE("the width of a dense model is adjusted as transformers does: 2/3, a factor, a multiple; or not at all") {
  struct Case {
    uint32_t hidden, heads, stated, width;
  };
  // block_ff_dim of the published 350M, 700M and 1.2B.
  for (const Case& c : {Case{1024, 16, 6656, 4608}, Case{1536, 24, 10240, 6912}, Case{2048, 32, 12288, 8192}}) {
    Json j = Dense();
    j["hidden_size"] = c.hidden;
    j["num_attention_heads"] = c.heads;
    j["block_ff_dim"] = c.stated;
    CHECK(Read(j).dense_ff_size == c.width);
  }
  Json j = Dense();
  j["block_ffn_dim_multiplier"] = 1.3;
  j["block_multiple_of"] = 32;
  CHECK(Read(j).dense_ff_size == 10656);  // int(1.3 * 8192) = 10649, rounded up to 32
  j = Dense();
  j.erase("block_ff_dim");
  j["intermediate_size"] = 10752;
  j["block_auto_adjust_ff_dim"] = false;
  CHECK(Read(j).dense_ff_size == 10752);
}

TEST_CASE("what the library does not compute, and what is no number, is refused by name") {
  const auto with = [](Json j, const char* key, const Json& value) {
    j[key] = value;
    return j;
  };
  CheckRefused(with(Dense(), "model_type", "llama"), "model_type is llama");
  CheckRefused(with(Dense(), "conv_bias", true), "conv_bias is true");
  CheckRefused(with(Dense(), "rope_scaling", {{"type", "yarn"}}), "rope_type is yarn");
  CheckRefused(with(Dense(), "hidden_size", -2048), "hidden_size is -2048");
  CheckRefused(with(Dense(), "hidden_size", 2048.5), "hidden_size is 2048.5");
  CheckRefused(with(Dense(), "hidden_size", 1e20), "hidden_size is 1e+20");
  CheckRefused(with(Dense(), "hidden_size", 33), "hidden_size");
  CheckRefused(with(Dense(), "num_hidden_layers", 1000000), "num_hidden_layers is 1000000");
  CheckRefused(with(Dense(), "num_attention_heads", 0), "num_attention_heads is 0");
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                          "vocab_size", "max_position_embeddings", "conv_L_cache", "num_dense_layers", "num_experts",
                          "num_experts_per_tok", "moe_intermediate_size", "intermediate_size", "head_dim"}) {
    for (const char* value : {"-1", "4294967296", "18446744073709551616", "2.0", "true", "\"2\"", "[2]"}) {
      const Json json = Json::parse(value);
      CheckRefused(with(Moe(), key, json), (std::string(key) + " is " + json.dump()).c_str());
    }
  }
  for (const char* key : {"norm_eps", "routed_scaling_factor"}) {
    for (const char* value : {"\"1\"", "1e39", "null", "[]"}) {
      const Json json = Json::parse(value);
      if (!json.is_null()) CheckRefused(with(Moe(), key, json), (std::string(key) + " is " + json.dump()).c_str());
    }
    CheckRefused(with(Moe(), key, -1.0), key);
  }
  CheckRefused(with(Dense(), "block_ffn_dim_multiplier", -1), "block_ffn_dim_multiplier is -1");
  CheckRefused(with(Dense(), "block_ffn_dim_multiplier", 1e30), "block_ffn_dim_multiplier is 1e+30");
  CheckRefused(with(Dense(), "full_attn_idxs", {-1}), "full_attn_idxs has -1");
  CheckRefused(with(Dense(), "full_attn_idxs", 7), "full_attn_idxs is 7");
  CheckRefused(with(Moe(), "layer_types", {{"a", 1}}), "layer_types is {\"a\":1}, no list of 24 layers");
  CheckRefused(with(Moe(), "rope_parameters", 7), "rope parameters are 7");
  CheckRefused(with(Moe(), "num_key_value_heads", 5), "heads");
  CheckRefused(with(Dense(), "rope_theta", "big"), "rope_theta is \"big\"");
  CheckRefused(with(Dense(), "full_attn_idxs", {2, 16}), "full_attn_idxs has 16");
  CheckRefused(with(Dense(), "full_attn_idxs", nullptr), "layer_types and full_attn_idxs");
  CheckRefused(with(Dense(), "block_multiple_of", 0), "block_multiple_of is 0");
  CheckRefused(with(Dense(), "block_ff_dim", 4294967295u), "wide");
  CheckRefused(with(Moe(), "norm_topk_prob", false), "norm_topk_prob is false");
  CheckRefused(with(Moe(), "layer_types", {"conv"}), "layer_types");
  CheckRefused(with(Moe(), "num_experts_per_tok", 64), "experts_per_token");
  Json j = Moe();
  j["layer_types"][3] = "mamba";
  CheckRefused(j, "\"mamba\"");
  j = Moe();
  j.erase("num_experts");
  CheckRefused(j, "num_experts is missing");
}

}  // namespace lfm2::test
