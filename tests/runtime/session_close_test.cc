// A session that is closed answers questions, and can be opened again: for another model, other options, other memory.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

void CheckIsClosed(Session& session) {
  const int32_t one = 1;
  std::byte memory[4096];
  const auto sink = [](uint32_t, Span<const float>) {};
  CHECK(!session.is_open());
  CHECK(session.logits().empty());
  CHECK(session.mutable_logits().empty());
  CHECK(session.hidden().empty());
  CHECK(session.tokens().empty());
  CHECK(session.token_room().empty());
  CHECK(session.text_scratch().empty());
  CHECK(session.position() == 0);
  CHECK(session.steps_left() == 0);
  CHECK(!session.is_streamed());
  CHECK(session.statistics().misses == 0);
  CHECK(session.layer_statistics(0).misses == 0);
  CHECK(session.layer_statistics(UINT32_MAX).misses == 0);
  CHECK(std::strcmp(session.kernels_name(), "") == 0);
  session.Abort();
  session.Reset();
  CHECK(session.Finish().ok());
  CHECK(session.Step().code() == StatusCode::kFailedPrecondition);
  CHECK(session.Prefill({&one, 1}).code() == StatusCode::kFailedPrecondition);
  CHECK(session.PrefillLogits({&one, 1}, sink).code() == StatusCode::kFailedPrecondition);
  CHECK(session.PrefillHidden({&one, 1}, sink).code() == StatusCode::kFailedPrecondition);
  CHECK(session.Mark(memory).code() == StatusCode::kFailedPrecondition);
  CHECK(session.Rewind(memory).code() == StatusCode::kFailedPrecondition);
}

}  // namespace

TEST_CASE("every question may be put to a session that is not open, before and after it was") {
  Session session;
  CheckIsClosed(session);
  session.Close();
  CheckIsClosed(session);
  const SessionOptions options = OptionsWithChunk(7);
  TestArena arena(MakePlan(Home().config(), options).total_bytes);
  LFM2_REQUIRE_OK(session.Open(Home().image(), options, arena.span()));
  CHECK(std::strcmp(session.kernels_name(), "") != 0);
  CHECK(session.layer_statistics(UINT32_MAX).misses == 0);
  const std::vector<int32_t> ids = TestPrompt(20);
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  LFM2_REQUIRE_OK(session.Begin({ids.data(), 3}));
  LFM2_REQUIRE_OK(session.Step());
  session.Close();
  CheckIsClosed(session);
  session.Close();
  CheckIsClosed(session);
}

TEST_CASE("closed and opened again, with other options or another model, a session is as new") {
  const TestModel other(std::string(LFM2_TEST_DATA) + "/gguf/dense-256-Q4_0.gguf");
  const std::vector<int32_t> ids = TestPrompt(30);
  const auto want = [&](const TestModel& model, const SessionOptions& options) {
    OpenSession open(model.image(), options);
    LFM2_REQUIRE_OK(open.session->Prefill({ids.data(), ids.size()}));
    return Logits(*open.session);
  };
  SessionOptions small = OptionsWithChunk(4), wide = OptionsWithChunk(64);
  wide.kv_cache = KvCacheType::kInt8;
  wide.context_length = 100;
  TestArena arena(std::max(MakePlan(Home().config(), OptionsWithChunk(64)).total_bytes,
                           MakePlan(other.config(), OptionsWithChunk(64)).total_bytes));
  Session session;
  for (int round = 0; round < 2; ++round) {
    for (const TestModel* model : {&Home(), &other}) {
      for (const SessionOptions& options : {small, wide}) {
        LFM2_REQUIRE_OK(session.Open(model->image(), options, arena.span()));
        CHECK(session.Open(model->image(), options, arena.span()).code() == StatusCode::kFailedPrecondition);
        CHECK(session.options().context_length == options.context_length);
        CHECK(session.position() == 0);
        CHECK(session.logits().empty());
        LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
        CHECK(Logits(session) == want(*model, options));
        session.Close();
      }
    }
  }
  CHECK(arena.RimIsIntact());
}

TEST_CASE("an observer and a poll of a session that was closed are not called by the next one") {
  static int calls;
  calls = 0;
  Observer observer;
  observer.hidden = [](void*, uint32_t, uint32_t, uint32_t, const float*) { ++calls; };
  Poll poll;
  poll.go_on = [](void*) { return ++calls < 0; };
  const SessionOptions options = OptionsWithChunk(7);
  TestArena arena(MakePlan(Home().config(), options).total_bytes);
  Session session;
  LFM2_REQUIRE_OK(session.Open(Home().image(), options, arena.span()));
  session.SetObserver(&observer);
  session.SetPoll(&poll);
  CHECK(session.Decode(1).code() == StatusCode::kCancelled);
  CHECK(calls > 0);
  session.Close();
  LFM2_REQUIRE_OK(session.Open(Home().image(), options, arena.span()));
  calls = 0;
  LFM2_REQUIRE_OK(session.Decode(1));
  CHECK(calls == 0);
}

TEST_CASE("a streamed session that was closed can be opened again, resident or streamed") {
  const std::vector<int32_t> ids = TestPrompt(30);
  SessionOptions options = OptionsWithChunk(8);
  options.arena_bytes = ArenaFor(Home().image(), options, 5);
  StreamedSession open(Home().image(), DriveOptions(4, 2 * kBlock), options);
  Session& session = *open.session;
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  const std::vector<float> want = Logits(session);
  CHECK(session.is_streamed());
  CHECK(session.statistics().misses > 0);
  session.Close();
  CHECK(!session.is_streamed());
  LFM2_REQUIRE_OK(session.Open(open.streamed.image, options, open.streamed.rest));
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  CHECK(Logits(session) == want);
  session.Close();
  TestArena arena(MakePlan(Home().config(), OptionsWithChunk(8)).total_bytes);
  LFM2_REQUIRE_OK(session.Open(Home().image(), OptionsWithChunk(8), arena.span()));
  CHECK(!session.is_streamed());
  CHECK(session.statistics().misses == 0);
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  CHECK(Logits(session) == want);
}

}  // namespace lfm2::test
