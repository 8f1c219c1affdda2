#include "programs/export/image_keys.h"

#include <map>
#include <string>

#include "programs/export/chat_templates.h"
#include "programs/pack/byte_level.h"
#include "programs/pack/gguf_model.h"
#include "programs/pack/gguf_vocab.h"
#include "programs/pack/sampling_defaults.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kQuantizationVersion = 2;

// general.file_type: llama.cpp's number for a file most of whose weights have this type. Programs only display it.
uint32_t FileTypeOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return 0;
    case TensorType::kF16: return 1;
    case TensorType::kQ4_0: return 2;
    case TensorType::kQ4_1: return 3;
    case TensorType::kQ8_0: return 7;
    case TensorType::kQ5_0: return 8;
    case TensorType::kQ5_1: return 9;
    case TensorType::kQ4_K: return 15;  // Q4_K_M
    case TensorType::kQ5_K: return 17;  // Q5_K_M
    case TensorType::kQ6_K: return 18;
    case TensorType::kIQ4_NL: return 25;
    case TensorType::kBF16: return 32;
    case TensorType::kMxfp4: return 38;
    case TensorType::kQ2_K: return 10;
    case TensorType::kQ3_K: return 12;  // Q3_K_M
    case TensorType::kIQ2_XXS: return 19;
    case TensorType::kIQ2_XS: return 20;
    case TensorType::kIQ3_XXS: return 23;
    case TensorType::kIQ1_S: return 24;
    case TensorType::kIQ3_S: return 26;
    case TensorType::kIQ2_S: return 28;
    case TensorType::kIQ4_XS: return 30;
    case TensorType::kIQ1_M: return 31;
    case TensorType::kTQ1_0: return 36;
    case TensorType::kTQ2_0: return 37;
    case TensorType::kNvfp4: return 39;
    case TensorType::kQ1_0: return 40;
    case TensorType::kQ2_0: return 41;
    default: break;
  }
  return 0;
}

TensorType MostCommonType(const ModelConfig& config, const std::vector<ImageTensor>& tensors) {
  std::map<TensorType, uint64_t> weights;
  for (const ImageTensor& t : tensors) {
    const uint64_t copies = t.spec.layout == TensorLayout::kExpert ? config.experts : 1;
    weights[t.type] += copies * t.spec.rows * t.spec.cols;
  }
  TensorType most = TensorType::kF32;
  for (const auto& [type, count] : weights) {
    if (count > weights[most]) most = type;
  }
  return most;
}

void AddExpertKeys(const ModelConfig& c, const std::string& arch, GgufBuilder* gguf) {
  gguf->SetU32(arch + "leading_dense_block_count", c.dense_layers);
  gguf->SetU32(arch + "expert_count", c.experts);
  gguf->SetU32(arch + "expert_used_count", c.experts_per_token);
  gguf->SetU32(arch + "expert_feed_forward_length", c.expert_ff_size);
  gguf->SetU32(arch + "expert_gating_func", kSigmoidGating);
  if (c.routed_scaling_factor != 1.0f) gguf->SetF32(arch + "expert_weights_scale", c.routed_scaling_factor);
}

void AddSamplingKeys(const Sampling& s, GgufBuilder* gguf) {
  const auto add = [&](const char* key, float value) {
    if (value != kUnset) gguf->SetF32(key, value);
  };
  add(kGgufTemperature, s.temperature);
  if (s.top_k != kUnsetCount) gguf->SetI32(kGgufTopK, static_cast<int32_t>(s.top_k));
  add(kGgufTopP, s.top_p);
  add(kGgufMinP, s.min_p);
  add(kGgufRepetitionPenalty, s.repetition_penalty);
}

// In the notation that the packer reads back as the same bytes.
std::string SpellingOf(const Vocab& vocab, int32_t token) {
  const std::string_view bytes = vocab.TokenBytes(token);
  if (vocab.type(token) == TokenType::kNormal) return EncodeByteLevel(bytes);
  if (vocab.type(token) == TokenType::kByte && bytes.size() == 1) {
    return EncodeByteToken(static_cast<unsigned char>(bytes[0]));
  }
  return std::string(bytes);
}

Error AddMerges(const Vocab& vocab, GgufBuilder* gguf) {
  std::vector<std::string> merges(vocab.merge_count());
  for (uint32_t left = 0; left < vocab.size(); ++left) {
    const std::string half = EncodeByteLevel(vocab.TokenBytes(static_cast<int32_t>(left)));
    for (const VocabMerge& merge : vocab.MergesOf(left)) {
      if (!merges[merge.rank].empty()) return Error::Of("two merges of the vocabulary have the rank ", merge.rank);
      merges[merge.rank] = half + " " + EncodeByteLevel(vocab.TokenBytes(static_cast<int32_t>(merge.right)));
    }
  }
  gguf->SetTexts("tokenizer.ggml.merges", merges);
  return Error();
}

