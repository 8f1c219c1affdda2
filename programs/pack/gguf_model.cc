#include "programs/pack/gguf_model.h"

#include <algorithm>

#include "programs/pack/repack.h"

namespace lfm2::tools {

namespace {

// The last part of a tensor's name, after "blk.N." for the tensors of a layer.
const char* GgufName(TensorRole role) {
  switch (role) {
    case TensorRole::kTokenEmbedding: return "token_embd.weight";
    case TensorRole::kOutputNorm: return "token_embd_norm.weight";
    case TensorRole::kOutput: return "output.weight";
    case TensorRole::kOperatorNorm: return "attn_norm.weight";
    case TensorRole::kFfnNorm: return "ffn_norm.weight";
    case TensorRole::kAttnQ: return "attn_q.weight";
    case TensorRole::kAttnK: return "attn_k.weight";
    case TensorRole::kAttnV: return "attn_v.weight";
    case TensorRole::kAttnQNorm: return "attn_q_norm.weight";
    case TensorRole::kAttnKNorm: return "attn_k_norm.weight";
    case TensorRole::kAttnOut: return "attn_output.weight";
    case TensorRole::kConvIn: return "shortconv.in_proj.weight";
    case TensorRole::kConvKernel: return "shortconv.conv.weight";
    case TensorRole::kConvOut: return "shortconv.out_proj.weight";
    case TensorRole::kFfnGate: return "ffn_gate.weight";
    case TensorRole::kFfnUp: return "ffn_up.weight";
    case TensorRole::kFfnDown: return "ffn_down.weight";
    case TensorRole::kRouter: return "ffn_gate_inp.weight";
    case TensorRole::kExpertBias: return "exp_probs_b.bias";
    case TensorRole::kExpertGate: return "ffn_gate_exps.weight";
    case TensorRole::kExpertUp: return "ffn_up_exps.weight";
    case TensorRole::kExpertDown: return "ffn_down_exps.weight";
  }
  return "";
}

bool BelongsToLayer(TensorRole role) {
  return role != TensorRole::kTokenEmbedding && role != TensorRole::kOutputNorm && role != TensorRole::kOutput;
}

// The value that all layers share, or all that are not 0 if `zero_is_absent`.
Error OneForAll(const std::string& key, const std::vector<uint32_t>& values, bool zero_is_absent, uint32_t* out) {
  *out = 0;
  for (const uint32_t v : values) {
    if (v == 0 && zero_is_absent) continue;
    if (*out != 0 && v != *out) {
      return Error::Of("the key ", key, " differs between layers (", *out, " and ", v, "), which is not supported");
    }
    *out = v;
  }
  return Error();
}

class ConfigReader {
 public:
  ConfigReader(const Gguf& gguf, const std::string& architecture) : gguf_(gguf), prefix_(architecture + ".") {}

  std::string Key(const char* name) const { return prefix_ + name; }
  bool Has(const char* name) const { return gguf_.Find(Key(name)) != nullptr; }
  Error U32(const char* name, uint32_t* out) const { return gguf_.GetU32(Key(name), out); }
  Error F32(const char* name, float* out) const { return gguf_.GetF32(Key(name), out); }
  Error PerLayer(const char* name, uint32_t layers, std::vector<uint32_t>* out) const {
    return gguf_.GetU32Array(Key(name), layers, out);
  }
  // One value, given once or for each layer.
  Error Shared(const char* name, uint32_t layers, bool zero_is_absent, uint32_t* out) const {
    std::vector<uint32_t> values;
    LFM2_RETURN_IF_FAILED(PerLayer(name, layers, &values));
    return OneForAll(Key(name), values, zero_is_absent, out);
  }
  // Refuses a setting other than `usual`, which is also the default of an absent key.
  Error Demand(const char* name, uint32_t usual) const {
    const GgufValue* value = gguf_.Find(Key(name));
    uint64_t number = 0;
    if (value == nullptr) return Error();
    if (value->is_array || !IntegerAt(*value, 0, &number) || number != usual) {
      return Error::Of("the key ", Key(name), " is ", Shown(*value), "; only ", usual, " is supported");
    }
    return Error();
  }

