// config.json in every spelling that LFM2 checkpoints have had; a misread width or layer makes a model talk nonsense.
#include "programs/pack/config_json.h"

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

// The family, as config.json says it; dense widths as the published checkpoints state them.
struct Published {
  const ModelConfig* shape;
  uint32_t stated_width;
  bool adjusted = true;
};
constexpr Published kFamily[] = {
    {&kLfm2_350M, 6656},         {&kLfm2_700M, 10240},         {&kLfm2_1_2B, 12288},
    {&kLfm2_2_6B, 10752, false}, {&kLfm2_8B_A1B, 7168},        {&kLfm2_5_8B_A1B, 7168},
    {&kLfm2_24B_A2B, 11776},     {&kLfm2_5_230M, 2560, false}, {&kLfm2_5_2_6B, 10752, false},
};
Json ConfigOf(const Published& published) {
  const ModelConfig& c = *published.shape;
  Json j = c.experts == 0 ? Dense() : Moe();
  j["hidden_size"] = c.hidden_size;
  j["num_hidden_layers"] = c.layers;
  j["num_attention_heads"] = c.heads;
  j["vocab_size"] = c.vocab_size;
  j["max_position_embeddings"] = c.context_length;
  j[c.experts == 0 ? "block_ff_dim" : "intermediate_size"] = published.stated_width;
  if (c.experts == 0) j["block_auto_adjust_ff_dim"] = published.adjusted;
  if (c.experts > 0) j["num_experts"] = c.experts, j["moe_intermediate_size"] = c.expert_ff_size;
  return j;
}
Json WithLayers(Json j, const ModelConfig& c, bool types) {
  j.erase("layer_types");
  j.erase("full_attn_idxs");
  for (uint32_t l = 0; l < c.layers; ++l) {
    const bool attention = c.layer_kind[l] == LayerKind::kAttention;
    if (types) j["layer_types"].push_back(attention ? "full_attention" : "conv");
    if (!types && attention) j["full_attn_idxs"].push_back(l);
  }
  return j;
}
Json WithRope(Json j, const char* key, float theta) {
  j.erase("rope_theta");
  j.erase("rope_parameters");
  if (std::string(key) == "rope_theta") {
    j["rope_theta"] = theta;
  } else {
    j[key] = {{"rope_theta", theta}, {"rope_type", "default"}};
  }
  return j;
}

TEST_CASE("every model of the family, in both spellings of layers and of rope, has the shape of its preset") {
  for (const Published& published : kFamily) {
    CAPTURE(published.shape->layers);
    CAPTURE(published.shape->vocab_size);
    for (const bool types : {false, true}) {
      for (const char* rope : {"rope_theta", "rope_parameters"}) {
        const ModelConfig& shape = *published.shape;
        const Json j = WithRope(WithLayers(ConfigOf(published), shape, types), rope, shape.rope_theta);
        CHECK(Same(Read(j), *published.shape));
      }
    }
  }
}

TEST_CASE("where two keys say the same thing, transformers' choice counts") {
  Json j = Moe();
  j["rope_theta"] = 5000.0;
  CHECK(Read(j).rope_theta == 1e6f);
  j["rope_scaling"] = {{"rope_theta", 7000.0}};
  CHECK(Read(j).rope_theta == 7e3f);
  j = Moe();
  j["rope_parameters"].erase("rope_theta");
  j["rope_theta"] = 5e6;
  CHECK(Read(j).rope_theta == 5e6f);
  j = Dense();
  j["tie_word_embeddings"] = true;
  j["tie_embedding"] = false;
  CHECK(!Read(j).tied_embedding);
  j.erase("tie_embedding");
  CHECK(Read(j).tied_embedding);
  j = WithLayers(Dense(), kLfm2_1_2B, true);
  j["full_attn_idxs"] = {0};
  CHECK(Same(Read(j), kLfm2_1_2B));
  j = Dense();
  j["intermediate_size"] = 64;
  j["block_norm_eps"] = 1.0;
  j["norm_eps"] = 1e-5;
  CHECK(Same(Read(j), kLfm2_1_2B));
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
  j["block_ff_dim"] = 9195;
  CHECK(Read(j).dense_ff_size == 8000);  // int(1.3 * 6130) = 7969 = 249 * 32 + 1; a float's 1.3 gives 7968
  j["block_ff_dim"] = 12336;
  j["block_ffn_dim_multiplier"] = nullptr;
  j["block_multiple_of"] = 256;
  CHECK(Read(j).dense_ff_size == 8224);  // no factor, no rounding
  j = Dense();
  j.erase("block_ff_dim");
  j["intermediate_size"] = 10752;
  j["block_auto_adjust_ff_dim"] = false;
  CHECK(Read(j).dense_ff_size == 10752);
}

