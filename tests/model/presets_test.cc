// The shapes of published models, by their config.json and the numbers on their model cards.
#include "lfm2/model/presets.h"

#include <doctest/doctest.h>

#include "lfm2/format/tensor_list.h"

namespace lfm2::test {
namespace {

struct Weights {
  uint64_t all = 0;
  uint64_t per_token = 0;  // used for one token
};

// Counts a model's weights: those of all experts, and those of the experts that one token uses.
constexpr Weights CountWeights(const ModelConfig& config) {
  Weights w;
  for (uint32_t g = 0; g < TensorGroups(config); ++g) {
    const TensorSpecs specs = TensorGroup(config, g);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const uint64_t size = uint64_t{specs.spec[i].rows} * specs.spec[i].cols;
      const bool expert = specs.spec[i].layout == TensorLayout::kExpert;
      w.all += size * (expert ? config.experts : 1);
      w.per_token += size * (expert ? config.experts_per_token : 1);
    }
  }
  return w;
}

}  // namespace

TEST_CASE("LFM2-8B-A1B") {
  constexpr ModelConfig c = kLfm2_8B_A1B;
  static_assert(CheckConfig(c).ok());
  CHECK(c.hidden_size == 2048);
  CHECK(c.layers == 24);
  CHECK((c.heads == 32 && c.kv_heads == 8 && c.head_dim == 64));
  CHECK((c.dense_layers == 2 && c.dense_ff_size == 7168));
  CHECK((c.experts == 32 && c.experts_per_token == 4 && c.expert_ff_size == 1792));
  CHECK((c.vocab_size == 65536 && c.context_length == 32768));
  CHECK(c.conv_kernel == 3);
  CHECK(c.tied_embedding);
  CHECK((c.norm_eps == 1e-5f && c.rope_theta == 1e6f && c.routed_scaling_factor == 1.0f));
  for (uint32_t l = 0; l < kMaxLayers; ++l) {
    CAPTURE(l);
    const bool attention = l == 2 || l == 6 || l == 10 || l == 14 || l == 18 || l == 21;
    CHECK((c.layer_kind[l] == LayerKind::kAttention) == attention);
  }
  CHECK(c.attention_layers() == 6);
  CHECK(c.moe_layers() * c.experts == 704);
}

TEST_CASE("LFM2-8B-A1B has 8.3 billion weights, 1.5 billion of them active; an expert takes 6.19 MB at 4.5 bits") {
  constexpr Weights w = CountWeights(kLfm2_8B_A1B);
  CHECK((w.all > 8250000000 && w.all < 8350000000));
  CHECK((w.per_token > 1450000000 && w.per_token < 1570000000));
  const TensorSpecs specs = LayerTensors(kLfm2_8B_A1B, 2);
  uint64_t expert = 0;
  for (uint32_t i = 0; i < specs.count; ++i) {
    if (specs.spec[i].layout == TensorLayout::kExpert) expert += TensorBytes(specs.spec[i], TensorType::kQ4_0);
  }
  CHECK(expert == 3 * 2048 * 1792 * 9 / 16);
}

// The counts are those of the model cards: a wrong width or number of layers would give another.
TEST_CASE("the dense models have exactly the number of weights on their model cards") {
  CHECK(CountWeights(kLfm2_350M).all == 354483968);
  CHECK(CountWeights(kLfm2_700M).all == 742489344);
  CHECK(CountWeights(kLfm2_1_2B).all == 1170340608);
  CHECK(CountWeights(kLfm2_2_6B).all == 2569272320);
  const ModelConfig* const models[] = {&kLfm2_350M, &kLfm2_700M, &kLfm2_1_2B, &kLfm2_2_6B};
  for (const ModelConfig* model : models) {
    const ModelConfig& c = *model;
    CHECK(CheckConfig(c).ok());
    CHECK(c.attention_layers() == (c.layers == 30 ? 8 : 6));
  }
}

TEST_CASE("LFM2.5: 230M weights in 14 layers; 350M and 1.2B as LFM2; 2.6B with another theta") {
  constexpr ModelConfig small = kLfm2_5_230M;
  static_assert(CheckConfig(small).ok() && CheckConfig(kLfm2_5_2_6B).ok());
  CHECK((small.layers == 14 && small.attention_layers() == 6 && small.hidden_size == 1024 && small.heads == 16));
  CHECK((small.dense_ff_size == 2560 && small.vocab_size == 65536 && small.rope_theta == 1e6f));
  for (uint32_t l = 0; l < small.layers; ++l) {
    CHECK((small.layer_kind[l] == LayerKind::kAttention) == (l % 2 == 0 && l > 0));
  }
  CHECK((CountWeights(small).all > 229000000 && CountWeights(small).all < 231000000));
  CHECK(CountWeights(kLfm2_5_350M).all == 354483968);
  CHECK(CountWeights(kLfm2_5_1_2B).all == 1170340608);
  CHECK((kLfm2_5_2_6B.rope_theta == 1e7f && kLfm2_5_2_6B.layers == 30));
}

TEST_CASE(
    "LFM2.5-8B-A1B is LFM2-8B-A1B with a larger vocabulary and context; LFM2-24B-A2B is deeper and has more experts") {
  constexpr ModelConfig c = kLfm2_5_8B_A1B;
  static_assert(CheckConfig(c).ok());
  CHECK((c.vocab_size == 128000 && c.context_length == 131072 && c.rope_theta == 5e6f));
  CHECK(CountWeights(c).all - CountWeights(kLfm2_8B_A1B).all == uint64_t{128000 - 65536} * 2048);
  constexpr ModelConfig large = kLfm2_24B_A2B;
  static_assert(CheckConfig(large).ok());
  CHECK((large.layers == 40 && large.attention_layers() == 10 && large.experts == 64 && large.expert_ff_size == 1536));
  constexpr Weights w = CountWeights(large);
  CHECK((w.all > 23835000000 && w.all < 23845000000));  // llama.cpp counts 23.84 B
  CHECK((w.per_token > 2200000000 && w.per_token < 2400000000));
}

}  // namespace lfm2::test
