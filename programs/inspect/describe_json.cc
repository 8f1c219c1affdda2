#include "programs/inspect/describe_json.h"

#include <cstdio>
#include <cstdlib>

#include "programs/text/chat_format_json.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

Json ConfigJson(const ModelConfig& c) {
  Json kinds = Json::array();
  for (uint32_t l = 0; l < c.layers; ++l) {
    kinds.push_back(c.layer_kind[l] == LayerKind::kAttention ? "attention" : "short_conv");
  }
  return {{"hidden_size", c.hidden_size},
          {"layers", c.layers},
          {"heads", c.heads},
          {"kv_heads", c.kv_heads},
          {"head_dim", c.head_dim},
          {"dense_layers", c.dense_layers},
          {"dense_ff_size", c.dense_ff_size},
          {"experts", c.experts},
          {"experts_per_token", c.experts_per_token},
          {"expert_ff_size", c.expert_ff_size},
          {"vocab_size", c.vocab_size},
          {"context_length", c.context_length},
          {"conv_kernel", c.conv_kernel},
          {"tied_embedding", c.tied_embedding},
          {"norm_eps", c.norm_eps},
          {"rope_theta", c.rope_theta},
          {"routed_scaling_factor", c.routed_scaling_factor},
          {"layer_kind", kinds}};
}

// With six digits, as people write it: 0.3 and not 0.300000012.
double Written(float value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", static_cast<double>(value));
  return std::strtod(text, nullptr);
}

// Null where the publisher recommends nothing.
Json SamplingJson(const Sampling& s) {
  const auto number = [](float value) { return value == kUnset ? Json() : Json(Written(value)); };
  return {{"temperature", number(s.temperature)},
          {"top_k", s.top_k == kUnsetCount ? Json() : Json(s.top_k)},
          {"top_p", number(s.top_p)},
          {"min_p", number(s.min_p)},
          {"repetition_penalty", number(s.repetition_penalty)}};
}

Json VocabJson(const Vocab& v) {
  Json stop = Json::array();
  for (const int32_t token : v.stop_tokens()) stop.push_back(token);
  const ChatFormat chat = v.chat_format();
  const auto id = [](int32_t token) { return token == kNoToken ? Json() : Json(token); };
  return {{"size", v.size()},
          {"bos", id(v.bos())},
          {"eos", id(v.eos())},
          {"pad", id(v.pad())},
          {"stop_tokens", stop},
          {"add_bos", v.add_bos()},
          {"chat_template", chat.name.empty() ? "none" : chat.name},
          {"chat_format", chat.name.empty() ? Json() : ChatFormatJson(chat)}};
}

// Null if the image has none.
Json TokenTrieJson(const TokenTrie& trie) {
  if (trie.token_count() == 0) return Json();
  const auto nodes = [&](TokenClass c) { return trie.nodes(c).size(); };
  return {{"bytes", trie.bytes().size()},
          {"plain_nodes", nodes(TokenClass::kPlain)},
          {"control_nodes", nodes(TokenClass::kControl)},
          {"other_nodes", nodes(TokenClass::kOther)},
          {"max_depth", trie.max_depth()}};
}

Json TensorJson(const TensorEntry& t) {
  return {{"role", NameOf(static_cast<TensorRole>(t.role))},
          {"layer", t.layer},
          {"type", NameOf(static_cast<TensorType>(t.type))},
          {"rows", t.rows},
          {"cols", t.cols},
          {"offset", t.offset},
          {"bytes", t.bytes}};
}

}  // namespace

Json ImageJson(const ModelFile& model, const TokenTrie& trie) {
  const Image& image = model.image();
  const ModelConfig& config = image.config();
  Json tensors = Json::array(), records = Json::array();
  for (const TensorEntry& t : model.Directory()) tensors.push_back(TensorJson(t));
  for (uint32_t m = 0; m < config.moe_layers(); ++m) {
    const RecordEntry r = image.record_layer(m);
    records.push_back(
        {{"layer", config.dense_layers + m}, {"offset", r.offset}, {"bytes", r.bytes}, {"stride", r.stride}});
  }
  return {{"name", image.name()},
          {"file_bytes", image.file_bytes()},
          {"pinned_bytes", image.pinned_bytes()},
          {"config", ConfigJson(config)},
          {"sampling", SamplingJson(image.sampling())},
          {"vocabulary", VocabJson(image.vocab())},
          {"token_trie", TokenTrieJson(trie)},
          {"tensors", tensors},
          {"records", records}};
}

}  // namespace lfm2::tools