// Tokens that end an answer and need a key, in their order. The packer appends <|im_end|> and <|endoftext|> itself, in
// the order of their ids, unless they are already in the list.
Error AddStopKeys(const Vocab& vocab, GgufBuilder* gguf) {
  const Span<const int32_t> stops = vocab.stop_tokens();
  size_t begin = !stops.empty() && stops[0] == vocab.eos() ? 1 : 0, end = stops.size();
  const auto is_implied = [&](int32_t token) {
    const std::string_view text = vocab.TokenBytes(token);
    return vocab.IsSpecial(token) && (text == "<|im_end|>" || text == "<|endoftext|>");
  };
  while (end > begin && is_implied(stops[end - 1]) && (end == stops.size() || stops[end - 1] < stops[end])) --end;
  if (end - begin > std::size(kGgufStopKeys)) {
    return Error::Of("the vocabulary has ", uint64_t{stops.size()},
                     " tokens that end an answer, more than a GGUF file has keys for");
  }
  for (size_t i = begin; i < end; ++i) gguf->SetU32(kGgufStopKeys[i - begin], static_cast<uint32_t>(stops[i]));
  return Error();
}

}  // namespace

void AddModelKeys(const Image& image, const std::vector<ImageTensor>& tensors, GgufBuilder* gguf) {
  const ModelConfig& c = image.config();
  const std::string name = c.moe_layers() > 0 ? "lfm2moe" : "lfm2", arch = name + ".";
  const TensorType type = MostCommonType(c, tensors);
  gguf->SetText("general.architecture", name);
  gguf->SetText("general.type", "model");
  if (image.name()[0] != '\0') gguf->SetText("general.name", image.name());
  AddSamplingKeys(image.sampling(), gguf);
  gguf->SetU32("general.file_type", FileTypeOf(type));
  gguf->SetU32("general.quantization_version", kQuantizationVersion);
  gguf->SetU32(arch + "block_count", c.layers);
  gguf->SetU32(arch + "context_length", c.context_length);
  gguf->SetU32(arch + "embedding_length", c.hidden_size);
  if (c.dense_layers > 0) gguf->SetU32(arch + "feed_forward_length", c.dense_ff_size);
  gguf->SetU32(arch + "attention.head_count", c.heads);
  std::vector<int32_t> kv_heads;
  for (uint32_t l = 0; l < c.layers; ++l) {
    kv_heads.push_back(c.layer_kind[l] == LayerKind::kAttention ? static_cast<int32_t>(c.kv_heads) : 0);
  }
  gguf->SetI32s(arch + "attention.head_count_kv", kv_heads);
  if (c.head_dim != c.hidden_size / c.heads) {
    gguf->SetU32(arch + "attention.key_length", c.head_dim);
    gguf->SetU32(arch + "attention.value_length", c.head_dim);
  }
  gguf->SetF32(arch + "rope.freq_base", c.rope_theta);
  gguf->SetF32(arch + "attention.layer_norm_rms_epsilon", c.norm_eps);
  if (c.moe_layers() > 0) AddExpertKeys(c, arch, gguf);
  gguf->SetU32(arch + "vocab_size", c.vocab_size);
  gguf->SetU32(arch + "shortconv.l_cache", c.conv_kernel);
}

Error AddVocabKeys(const Vocab& vocab, GgufBuilder* gguf) {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  for (int32_t t = 0; vocab.Contains(t); ++t) {
    tokens.push_back(SpellingOf(vocab, t));
    types.push_back(static_cast<int32_t>(vocab.type(t)));
  }
  gguf->SetText("tokenizer.ggml.model", "gpt2");
  gguf->SetText("tokenizer.ggml.pre", "lfm2");
  gguf->SetTexts("tokenizer.ggml.tokens", tokens);
  gguf->SetI32s("tokenizer.ggml.token_type", types);
  LFM2_RETURN_IF_FAILED(AddMerges(vocab, gguf));
  const auto add_token = [&](const char* key, int32_t token) {
    if (token != kNoToken) gguf->SetU32(key, static_cast<uint32_t>(token));
  };
  add_token("tokenizer.ggml.bos_token_id", vocab.bos());
  add_token("tokenizer.ggml.eos_token_id", vocab.eos());
  add_token("tokenizer.ggml.padding_token_id", vocab.pad());
  LFM2_RETURN_IF_FAILED(AddStopKeys(vocab, gguf));
  gguf->SetBool("tokenizer.ggml.add_bos_token", vocab.add_bos());
  const std::string jinja = JinjaOf(vocab.chat_format());
  if (!jinja.empty()) gguf->SetText("tokenizer.chat_template", jinja);
  return Error();
}

}  // namespace lfm2::tools