 private:
  const Gguf& gguf_;
  std::string prefix_;
};

// Some converters state the size before its adjustment, such as 12288 for 8192, or none.
Error ReadDenseWidth(const ConfigReader& read, const std::vector<Gguf>& parts, ModelConfig* c,
                     std::vector<std::string>* notes) {
  const GgufTensor* gate = nullptr;
  for (const Gguf& part : parts) {
    if (gate == nullptr) gate = part.FindTensor(std::string("blk.0.") + GgufName(TensorRole::kFfnGate));
  }
  const bool stated = read.Has("feed_forward_length");
  if (stated || gate == nullptr) {
    LFM2_RETURN_IF_FAILED(read.Shared("feed_forward_length", c->layers, true, &c->dense_ff_size));
  }
  if (gate == nullptr || gate->dims[1] > kMaxFeedForward || gate->dims[1] == c->dense_ff_size) return Error();
  if (stated) {
    notes->push_back(Error::Of("the key ", read.Key("feed_forward_length"), " is ", c->dense_ff_size,
                               ", and the tensor ", gate->name, " has ", gate->dims[1], " rows, which are used")
                         .text());
  }
  c->dense_ff_size = static_cast<uint32_t>(gate->dims[1]);
  return Error();
}

Error ReadFeedForward(const ConfigReader& read, const std::vector<Gguf>& parts, bool moe, ModelConfig* c,
                      std::vector<std::string>* notes) {
  c->dense_layers = c->layers;
  if (moe) {
    c->dense_layers = 0;
    if (read.Has("leading_dense_block_count"))
      LFM2_RETURN_IF_FAILED(read.U32("leading_dense_block_count", &c->dense_layers));
    LFM2_RETURN_IF_FAILED(read.U32("expert_count", &c->experts));
    LFM2_RETURN_IF_FAILED(read.U32("expert_used_count", &c->experts_per_token));
    LFM2_RETURN_IF_FAILED(read.U32("expert_feed_forward_length", &c->expert_ff_size));
    LFM2_RETURN_IF_FAILED(read.Demand("expert_gating_func", kSigmoidGating));
    LFM2_RETURN_IF_FAILED(read.Demand("expert_weights_norm", 1));
    LFM2_RETURN_IF_FAILED(read.Demand("expert_shared_count", 0));
    if (read.Has("expert_weights_scale"))
      LFM2_RETURN_IF_FAILED(read.F32("expert_weights_scale", &c->routed_scaling_factor));
  }
  if (c->dense_layers == 0) return Error();
  return ReadDenseWidth(read, parts, c, notes);
}

// Refuses scaled positions. For llama.cpp a factor without a type, and the older key, mean linear scaling.
Error CheckRope(const Gguf& gguf, const ConfigReader& read) {
  std::string type = "none";
  const bool typed = read.Has("rope.scaling.type");
  if (typed) LFM2_RETURN_IF_FAILED(gguf.GetString(read.Key("rope.scaling.type"), &type));
  if (type != "none")
    return Error::Of("the key ", read.Key("rope.scaling.type"), " is ", type, ", which is not supported");
  for (const char* name : {"rope.scaling.factor", "rope.scale_linear"}) {
    const GgufValue* const value = gguf.Find(read.Key(name));
    double factor = 0;
    if (value == nullptr || typed) continue;
    if (NumberOf(*value, &factor) && (factor == 0 || factor == 1)) continue;  // no scaling
    return Error::Of("the key ", read.Key(name), " is ", Shown(*value), ", and scaled positions are not supported");
  }
  return Error();
}

// Refuses encoders, which do not predict the next token.
Error CheckPredicts(const Gguf& gguf, const ConfigReader& read) {
  uint64_t number = 1;
  const GgufValue* const causal = gguf.Find(read.Key("attention.causal"));
  if (causal != nullptr && (causal->is_array || !IntegerAt(*causal, 0, &number) || number != 1)) {
    return Error::Of("the key ", read.Key("attention.causal"), " is ", Shown(*causal),
                     ": this is a bidirectional model for embeddings, which generates no text and is not supported");
  }
  number = 0;
  const GgufValue* const pooling = gguf.Find(read.Key("pooling_type"));
  if (pooling != nullptr && (pooling->is_array || !IntegerAt(*pooling, 0, &number) || number != 0)) {
    return Error::Of("the key ", read.Key("pooling_type"), " is ", Shown(*pooling),
                     ": this is an embedding model, which generates no text and is not supported");
  }
  return Error();
}

Error ReadAttention(const ConfigReader& read, ModelConfig* c) {
  std::vector<uint32_t> kv_heads;
  LFM2_RETURN_IF_FAILED(read.Shared("attention.head_count", c->layers, true, &c->heads));
  LFM2_RETURN_IF_FAILED(read.PerLayer("attention.head_count_kv", c->layers, &kv_heads));
  LFM2_RETURN_IF_FAILED(OneForAll(read.Key("attention.head_count_kv"), kv_heads, true, &c->kv_heads));
  for (uint32_t l = 0; l < c->layers; ++l) {
    c->layer_kind[l] = kv_heads[l] == 0 ? LayerKind::kShortConv : LayerKind::kAttention;
  }
  if (c->heads == 0) return Error::Of("the key ", read.Key("attention.head_count"), " is 0");
  c->head_dim = c->hidden_size / c->heads;
  if (read.Has("attention.key_length")) LFM2_RETURN_IF_FAILED(read.U32("attention.key_length", &c->head_dim));
  LFM2_RETURN_IF_FAILED(read.Demand("attention.value_length", c->head_dim));
  LFM2_RETURN_IF_FAILED(read.Demand("rope.dimension_count", c->head_dim));
  LFM2_RETURN_IF_FAILED(read.Demand("attention.sliding_window", 0));
  return read.F32("rope.freq_base", &c->rope_theta);
}

// The type of a tensor in the image, and whether it may have that type.
Error MatchType(const TensorSpec& spec, const GgufTensor& t, TensorType* type) {
  const char* const name = FindGgmlType(t.type)->name;
  if (!TensorTypeFromGgml(t.type, type)) {
    return Error::Of("the tensor ", t.name, " has the type ", name, ", which is not supported");
  }
  if (spec.layout == TensorLayout::kPlain) {
    if (*type != TensorType::kF32 && *type != TensorType::kF16 && *type != TensorType::kBF16) {
      return Error::Of("the tensor ", t.name, " has the type ", name, "; only F32, F16 and BF16 are supported for it");
    }
    *type = TensorType::kF32;
  }
  if (!TypeFits(spec, *type)) {
    return Error::Of("the tensor ", t.name, " has rows of ", spec.cols, " values, which the type ", name,
                     " cannot hold");
  }
  return Error();
}

std::string ShapeText(const uint64_t (&dims)[4]) {
  std::string text = "[" + std::to_string(dims[0]);
  for (int d = 1; d < 4; ++d) {
    if (dims[d] != 1 || (d == 1 && (dims[2] != 1 || dims[3] != 1))) text += ", " + std::to_string(dims[d]);
  }
  return text + "]";
}

Error MatchShape(const TensorSpec& spec, const ModelConfig& config, const GgufTensor& t) {
  uint64_t want[4] = {spec.cols, spec.rows, 1, 1};
  if (spec.role == TensorRole::kConvKernel) std::swap(want[0], want[1]);  // GGUF keeps a channel's taps together
  if (spec.layout == TensorLayout::kExpert) want[2] = config.experts;
  if (std::equal(want, want + 4, t.dims)) return Error();
  return Error::Of("the tensor ", t.name, " has the shape ", ShapeText(t.dims), ", expected ", ShapeText(want));
}

}  // namespace

std::string GgufName(const TensorSpec& spec) {
  if (!BelongsToLayer(spec.role)) return GgufName(spec.role);
  return "blk." + std::to_string(spec.layer) + "." + GgufName(spec.role);
}

Error ReadGgufConfig(const std::vector<Gguf>& parts, ModelConfig* config, std::string* name, std::string* architecture,
                     std::vector<std::string>* notes) {
  const Gguf& gguf = parts[0];
  LFM2_RETURN_IF_FAILED(gguf.GetString("general.architecture", architecture));
  if (*architecture == "clip") {
    return Error::Of(
        "the file is an mmproj: it holds the image or audio encoder of a model (give the file of the model itself)");
  }
  const bool moe = *architecture == "lfm2moe";
  if (!moe && *architecture != "lfm2") {
    return Error::Of("the file holds a model of the architecture ", *architecture,
                     "; only lfm2 and lfm2moe are supported");
  }
  if (gguf.Find("general.name") != nullptr) LFM2_RETURN_IF_FAILED(gguf.GetString("general.name", name));
  const ConfigReader read(gguf, *architecture);
  ModelConfig& c = *config;
  LFM2_RETURN_IF_FAILED(read.U32("block_count", &c.layers));
  if (c.layers < 1 || c.layers > kMaxLayers) {
    return Error::Of("the key ", read.Key("block_count"), " is ", c.layers, ", not in 1..", kMaxLayers);
  }
  LFM2_RETURN_IF_FAILED(read.U32("embedding_length", &c.hidden_size));
  LFM2_RETURN_IF_FAILED(read.U32("context_length", &c.context_length));
  LFM2_RETURN_IF_FAILED(read.U32("shortconv.l_cache", &c.conv_kernel));
  LFM2_RETURN_IF_FAILED(read.F32("attention.layer_norm_rms_epsilon", &c.norm_eps));
  LFM2_RETURN_IF_FAILED(CheckPredicts(gguf, read));
  LFM2_RETURN_IF_FAILED(ReadAttention(read, &c));
  LFM2_RETURN_IF_FAILED(ReadFeedForward(read, parts, moe, &c, notes));
  LFM2_RETURN_IF_FAILED(CheckRope(gguf, read));
  const GgufTensor* embedding = nullptr;
  bool has_output = false;
  for (const Gguf& part : parts) {
    if (embedding == nullptr) embedding = part.FindTensor(GgufName(TensorRole::kTokenEmbedding));
    has_output = has_output || part.FindTensor(GgufName(TensorRole::kOutput)) != nullptr;
  }
  if (embedding == nullptr) return Error::Of("the tensor ", GgufName(TensorRole::kTokenEmbedding), " is missing");
  if (embedding->dims[1] > kMaxVocabSize) {
    return Error::Of("the tensor ", embedding->name, " has ", embedding->dims[1], " rows, more than ", kMaxVocabSize);
  }
  c.vocab_size = static_cast<uint32_t>(embedding->dims[1]);
  if (read.Has("vocab_size")) LFM2_RETURN_IF_FAILED(read.Demand("vocab_size", c.vocab_size));
  c.tied_embedding = !has_output;
  return Error::From(CheckConfig(c));
}

const GgufTensor* FindGgufTensor(const Gguf& part, const TensorSpec& spec) {
  const GgufTensor* const found = part.FindTensor(GgufName(spec));
  if (found != nullptr || spec.role != TensorRole::kOutputNorm) return found;
  return part.FindTensor("output_norm.weight");  // what some converters call it
}

Error MatchGgufTensor(const TensorSpec& spec, const ModelConfig& config, const GgufTensor& tensor, TensorType* type) {
  LFM2_RETURN_IF_FAILED(MatchShape(spec, config, tensor));
  return MatchType(spec, tensor, type);
}

}  // namespace lfm2::tools
