// A context of several parts on 1 to 16 threads, whatever the number of cores: with more threads than key/value heads
// the parts are computed at the same time. If this fails, a long chat hangs, or gives other answers on other machines.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lfm2/posix/thread_pool.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

// The chunks end at different places of the second part and begin its successor; then tokens one by one.
constexpr uint32_t kDeepPrompt = 1021, kDeepAnswer = 12, kDeepChunk = 96;

// The logits after the prompt and after each token of the answer.
std::vector<float> DeepAnswer(Session& session) {
  std::vector<int32_t> prompt(kDeepPrompt);
  for (uint32_t i = 0; i < kDeepPrompt; ++i) prompt[i] = static_cast<int32_t>(20 + 37 * i % 1000);
  LFM2_REQUIRE_OK(session.Prefill({prompt.data(), prompt.size()}));
  std::vector<float> all;
  for (uint32_t i = 0;; ++i) {
    all.insert(all.end(), session.logits().begin(), session.logits().end());
    if (i == kDeepAnswer) return all;
    LFM2_REQUIRE_OK(session.Decode(static_cast<int32_t>(100 + i)));
  }
}

}  // namespace

TEST_CASE("a thousand positions on 1 to 16 threads: the same bits as on none") {
  const Image& image = Home().image();
  SessionOptions options;
  options.context_length = 1152;
  options.prefill_chunk = kDeepChunk;
  REQUIRE(AttentionParts(kDeepPrompt + kDeepAnswer) > 2);
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kInt8}) {
    options.kv_cache = type;
    OpenSession alone(image, options);
    const std::vector<float> want = DeepAnswer(*alone.session);
    CHECK(alone.arena.RimIsIntact());
    CHECK(want.size() == size_t{kDeepAnswer + 1} * image.config().vocab_size);
    for (uint32_t threads = 1; threads <= 16; ++threads) {
      CAPTURE(threads);
      posix::ThreadPool pool;
      LFM2_REQUIRE_OK(pool.Open(threads));
      OpenSession open(image, options, pool.executor());
      CHECK(DeepAnswer(*open.session) == want);
      CHECK(open.arena.RimIsIntact());
    }
  }
}

}  // namespace lfm2::test
