// The header that lfm2-inspect --header makes: firmware sizes its arena by it, and one that says too little is found
// when the board is in the field.
#if defined(LFM2_HAVE_HOME_CONFIG)
#include "home_config.h"

#include <doctest/doctest.h>

#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

// At compile time, as firmware does.
constexpr SessionOptions Options() {
  SessionOptions options;
  options.context_length = 256;
  return options;
}
alignas(kAlignment) std::byte g_arena[ArenaBytes(kHome, Options())];

TEST_CASE("the header states the model's shape, and an arena made by it holds a session") {
  const ModelConfig& c = Home().config();
  CHECK(kHome.hidden_size == c.hidden_size);
  CHECK(kHome.layers == c.layers);
  CHECK(kHome.heads == c.heads);
  CHECK(kHome.kv_heads == c.kv_heads);
  CHECK(kHome.head_dim == c.head_dim);
  CHECK(kHome.dense_layers == c.dense_layers);
  CHECK(kHome.dense_ff_size == c.dense_ff_size);
  CHECK(kHome.experts == c.experts);
  CHECK(kHome.experts_per_token == c.experts_per_token);
  CHECK(kHome.expert_ff_size == c.expert_ff_size);
  CHECK(kHome.vocab_size == c.vocab_size);
  CHECK(kHome.context_length == c.context_length);
  CHECK(kHome.conv_kernel == c.conv_kernel);
  CHECK(kHome.tied_embedding == c.tied_embedding);
  CHECK(kHome.norm_eps == c.norm_eps);
  CHECK(kHome.rope_theta == c.rope_theta);
  CHECK(kHome.routed_scaling_factor == c.routed_scaling_factor);
  for (uint32_t l = 0; l < kMaxLayers; ++l) CHECK(kHome.layer_kind[l] == c.layer_kind[l]);
  const StreamShape shape = StreamShapeOf(Home().image(), true);
  CHECK(kHomeShape.front_bytes == shape.front_bytes);
  for (uint32_t m = 0; m < kMaxLayers; ++m) CHECK(kHomeShape.record_bytes[m] == shape.record_bytes[m]);
  Session session;
  LFM2_REQUIRE_OK(session.Open(Home().image(), Options(), g_arena));
}

}  // namespace
}  // namespace lfm2::test
#endif  // LFM2_HAVE_HOME_CONFIG
