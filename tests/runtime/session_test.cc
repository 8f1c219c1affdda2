// A session as its user meets it: the same results however the work is cut, and a Status for every misuse.
#include <doctest/doctest.h>

#include <cstring>

#include "lfm2/posix/thread_pool.h"
#include "tests/runtime/golden_models.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

const std::vector<int32_t>& Prompt() {
  static const std::vector<int32_t> ids =
      ReadJsonFile(std::string(LFM2_TEST_DATA) + "/golden/home-Q4_0.json")["long_prompt"];
  return ids;
}

SessionOptions SmallOptions() {
  SessionOptions options;
  options.context_length = 512;
  return options;
}

// Runs tasks in reverse order: code that depends on their order fails.
Executor Backwards() {
  Executor executor;
  executor.workers = 3;
  executor.run = [](void*, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    while (tasks > 0) task(argument, --tasks);
  };
  return executor;
}

TEST_CASE("logits are the same bit for bit for every chunk size, thread count and order of tasks") {
  const char* const files[] = {"/home/Q4_0.gguf", "/gguf/moe-odd-Q4_0.gguf", "/gguf/dense-256-BF16.gguf"};
  for (const char* file : files) {
    CAPTURE(file);
    const TestModel model(LFM2_TEST_DATA + std::string(file));
    // Enough positions to cross an attention block (64), few enough for sanitizers.
    const std::vector<int32_t> ids(Prompt().begin(), Prompt().begin() + 150);
    SessionOptions options = SmallOptions();
    options.prefill_chunk = 150;
    OpenSession whole(model.image(), options);
    const auto want = AllLogits(*whole.session, ids);
    CHECK(whole.arena.RimIsIntact());
    for (const uint32_t chunk : {1u, 7u, 32u}) {
      CAPTURE(chunk);
      options.prefill_chunk = chunk;
      OpenSession open(model.image(), options);
      CHECK(AllLogits(*open.session, ids) == want);
    }
    options.prefill_chunk = 32;
    options.logits_rows = 5;
    for (const uint32_t threads : {1u, 2u, 3u}) {
      CAPTURE(threads);
      posix::ThreadPool pool;
      LFM2_REQUIRE_OK(pool.Open(threads));
      OpenSession open(model.image(), options, pool.executor());
      CHECK(AllLogits(*open.session, ids) == want);
      CHECK(open.arena.RimIsIntact());
    }
    const Executor backwards = Backwards();
    OpenSession open(model.image(), options, &backwards);
    CHECK(AllLogits(*open.session, ids) == want);
  }
}

TEST_CASE("with keys and values of int8 too, logits depend on neither chunk size nor threads") {
  const std::vector<int32_t> ids(Prompt().begin(), Prompt().begin() + 150);
  SessionOptions options = SmallOptions();
  options.kv_cache = KvCacheType::kInt8;
  options.prefill_chunk = 150;
  OpenSession whole(Home().image(), options);
  const auto want = AllLogits(*whole.session, ids);
  CHECK(whole.arena.RimIsIntact());
  options.prefill_chunk = 7;
  posix::ThreadPool pool;
  LFM2_REQUIRE_OK(pool.Open(2));
  OpenSession open(Home().image(), options, pool.executor());
  CHECK(AllLogits(*open.session, ids) == want);
  options.kv_cache = KvCacheType::kF16;
  OpenSession half(Home().image(), options);
  CHECK(AllLogits(*half.session, ids) != want);
}

TEST_CASE("prefill, token by token and after a reset: all arrive at the same logits") {
  OpenSession open(Home().image(), SmallOptions());
  Session& session = *open.session;
  CHECK(session.position() == 0);
  CHECK(session.logits().empty());
  const std::vector<int32_t> ids(Prompt().begin(), Prompt().begin() + 40);
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  CHECK(session.position() == ids.size());
  CHECK(std::vector<int32_t>(session.tokens().begin(), session.tokens().end()) == ids);
  const std::vector<float> want(session.logits().begin(), session.logits().end());
  CHECK(want.size() == Home().config().vocab_size);
  session.Reset();
  CHECK(session.position() == 0);
  for (const int32_t id : ids) LFM2_REQUIRE_OK(session.Decode(id));
  CHECK(std::vector<float>(session.logits().begin(), session.logits().end()) == want);
}

