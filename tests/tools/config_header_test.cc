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
alignas(kAlignment) std::byte g_arena[ArenaBytes(kHomeHf, Options())];

TEST_CASE("the header states the model's shape, and an arena made by it holds a session") {
  const ModelConfig& c = Home().config();
  CHECK(kHomeHf.hidden_size == c.hidden_size);
  CHECK(kHomeHf.layers == c.layers);
  CHECK(kHomeHf.heads == c.heads);
  CHECK(kHomeHf.kv_heads == c.kv_heads);
  CHECK(kHomeHf.head_dim == c.head_dim);
  CHECK(kHomeHf.dense_layers == c.dense_layers);
  CHECK(kHomeHf.dense_ff_size == c.dense_ff_size);
  CHECK(kHomeHf.experts == c.experts);
  CHECK(kHomeHf.experts_per_token == c.experts_per_token);
  CHECK(kHomeHf.expert_ff_size == c.expert_ff_size);
  CHECK(kHomeHf.vocab_size == c.vocab_size);
  CHECK(kHomeHf.context_length == c.context_length);
  CHECK(kHomeHf.conv_kernel == c.conv_kernel);
  CHECK(kHomeHf.tied_embedding == c.tied_embedding);
  CHECK(kHomeHf.norm_eps == c.norm_eps);
  CHECK(kHomeHf.rope_theta == c.rope_theta);
  CHECK(kHomeHf.routed_scaling_factor == c.routed_scaling_factor);
  for (uint32_t l = 0; l < kMaxLayers; ++l) CHECK(kHomeHf.layer_kind[l] == c.layer_kind[l]);
  const StreamShape shape = StreamShapeOf(Home().image(), true);
  CHECK(kHomeHfShape.front_bytes == shape.front_bytes);
  for (uint32_t m = 0; m < kMaxLayers; ++m) CHECK(kHomeHfShape.record_bytes[m] == shape.record_bytes[m]);
  Session session;
  LFM2_REQUIRE_OK(session.Open(Home().image(), Options(), g_arena));
}

}  // namespace
}  // namespace lfm2::test
#endif  // LFM2_HAVE_HOME_CONFIG
