// Configs and options that cannot work are refused, naming the field; those that pass can be planned.
#include <doctest/doctest.h>

#include <string>

#include "lfm2/format/model_config.h"
#include "lfm2/model/options.h"
#include "lfm2/model/presets.h"
#include "lfm2/runtime/plan.h"

namespace lfm2::test {
namespace {

ModelConfig Good() { return kLfm2_8B_A1B; }

ModelConfig Dense() {
  ModelConfig c = Good();
  c.dense_layers = c.layers;
  c.experts = c.experts_per_token = c.expert_ff_size = 0;
  return c;
}

// Changes `config` by f and expects the refusal of the field `where`.
template <class F>
void Refuse(ModelConfig config, const char* where, const F& f) {
  CAPTURE(std::string(where));
  f(config);
  const Status status = CheckConfig(config);
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK(std::string(status.where()) == where);
}

}  // namespace

TEST_CASE("configs of the family pass") {
  CHECK(CheckConfig(Good()).ok());
  CHECK(CheckConfig(Dense()).ok());
  ModelConfig all_moe = Good();
  all_moe.dense_layers = all_moe.dense_ff_size = 0;
  CHECK(CheckConfig(all_moe).ok());
  ModelConfig large = Good();  // LFM2-24B-A2B
  large.layers = 40;
  large.experts = 64;
  CHECK(CheckConfig(large).ok());
}

TEST_CASE("every number out of its bounds is refused by name") {
  struct Field {
    const char* where;
    uint32_t ModelConfig::*member;
    uint32_t too_small, too_large;
  };
  const Field fields[] = {
      {"config.layers", &ModelConfig::layers, 0, kMaxLayers + 1},
      {"config.hidden_size", &ModelConfig::hidden_size, 0, kMaxHiddenSize + 32},
      {"config.kv_heads", &ModelConfig::kv_heads, 0, kMaxHeads + 1},
      {"config.heads", &ModelConfig::heads, 0, kMaxHeads + 1},
      {"config.head_dim", &ModelConfig::head_dim, 0, kMaxHeadDim + 32},
      {"config.dense_ff_size", &ModelConfig::dense_ff_size, 0, kMaxFeedForward + 32},
      {"config.experts", &ModelConfig::experts, 0, kMaxExperts + 1},
      {"config.experts_per_token", &ModelConfig::experts_per_token, 0, kMaxExpertsPerToken + 1},
      {"config.expert_ff_size", &ModelConfig::expert_ff_size, 0, kMaxFeedForward + 32},
      {"config.vocab_size", &ModelConfig::vocab_size, 0, kMaxVocabSize + 1},
      {"config.context_length", &ModelConfig::context_length, 0, kMaxContextLength + 1},
      {"config.conv_kernel", &ModelConfig::conv_kernel, 1, kMaxConvKernel + 1},
  };
  for (const Field& field : fields) {
    Refuse(Good(), field.where, [&](ModelConfig& c) { c.*field.member = field.too_small; });
    Refuse(Good(), field.where, [&](ModelConfig& c) { c.*field.member = field.too_large; });
    Refuse(Good(), field.where, [&](ModelConfig& c) { c.*field.member = 0xffffffffu; });
  }
  Refuse(Good(), "config.dense_layers", [](ModelConfig& c) { c.dense_layers = c.layers + 1; });
}

TEST_CASE("sizes that are not multiples of the kernels' groups of 32 are refused") {
  Refuse(Good(), "config.hidden_size", [](ModelConfig& c) { c.hidden_size = 2056; });
  Refuse(Good(), "config.head_dim", [](ModelConfig& c) { c.head_dim = 48; });
  Refuse(Good(), "config.dense_ff_size", [](ModelConfig& c) { c.dense_ff_size = 7160; });
  Refuse(Good(), "config.expert_ff_size", [](ModelConfig& c) { c.expert_ff_size = 1800; });
}

TEST_CASE("numbers that contradict one another are refused") {
  Refuse(Good(), "config.heads", [](ModelConfig& c) { c.heads = 31; });
  Refuse(Good(), "config.experts_per_token", [](ModelConfig& c) { c.experts = 3; });
  Refuse(Dense(), "config.experts", [](ModelConfig& c) { c.experts = 1; });
  Refuse(Dense(), "config.experts_per_token", [](ModelConfig& c) { c.experts_per_token = 1; });
  Refuse(Dense(), "config.expert_ff_size", [](ModelConfig& c) { c.expert_ff_size = 32; });
}

TEST_CASE("floats that are NaN or out of bounds are refused") {
  const float nan = BitCast<float>(0x7fc00000u), infinity = BitCast<float>(0x7f800000u);
  for (const float bad : {nan, infinity, -infinity, -1.0f}) {
    Refuse(Good(), "config.norm_eps", [=](ModelConfig& c) { c.norm_eps = bad; });
    Refuse(Good(), "config.rope_theta", [=](ModelConfig& c) { c.rope_theta = bad; });
    Refuse(Good(), "config.routed_scaling_factor", [=](ModelConfig& c) { c.routed_scaling_factor = bad; });
  }
  Refuse(Good(), "config.norm_eps", [](ModelConfig& c) { c.norm_eps = 1.0f; });
  Refuse(Good(), "config.rope_theta", [](ModelConfig& c) { c.rope_theta = 0.5f; });
  Refuse(Good(), "config.routed_scaling_factor", [](ModelConfig& c) { c.routed_scaling_factor = 0.0f; });
}

TEST_CASE("a layer of unknown kind is refused by its number; kinds after the last layer do not matter") {
  ModelConfig c = Good();
  c.layer_kind[24] = static_cast<LayerKind>(9);
  CHECK(CheckConfig(c).ok());
  c.layer_kind[23] = static_cast<LayerKind>(2);
  const Status status = CheckConfig(c);
  CHECK(std::string(status.where()) == "config.layer_kind");
  CHECK((status.index() == 23 && status.value() == 2));
}

TEST_CASE("the largest config that passes is planned without overflow, in 64 bits") {
  ModelConfig c = Good();
  c.layers = kMaxLayers;
  c.hidden_size = kMaxHiddenSize;
  c.heads = c.kv_heads = kMaxHeads;
  c.head_dim = kMaxHeadDim;
  c.dense_ff_size = c.expert_ff_size = kMaxFeedForward;
  c.experts = kMaxExperts;
  c.experts_per_token = kMaxExpertsPerToken;
  c.vocab_size = kMaxVocabSize;
  c.context_length = kMaxContextLength;
  c.conv_kernel = kMaxConvKernel;
  for (LayerKind& kind : c.layer_kind) kind = LayerKind::kAttention;
  REQUIRE(CheckConfig(c).ok());
  SessionOptions options;
  options.context_length = options.prefill_chunk = options.logits_rows = kMaxContextLength;
  options.kv_cache = KvCacheType::kF32;
  const Plan plan = MakePlan(c, options);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < plan.count; ++i) sum += plan.regions[i].bytes;
  CHECK(sum == plan.total_bytes);
  // Keys and values alone: positions x kv_size x 4 bytes, twice, in every layer.
  CHECK(plan.regions[1].bytes == 2 * uint64_t{kMaxLayers} * kMaxContextLength * kMaxHeads * kMaxHeadDim * 4);
  CHECK(plan.total_bytes > plan.regions[1].bytes);
}