TEST_CASE("misuse is a Status, and leaves the session as it was") {
  const Image& image = Home().image();
  const SessionOptions options = SmallOptions();
  const uint64_t needed = MakePlan(image.config(), options).total_bytes;
  TestArena arena(needed + kAlignment);
  Session session;
  const int32_t one = 1;

  SUBCASE("use before open") {
    CHECK(session.Decode(one).code() == StatusCode::kFailedPrecondition);
    CHECK(session.Prefill({&one, 1}).code() == StatusCode::kFailedPrecondition);
  }
  SUBCASE("an image that is not open") {
    CHECK(session.Open(Image(), options, arena.span()).code() == StatusCode::kFailedPrecondition);
  }
  SUBCASE("an arena one byte too small says how much is needed") {
    const Status status = session.Open(image, options, arena.span().subspan(0, static_cast<size_t>(needed) - 1));
    CHECK(status.code() == StatusCode::kArenaTooSmall);
    CHECK(status.value() == needed - 1);
    CHECK(status.limit() == needed);
    CHECK(Text(status).find(std::to_string(needed)) != std::string::npos);
    CHECK(!session.is_open());
  }
  SUBCASE("an arena of just the planned size suffices, and is not overrun") {
    TestArena exact(needed);
    LFM2_REQUIRE_OK(session.Open(image, options, exact.span()));
    LFM2_REQUIRE_OK(session.Prefill({Prompt().data(), Prompt().size()}));
    CHECK(exact.RimIsIntact());
  }
  SUBCASE("a misaligned arena") {
    const Status status = session.Open(image, options, arena.span().subspan(8, static_cast<size_t>(needed)));
    CHECK(status.code() == StatusCode::kInvalidArgument);
  }
  SUBCASE("an empty arena") { CHECK(session.Open(image, options, {}).code() == StatusCode::kArenaTooSmall); }
  SUBCASE("a context longer than the model's") {
    SessionOptions long_options = options;
    long_options.context_length = image.config().context_length + 1;
    const Status status = session.Open(image, long_options, arena.span());
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.limit() == image.config().context_length);
  }
  SUBCASE("an arena that overlaps the image in memory") {
    const Span<const std::byte> weights = image.memory();
    // Refused before anything is written, so that the image's own memory may be offered.
    const Span<std::byte> inside(const_cast<std::byte*>(weights.data()), weights.size());
    const Status status = session.Open(image, options, inside);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(std::string(status.where()) == "arena");
    CHECK(!session.is_open());
  }
  SUBCASE("an executor without a function, or without workers") {
    Executor executor;
    CHECK(session.Open(image, options, arena.span(), &executor).code() == StatusCode::kInvalidArgument);
    executor.run = [](void*, uint32_t, void (*)(void*, uint32_t), void*) {};
    for (const uint32_t workers : {0u, Executor::kMaxWorkers + 1, 1u << 30}) {
      executor.workers = workers;
      const Status status = session.Open(image, options, arena.span(), &executor);
      CHECK(status.code() == StatusCode::kInvalidArgument);
      CHECK(status.value() == workers);
      CHECK(!session.is_open());
    }
    CHECK(arena.RimIsIntact());
  }
  SUBCASE("open twice") {
    LFM2_REQUIRE_OK(session.Open(image, options, arena.span()));
    CHECK(session.Open(image, options, arena.span()).code() == StatusCode::kFailedPrecondition);
    CHECK(session.is_open());
  }
  SUBCASE("wrong tokens") {
    LFM2_REQUIRE_OK(session.Open(image, options, arena.span()));
    LFM2_REQUIRE_OK(session.Decode(one));
    const std::vector<float> before(session.logits().begin(), session.logits().end());
    const int32_t vocab_size = static_cast<int32_t>(image.config().vocab_size);
    for (const int32_t wrong : {-1, vocab_size, INT32_MIN, INT32_MAX}) {
      const int32_t ids[] = {one, wrong};
      const Status status = session.Prefill(ids);
      CHECK(status.code() == StatusCode::kInvalidArgument);
      CHECK(status.index() == 1);
    }
    CHECK(session.Prefill({}).code() == StatusCode::kInvalidArgument);
    CHECK(session.position() == 1);
    CHECK(std::vector<float>(session.logits().begin(), session.logits().end()) == before);
  }
  SUBCASE("a full context") {
    LFM2_REQUIRE_OK(session.Open(image, options, arena.span()));
    const std::vector<int32_t> ids(512, one);
    LFM2_REQUIRE_OK(session.Prefill({ids.data(), 511}));
    const Status two = session.Prefill({ids.data(), 2});
    CHECK(two.code() == StatusCode::kContextFull);
    CHECK(two.value() == 513);
    CHECK(two.limit() == 512);
    LFM2_REQUIRE_OK(session.Decode(one));
    CHECK(session.Decode(one).code() == StatusCode::kContextFull);
    CHECK(session.Prefill({ids.data(), SIZE_MAX / 8}).code() == StatusCode::kContextFull);
    CHECK(session.position() == 512);
  }
}

}  // namespace
}  // namespace lfm2::test
