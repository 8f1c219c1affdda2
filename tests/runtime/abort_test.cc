// Work that is given up, by Abort between two steps or by the poll of a blocking call: the session is as it was before,
// so that a user who has pressed a key loses nothing.
#include <doctest/doctest.h>

#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

std::vector<float> Hidden(const Session& session) { return {session.hidden().begin(), session.hidden().end()}; }
std::vector<int32_t> Tokens(const Session& session) { return {session.tokens().begin(), session.tokens().end()}; }

// Says stop to question number `asked_at`, from 0.
struct StopAt {
  explicit StopAt(uint32_t at) : asked_at(at) {
    poll.context = this;
    poll.go_on = [](void* context) {
      StopAt& self = *static_cast<StopAt*>(context);
      return self.asked++ != self.asked_at;
    };
  }
  Poll poll;
  uint32_t asked_at;
  uint32_t asked = 0;
};

// The logits after `before`, then after `part`.
struct Expected {
  Expected(const Image& image, const SessionOptions& options, Span<const int32_t> before, Span<const int32_t> part) {
    OpenSession open(image, options);
    LFM2_REQUIRE_OK(open.session->Prefill(before));
    first = Logits(*open.session);
    first_hidden = Hidden(*open.session);
    LFM2_REQUIRE_OK(open.session->Prefill(part));
    second = Logits(*open.session);
  }
  std::vector<float> first, first_hidden, second;
};

SessionOptions Options() { return OptionsWithChunk(5); }

}  // namespace

TEST_CASE(
    "Abort after any number of steps leaves the sequence as it was, and the logits unless computing new ones has "
    "started") {
  const std::string moe = std::string(LFM2_TEST_DATA) + "/gguf/moe-256-Q4_K_M.gguf";
  const TestModel other(moe);
  for (const TestModel* model : {&Home(), &other}) {
    const std::vector<int32_t> ids = TestPrompt(30);
    for (const size_t count : {size_t{1}, size_t{12}}) {
      CAPTURE(count);
      const Span<const int32_t> before{ids.data(), 18}, part{ids.data() + 18, count};
      const Expected expected(model->image(), Options(), before, part);
      OpenSession open(model->image(), Options());
      Session& session = *open.session;
      LFM2_REQUIRE_OK(session.Prefill(before));
      uint32_t kept = 0, all = 1;
      for (uint32_t steps = 0; steps < all; ++steps) {
        CAPTURE(steps);
        if (session.logits().empty()) {  // prefilled again, so that there are logits to keep
          session.Reset();
          LFM2_REQUIRE_OK(session.Prefill(before));
        }
        LFM2_REQUIRE_OK(session.Begin(part));
        all = steps + session.steps_left();
        all -= steps;
        for (uint32_t i = 0; i < steps; ++i) LFM2_REQUIRE_OK(session.Step());
        const uint32_t left = session.steps_left();
        CHECK(left == all - steps);
        CHECK(session.token_room().empty());
        CHECK(session.text_scratch().empty());
        CHECK(session.logits().empty());
        CHECK(session.hidden().empty());
        session.Abort();
        CHECK(session.steps_left() == 0);
        CHECK(session.position() == 18);
        CHECK(Tokens(session) == std::vector<int32_t>(before.begin(), before.end()));
        CHECK(session.token_room().size() == session.options().context_length - 18);
        CHECK(!session.text_scratch().empty());
        if (!session.logits().empty()) {
          ++kept;
          CHECK(Logits(session) == expected.first);
          CHECK(Hidden(session) == expected.first_hidden);
        }
        LFM2_REQUIRE_OK(session.Prefill(part));
        CHECK(Logits(session) == expected.second);
        session.Reset();
        LFM2_REQUIRE_OK(session.Prefill(before));
      }
      // All steps but those that compute logits.
      const uint32_t chunks = (static_cast<uint32_t>(count) + 4) / 5;
      CHECK(kept == chunks * 2 * model->config().layers + 1);
      session.Abort();
      CHECK(Logits(session) == expected.first);
    }
  }
}

