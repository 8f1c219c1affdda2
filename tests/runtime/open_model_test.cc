// A model opened in one call is what two calls would have opened, and a call that fails leaves nothing half open.
#include <doctest/doctest.h>

#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

const Storage& InMemory() { return Home().image().storage(); }

std::vector<float> LogitsOf(Session& session, const std::vector<int32_t>& ids) {
  session.Reset();
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  return Logits(session);
}

}  // namespace

TEST_CASE("in memory and on a drive, one call opens what two open: the same plan and the same logits") {
  const std::vector<int32_t> ids = TestPrompt(30);
  const SessionOptions options = OptionsWithChunk(8);
  OpenSession two_calls(Home().image(), options);
  const std::vector<float> want = LogitsOf(*two_calls.session, ids);

  TestArena arena(MakePlan(Home().config(), options).total_bytes);
  Image image;
  Session session;
  LFM2_REQUIRE_OK(OpenModel(InMemory(), options, arena.span(), &image, &session));
  CHECK(!image.is_streamed());
  CHECK(LogitsOf(session, ids) == want);
  CHECK(arena.RimIsIntact());
  session.Close();
  image.Close();

  // The same by the overload for memory.
  const Span<const std::byte> bytes = BytesOf(Home().image());
  const MemoryStorage memory(bytes);
  LFM2_REQUIRE_OK(OpenModel(memory, options, arena.span(), &image, &session));
  CHECK(LogitsOf(session, ids) == want);
  session.Close();
  image.Close();

  for (const uint32_t slots : {3u, 12u}) {
    CAPTURE(slots);
    SessionOptions streamed = options;
    streamed.arena_bytes = ArenaFor(Home().image(), options, slots);
    StreamedSession apart(Home().image(), DriveOptions(4, 4 * kBlock), streamed);
    CHECK(LogitsOf(*apart.session, ids) == want);
    const SimulatedDevice drive(bytes, DriveOptions(4, 4 * kBlock));
    BlockArena block_arena(streamed.arena_bytes);
    // All of the arena becomes slots, whether the options say so or not.
    for (const bool says_size : {true, false}) {
      LFM2_REQUIRE_OK(OpenModel(drive, says_size ? streamed : options, block_arena.span(), &image, &session));
      CHECK(image.is_streamed());
      CHECK(session.is_streamed());
      CHECK(session.options().arena_bytes == streamed.arena_bytes);
      CHECK(LogitsOf(session, ids) == want);
      CHECK(session.statistics().misses == apart.session->statistics().misses);
      session.Close();
      image.Close();
    }
    CHECK(block_arena.RimIsIntact());
  }
}

TEST_CASE("an error of OpenModel leaves image and session closed; they open when the cause is gone") {
  const SessionOptions options = OptionsWithChunk(8);
  const uint64_t needed = MakePlan(Home().config(), options).total_bytes;
  TestArena arena(needed);
  Image image;
  Session session;
  const auto closed = [&] {
    CHECK(!image.is_open());
    CHECK(!session.is_open());
  };
  SUBCASE("in memory") {
    CHECK(OpenModel(InMemory(), options, arena.span().subspan(0, static_cast<size_t>(needed) - 1), &image, &session)
              .code() == StatusCode::kArenaTooSmall);
    closed();
    SessionOptions bad = options;
    bad.context_length = UINT32_MAX;
    CHECK(OpenModel(InMemory(), bad, arena.span(), &image, &session).code() == StatusCode::kInvalidArgument);
    closed();
    Executor executor;
    executor.workers = 0;
    CHECK(OpenModel(InMemory(), options, arena.span(), &image, &session, &executor).code() ==
          StatusCode::kInvalidArgument);
    closed();
    const MemoryStorage cut(BytesOf(Home().image()).subspan(0, 4096));
    CHECK(!OpenModel(static_cast<const Storage&>(cut), options, arena.span(), &image, &session).ok());
    closed();
    CHECK(!OpenModel(cut, options, arena.span(), &image, &session).ok());
    closed();
    LFM2_REQUIRE_OK(OpenModel(InMemory(), options, arena.span(), &image, &session));
    LFM2_REQUIRE_OK(session.Decode(1));
  }
  SUBCASE("on a drive") {
    SimulatedDevice drive(BytesOf(Home().image()), DriveOptions(4, 4 * kBlock));
    const uint64_t least = StreamedPlan(Home().image(), options).least_bytes;
    BlockArena block_arena(least + kBlock);
    const auto open = [&](uint64_t bytes) {
      return OpenModel(drive, options, block_arena.span().subspan(0, static_cast<size_t>(bytes)), &image, &session);
    };
    CHECK(open(0).code() == StatusCode::kArenaTooSmall);
    closed();
    CHECK(open(Home().image().front_bytes() - 1).code() == StatusCode::kArenaTooSmall);
    closed();
    CHECK(open(least - 1).code() == StatusCode::kArenaTooSmall);
    closed();
    CHECK(OpenModel(drive, options, block_arena.span().subspan(64, static_cast<size_t>(least)), &image, &session)
              .code() == StatusCode::kInvalidArgument);
    closed();
    drive.Vanish();
    CHECK(open(least).code() == StatusCode::kIo);
    closed();
    drive.Return();
    drive.FailAt(Home().image().front_bytes() / 2, Fault::kBadBits);
    CHECK(open(least).code() == StatusCode::kCorrupt);
    closed();
    LFM2_REQUIRE_OK(open(least));
    const std::vector<int32_t> ids = TestPrompt(20);
    OpenSession resident(Home().image(), options);
    CHECK(LogitsOf(session, ids) == LogitsOf(*resident.session, ids));
    CHECK(block_arena.RimIsIntact());
  }
}

TEST_CASE("OpenModel with a session that is at work is refused before its arena is written to") {
  SessionOptions options = OptionsWithChunk(8);
  options.arena_bytes = ArenaFor(Home().image(), options, 6);
  const SimulatedDevice drive(BytesOf(Home().image()), DriveOptions(4, 4 * kBlock));
  BlockArena arena(options.arena_bytes);
  Image image, second;
  Session session;
  LFM2_REQUIRE_OK(OpenModel(drive, options, arena.span(), &image, &session));
  const std::vector<int32_t> ids = TestPrompt(20);
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), 10}));
  const std::vector<std::byte> before(arena.span().begin(), arena.span().end());
  CHECK(OpenModel(drive, options, arena.span(), &second, &session).code() == StatusCode::kFailedPrecondition);
  CHECK(OpenModel(drive, options, arena.span(), &image, &session).code() == StatusCode::kFailedPrecondition);
  CHECK(session.is_open());
  CHECK(image.is_open());
  CHECK(!second.is_open());
  CHECK(std::equal(before.begin(), before.end(), arena.span().begin()));
  OpenSession resident(Home().image(), OptionsWithChunk(8));
  LFM2_REQUIRE_OK(session.Prefill({ids.data() + 10, 10}));
  CHECK(Logits(session) == LogitsOf(*resident.session, ids));
}

}  // namespace lfm2::test
