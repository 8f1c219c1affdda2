// The state of a sequence: where it is in memory, and what a reset forgets.
#include "lfm2/model/state.h"

#include <doctest/doctest.h>

#include <vector>

namespace lfm2::test {

TEST_CASE("a reset forgets the convolutions' past and leaves the cache, whose old values nothing reads") {
  ModelConfig c;
  c.hidden_size = 96;
  c.layers = 5;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 32;
  c.conv_kernel = 4;
  c.layer_kind[1] = c.layer_kind[4] = LayerKind::kAttention;
  SessionOptions options;
  options.context_length = 100;
  Arena counting = Arena::Counting();
  State counted;
  counted.CarveKv(c, options, counting);
  counted.CarveConv(c, counting);
  std::vector<std::byte> memory(static_cast<size_t>(counting.used()) + kAlignment);
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory.data());
  Arena arena({memory.data() + (RoundUp<uintptr_t>(address, kAlignment) - address), memory.size() - kAlignment});
  State state;
  state.CarveKv(c, options, arena);
  state.CarveConv(c, arena);
  const KvCache last = state.kv(1);
  // 100 positions are two blocks of 64, so that attention may load whole blocks.
  CHECK((last.capacity == 128 && last.head_dim == 32 && last.type == KvCacheType::kF16));
  static_cast<uint16_t*>(last.values)[64 * 128 - 1] = 77;
  for (uint32_t layer = 0; layer < 3; ++layer) {
    for (uint32_t i = 0; i < 3 * 96; ++i) state.conv(layer)[i] = 1.0f;
  }
  state.Reset();
  bool zero = true;
  for (uint32_t layer = 0; layer < 3; ++layer) {
    for (uint32_t i = 0; i < 3 * 96; ++i) zero = zero && state.conv(layer)[i] == 0.0f;
  }
  CHECK(zero);
  CHECK(static_cast<uint16_t*>(last.values)[64 * 128 - 1] == 77);
}

}  // namespace lfm2::test