TEST_CASE("a poll that says stop at any question cancels every blocking call, and nothing of it is remembered") {
  const std::vector<int32_t> ids = TestPrompt(30);
  const Span<const int32_t> before{ids.data(), 11}, part{ids.data() + 11, 12};
  const Expected expected(Home().image(), Options(), before, part);
  uint32_t calls = 0;
  const auto sink = [&](uint32_t, Span<const float>) { ++calls; };
  for (const int kind : {0, 1, 2, 3}) {
    CAPTURE(kind);
    OpenSession open(Home().image(), Options());
    Session& session = *open.session;
    const auto run = [&] {
      if (kind == 0) return session.Prefill(part);
      if (kind == 1) return session.PrefillLogits(part, sink);
      if (kind == 2) return session.PrefillHidden(part, sink);
      LFM2_REQUIRE_OK(session.Begin(part));
      return session.Finish();
    };
    for (uint32_t at = 0;; ++at) {
      CAPTURE(at);
      session.Reset();
      LFM2_REQUIRE_OK(session.Prefill(before));
      StopAt stop(at);
      session.SetPoll(&stop.poll);
      calls = 0;
      const Status status = run();
      session.SetPoll(nullptr);
      if (stop.asked <= at) {  // it went through
        LFM2_REQUIRE_OK(status);
        // At least once for each operator and feed forward of the three chunks.
        CHECK(at >= 3 * 2 * Home().config().layers);
        CHECK(session.position() == 23);
        CHECK(calls == (kind == 1 || kind == 2 ? 12 : 0));
        break;
      }
      CHECK(status.code() == StatusCode::kCancelled);
      CHECK(stop.asked == at + 1);
      // The sink has seen the rows of the chunks that were computed; cancelled at the very end, that is all of them.
      CHECK(calls <= 12);
      CHECK(session.steps_left() == 0);
      CHECK(session.position() == 11);
      if (!session.logits().empty()) CHECK(Logits(session) == expected.first);
      LFM2_REQUIRE_OK(session.Prefill(part));
      CHECK(Logits(session) == expected.second);
    }
  }
}

TEST_CASE("a poll without a function, or one that always says yes, changes nothing") {
  const std::vector<int32_t> ids = TestPrompt(20);
  const Expected expected(Home().image(), Options(), {ids.data(), 8}, {ids.data() + 8, 12});
  for (const bool has_function : {false, true}) {
    Poll poll;
    if (has_function) poll.go_on = [](void*) { return true; };
    OpenSession open(Home().image(), Options());
    open.session->SetPoll(&poll);
    LFM2_REQUIRE_OK(open.session->Prefill({ids.data(), 20}));
    CHECK(Logits(*open.session) == expected.second);
  }
}

TEST_CASE("experts that are read: a cancelled prompt gives the same logits when it is asked for again") {
  const std::vector<int32_t> ids = TestPrompt(24);
  const Span<const int32_t> before{ids.data(), 9}, part{ids.data() + 9, 15};
  SessionOptions options = OptionsWithChunk(5);
  options.arena_bytes = ArenaFor(Home().image(), options, 6);
  const Expected expected(Home().image(), OptionsWithChunk(5), before, part);
  StreamedSession open(Home().image(), DriveOptions(4, 2 * kBlock), options);
  Session& session = *open.session;
  LFM2_REQUIRE_OK(session.Prefill(before));
  for (uint32_t at = 0; at < 40; at += 3) {
    CAPTURE(at);
    StopAt stop(at);
    session.SetPoll(&stop.poll);
    const Status status = session.Prefill(part);
    session.SetPoll(nullptr);
    if (status.ok()) {
      CHECK(at >= 3 * 2 * Home().config().layers);
      break;
    }
    CHECK(status.code() == StatusCode::kCancelled);
    CHECK(session.position() == 9);
  }
  if (session.position() == 9) LFM2_REQUIRE_OK(session.Prefill(part));
  CHECK(Logits(session) == expected.second);
  CHECK(open.streamed.IsClean());
}

}  // namespace lfm2::test