TEST_CASE("options: defaults pass and are filled in from the model") {
  const SessionOptions defaults;
  CHECK(CheckOptions(Good(), defaults).ok());
  CHECK(Normalized(Good(), defaults).context_length == 4096);
  ModelConfig small = Good();
  small.context_length = 100;
  CHECK(CheckOptions(small, defaults).ok());
  const SessionOptions normalized = Normalized(small, defaults);
  CHECK((normalized.context_length == 100 && normalized.prefill_chunk == 100 && normalized.logits_rows == 1));
  SessionOptions many;
  many.context_length = 50;
  many.prefill_chunk = 40;
  many.logits_rows = 0xffffffffu;
  CHECK(Normalized(Good(), many).logits_rows == 40);
}

TEST_CASE("options that cannot work are refused, with their numbers") {
  struct Field {
    const char* where;
    uint32_t SessionOptions::*member;
    uint32_t bad;
  };
  const Field fields[] = {{"options.context_length", &SessionOptions::context_length, 32769},
                          {"options.context_length", &SessionOptions::context_length, 0xffffffffu},
                          {"options.prefill_chunk", &SessionOptions::prefill_chunk, 0},
                          {"options.logits_rows", &SessionOptions::logits_rows, 0},
                          {"options.max_word_bytes", &SessionOptions::max_word_bytes, 0}};
  for (const Field& field : fields) {
    SessionOptions options;
    options.*field.member = field.bad;
    const Status status = CheckOptions(Good(), options);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(std::string(status.where()) == field.where);
  }
  SessionOptions options;
  options.context_length = 32769;
  CHECK(CheckOptions(Good(), options).value() == 32769);
  CHECK(CheckOptions(Good(), options).limit() == 32768);
  options.context_length = 32768;
  CHECK(CheckOptions(Good(), options).ok());
  const struct {
    const char* where;
    float SessionOptions::*member;
  } shares[] = {{"options.prefer_resident", &SessionOptions::prefer_resident},
                {"options.drop_below", &SessionOptions::drop_below}};
  for (const auto& share : shares) {
    for (const float bad : {-0.01f, 1.01f, BitCast<float>(0x7fc00000u)}) {
      SessionOptions changed;
      changed.*share.member = bad;
      CHECK(std::string(CheckOptions(Good(), changed).where()) == share.where);
    }
    for (const float good : {0.0f, 0.5f, 1.0f}) {
      SessionOptions changed;
      changed.*share.member = good;
      CHECK(CheckOptions(Good(), changed).ok());
    }
  }
}

TEST_CASE("guessed tokens need a clock, and are at most 16") {
  SessionOptions options;
  options.draft_tokens = kMaxDraftTokens + 1;
  CHECK(CheckOptions(Good(), options).value() == kMaxDraftTokens + 1);
  options.draft_tokens = kMaxDraftTokens;
  CHECK(std::string(CheckOptions(Good(), options).where()) == "options.now_ns");
  options.now_ns = [](void*) -> uint64_t { return 0; };
  CHECK(CheckOptions(Good(), options).ok());
}

}  // namespace lfm2::test
