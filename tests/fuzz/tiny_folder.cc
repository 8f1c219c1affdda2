#include "tests/fuzz/tiny_folder.h"

#include "programs/pack/config_json.h"
#include "programs/pack/folder_names.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::fuzz {

namespace {

using nlohmann::json;

// Of an MLX directory; no bits: Hugging Face.
struct Quantization {
  uint32_t bits = 0, group = 0;
  const char* mode = "affine";

  bool any() const { return bits > 0; }
  bool has_biases() const { return std::string(mode) == "affine"; }
};

using Layers = std::vector<const char*>;

json Config(size_t vocab_size, bool moe, const Layers& layers, const Quantization& mlx) {
  json config = {{"model_type", moe ? "lfm2_moe" : "lfm2"},
                 {"hidden_size", 64u},
                 {"num_hidden_layers", layers.size()},
                 {"num_attention_heads", 2u},
                 {"num_key_value_heads", 1u},
                 {"vocab_size", vocab_size},
                 {"max_position_embeddings", 128u},
                 {"conv_L_cache", 3u},
                 {"norm_eps", 1e-5},
                 {"rope_theta", 1e6},
                 {"layer_types", layers},
                 {"intermediate_size", 64u}};
  if (!moe) config["block_auto_adjust_ff_dim"] = false;
  if (moe) {
    config.update({{"moe_intermediate_size", 64u},
                   {"num_dense_layers", layers.size() - 1},
                   {"num_experts", 2u},
                   {"num_experts_per_tok", 1u},
                   {"use_expert_bias", true}});
  }
  if (mlx.any()) {
    config["quantization"] = {{"bits", mlx.bits},
                              {"group_size", mlx.group},
                              {"mode", mlx.mode},
                              {"lm_head", {{"bits", 8u}, {"group_size", 32u}}}};
  }
  return config;
}

// Fewer tokens than other targets' vocabularies have: the time goes into the texts of these files.
json TokenizerJsonOf() {
  json vocab = json::object(), added = json::array();
  const auto add = [&added](const char* text, bool special) {
    added.push_back({{"id", added.size()}, {"content", text}, {"special", special}});
  };
  add("<|pad|>", true);
  add("<|startoftext|>", true);
  add("<|im_end|>", true);
  add("<think>", false);
  std::vector<std::string> texts = test::ByteSpellings();
  for (const char* merged : {"th", "the"}) texts.emplace_back(merged);
  for (const std::string& text : texts) vocab[text] = added.size() + vocab.size();
  const json merges = {{"t", "h"}, "th e"};
  const char* const pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
                              R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return {{"added_tokens", added},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}},
              {{"type", "ByteLevel"}, {"use_regex", false}}}}}}};
}

// One file's tensors, one after another.
class Header {
 public:
  void Add(const std::string& name, const char* dtype, uint64_t element_bytes, const std::vector<uint64_t>& shape) {
    uint64_t bytes = element_bytes;
    for (const uint64_t n : shape) bytes *= n;
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {at_, at_ + bytes}}};
    at_ += bytes;
  }
  void AddTo(TinyFolder* folder, const std::string& file) const {
    folder->json[file] = header_;
    folder->texts[file] = WithLength(header_.dump());
    folder->data_bytes[file] = at_;
  }
  const json& header() const { return header_; }

 private:
  json header_ = json::object();
  uint64_t at_ = 0;
};

void AddMatrix(const TensorSpec& spec, const ModelConfig& config, const Quantization& mlx, Header* header) {
  const std::vector<tools::MatrixName> names = tools::MatrixNames(spec);
  const bool expert = spec.layout == TensorLayout::kExpert;
  if (!mlx.any()) {
    for (uint32_t e = 0; e < (expert ? config.experts : 1); ++e) {
      header->Add(names[0].Weight(e), "BF16", 2, {spec.rows, spec.cols});
    }
    return;
  }
  const tools::MatrixName& name = names.size() > 1 ? names[1] : names[0];
  std::vector<uint64_t> shape = {spec.rows, spec.cols * mlx.bits / 32}, scales = {spec.rows, spec.cols / mlx.group};
  if (expert) {
    shape.insert(shape.begin(), config.experts);
    scales.insert(scales.begin(), config.experts);
  }
  header->Add(name.Weight(0), "U32", 4, shape);
  if (!mlx.has_biases()) return header->Add(name.Base(0) + ".scales", "U8", 1, scales);
  header->Add(name.Base(0) + ".scales", "BF16", 2, scales);
  header->Add(name.Base(0) + ".biases", "BF16", 2, scales);
}

// Where moe is set, the last layer is a mixture.
TinyFolder Make(bool moe, const Layers& layers, const Quantization& mlx) {
  TinyFolder folder;
  const json tokenizer = TokenizerJsonOf();
  const size_t vocab_size = tokenizer["added_tokens"].size() + tokenizer["model"]["vocab"].size();
  folder.json["config.json"] = Config(vocab_size, moe, layers, mlx);
  folder.json["tokenizer.json"] = tokenizer;
  folder.json["tokenizer_config.json"] = {{"bos_token", "<|startoftext|>"}, {"eos_token", "<|im_end|>"}};
  folder.json["generation_config.json"] = {{"eos_token_id", {2u, 1u}}};
  for (const auto& [name, value] : folder.json) folder.texts[name] = value.dump();
  ModelConfig config;
  bool expert_bias = false;
  const json parsed = json::parse(folder.texts["config.json"]);
  LFM2_HOLDS(tools::ReadConfigJson(parsed, &config, &expert_bias).ok());
  Header files[2];
  for (uint32_t group = 0; group < TensorGroups(config); ++group) {
    const TensorSpecs specs = TensorGroup(config, group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const TensorSpec& spec = specs.spec[i];
      Header* const header = &files[moe && !mlx.any() ? group % 2 : 0];
      if (spec.layout != TensorLayout::kPlain) {
        AddMatrix(spec, config, mlx, header);
      } else if (spec.role == TensorRole::kConvKernel) {
        header->Add(tools::PlainName(spec), "F32", 4, {spec.cols, 1, spec.rows});
      } else {
        header->Add(tools::PlainName(spec), "BF16", 2, {spec.cols});
      }
    }
  }
  if (!moe || mlx.any()) {
    files[0].AddTo(&folder, "model.safetensors");
    return folder;
  }
  json places = json::object();
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const std::string file = "model-" + std::to_string(i) + ".safetensors";
    files[i].AddTo(&folder, file);
    for (const auto& [name, entry] : files[i].header().items()) places[name] = file;
  }
  folder.json["model.safetensors.index.json"] = {{"weight_map", places}};
  folder.texts["model.safetensors.index.json"] = folder.json["model.safetensors.index.json"].dump();
  return folder;
}

}  // namespace

const TinyFolder& TinyFolderOf(uint32_t number) {
  // Mostly of one layer, for the same reason.
  const char* const conv = "conv";
  const char* const attention = "full_attention";
  static const TinyFolder folders[kTinyFolders] = {
      Make(false, {attention}, {}),     Make(true, {conv, attention}, {}),
      Make(true, {attention}, {4, 64}), Make(false, {conv, attention}, {6, 32}),
      Make(true, {conv}, {8, 32}),      Make(true, {attention}, {4, 32, "mxfp4"})};
  return folders[number];
}

std::string WithLength(const std::string& header) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + header;
}

}  // namespace lfm2::fuzz