TEST_CASE("where the tensors are known they say how wide a dense model is, and a note says what the config has") {
  const auto read = [](const Json& json, uint32_t rows, std::string* note) {
    ModelConfig config;
    bool expert_bias = false;
    tools::DenseWidth width;
    width.rows = rows;
    const tools::Error error = tools::ReadConfigJson(Parsed(json), &config, &expert_bias, &width);
    REQUIRE_MESSAGE(error.ok(), error.text());
    *note = width.note;
    return config.dense_ff_size;
  };
  std::string note;
  CHECK(read(Dense(), 8192, &note) == 8192);
  CHECK(note.empty());
  Json j = Dense();
  j.erase("block_ff_dim");  // as LFM2.5-230M is found, whose tensors have 2560 rows
  CHECK(read(j, 2560, &note) == 2560);
  CHECK(note.empty());
  CheckRefused(j, "intermediate_size is missing");
  j = Dense();
  j["block_auto_adjust_ff_dim"] = false;
  CHECK(read(j, 8192, &note) == 8192);
  CHECK(note == "config.json states a feed forward size of 12288, and the tensors have 8192, which is used");
}

TEST_CASE("a model that predicts no text is refused by what its config says of it; one that sees has its text model") {
  const auto refusal = [](const Json& json) {
    Json text;
    return tools::TextConfig(Parsed(json), &text).text();
  };
  const auto with = [](Json j, const char* key, const Json& value) {
    j[key] = value;
    return j;
  };
  for (const char* name : {"Lfm2ForCausalLM", "Lfm2MoeForCausalLM", "LFM2ForCausalLM"}) {
    CHECK(refusal(with(Dense(), "architectures", {name})) == "");
  }
  CHECK(refusal(Dense()) == "");
  CHECK(refusal(with(Dense(), "architectures", nullptr)) == "");
  CHECK(refusal(with(Dense(), "architectures", Json::array())) == "");
  for (const char* name :
       {"Lfm2BidirectionalModel", "Lfm2BidirectionalForMaskedLM", "Lfm2Model", "Lfm2BidirForSequenceRouting"}) {
    const std::string text = refusal(with(Dense(), "architectures", {name}));
    CHECK_MESSAGE((text.find(name) != std::string::npos && text.find("generates no text") != std::string::npos), text);
  }
  CHECK(refusal(with(Dense(), "architectures", {7})).find("generates no text") != std::string::npos);
  CHECK(refusal(with(Dense(), "is_causal", false)).find("is_causal is false") != std::string::npos);
  CHECK(refusal(with(Dense(), "is_causal", true)) == "");
  CHECK(refusal(with(Dense(), "use_bidirectional_attention", true)).find("bidirectional") != std::string::npos);
  CHECK(refusal(with(Dense(), "is_causal", "no")).find("is_causal is \"no\"") != std::string::npos);

  Json sees = {{"model_type", "lfm2_vl"},
               {"architectures", {"Lfm2VlForConditionalGeneration"}},
               {"vision_config", {{"model_type", "siglip2_vision_model"}}},
               {"tie_word_embeddings", false}};
  CHECK(refusal(sees).find("text_config is missing") != std::string::npos);
  sees["text_config"] = 7;
  CHECK(refusal(sees).find("text_config") != std::string::npos);
  sees["text_config"] = Dense();
  Json text;
  REQUIRE(tools::TextConfig(Parsed(sees), &text).ok());
  CHECK(Same(Read(text), kLfm2_1_2B));  // tie_embedding is the text model's own
  sees["text_config"].erase("tie_embedding");
  REQUIRE(tools::TextConfig(Parsed(sees), &text).ok());
  CHECK(!Read(text).tied_embedding);
}

TEST_CASE("what the library does not compute, and what is not a number, is refused by name") {
  const auto with = [](Json j, const char* key, const Json& value) {
    j[key] = value;
    return j;
  };
  CheckRefused(with(Dense(), "model_type", "llama"), "model_type is llama");
  CheckRefused(with(Dense(), "conv_bias", true), "conv_bias is true");
  CheckRefused(with(Dense(), "rope_scaling", {{"type", "yarn"}}), "rope_type is yarn");
  CheckRefused(with(Dense(), "rope_scaling", {{"type", "default"}, {"rope_type", "llama3"}}), "rope_type is llama3");
  CheckRefused(with(Moe(), "rope_parameters", {{"rope_type", "linear"}, {"rope_theta", 1e6}}), "rope_type is linear");
  CheckRefused(with(Moe(), "rope_parameters", {{"rope_type", "default"}}), "rope_theta is missing");
  CheckRefused(with(Dense(), "rope_scaling", {{"factor", 8.0}}),
               "rope_scaling has the factor 8.0, and scaled positions");
  CheckRefused(with(Dense(), "rope_scaling", {{"factor", "8"}}), "factor is \"8\"");
  CHECK(Same(Read(with(Dense(), "rope_scaling", {{"factor", 1.0}})), kLfm2_1_2B));
  CheckRefused(with(Moe(), "rope_parameters", 7), "rope_parameters is 7, not an object");
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
  CheckRefused(with(Moe(), "layer_types", {{"a", 1}}), "layer_types is {\"a\":1}, not a list of 24 layers");
  CheckRefused(with(Moe(), "num_key_value_heads", 5), "heads");
  CheckRefused(with(Dense(), "rope_theta", "big"), "rope_theta is \"big\"");
  CheckRefused(with(Dense(), "full_attn_idxs", {2, 16}), "full_attn_idxs has 16");
  CheckRefused(with(Dense(), "full_attn_idxs", nullptr), "layer_types and full_attn_idxs");
  CheckRefused(with(Dense(), "block_multiple_of", 0), "block_multiple_of is 0");
  CheckRefused(with(Dense(), "block_ff_dim", 4294967295u), "feed forward size");
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
