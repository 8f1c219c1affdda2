// Work in steps, for programs with deadlines: the same results as in one go, whatever happens in between.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

// Calls Step until nothing is left; steps_left() has to count them.
Status StepAll(Session& session, uint32_t* steps) {
  *steps = 0;
  for (uint32_t left = session.steps_left(); left > 0; --left, ++*steps) {
    CHECK(session.steps_left() == left);
    CHECK(session.logits().empty());
    LFM2_RETURN_IF_ERROR(session.Step());
  }
  CHECK(session.steps_left() == 0);
  return Status();
}

}  // namespace

TEST_CASE("steps give the logits of one go, and are as many as were announced") {
  const std::vector<int32_t> ids = TestPrompt(40);
  const ModelConfig& c = Home().config();
  for (const uint32_t chunk : {1u, 7u, 64u}) {
    CAPTURE(chunk);
    OpenSession whole(Home().image(), OptionsWithChunk(chunk));
    OpenSession stepped(Home().image(), OptionsWithChunk(chunk));
    Session& session = *stepped.session;
    for (const size_t count : {size_t{33}, size_t{1}, size_t{6}}) {
      const Span<const int32_t> part{ids.data() + session.position(), count};
      LFM2_REQUIRE_OK(whole.session->Prefill(part));
      std::vector<int32_t> mine(part.begin(), part.end());
      LFM2_REQUIRE_OK(session.Begin({mine.data(), mine.size()}));
      std::fill(mine.begin(), mine.end(), -1);  // the caller's again
      uint32_t steps = 0;
      LFM2_REQUIRE_OK(StepAll(session, &steps));
      const uint32_t chunks = static_cast<uint32_t>((count + chunk - 1) / chunk);
      CHECK(steps > chunks * 2 * c.layers);
      CHECK(Logits(session) == Logits(*whole.session));
      CHECK(session.position() == whole.session->position());
    }
    CHECK(std::vector<int32_t>(session.tokens().begin(), session.tokens().end()) == ids);
  }
}

TEST_CASE("no step of the logits multiplies more than a feed forward does") {
  const std::string path = std::string(LFM2_TEST_DATA) + "/gguf/moe-256-Q4_K_M.gguf";
  const TestModel model(path);
  for (const TestModel* m : {&Home(), &model}) {
    const ModelConfig& c = m->config();
    OpenSession open(m->image(), OptionsWithChunk(1));
    const int32_t id = 1;
    LFM2_REQUIRE_OK(open.session->Begin({&id, 1}));
    const uint32_t output_steps = open.session->steps_left() - 2 * c.layers;
    const uint32_t widest =
        3 * std::max(c.dense_layers > 0 ? c.dense_ff_size : 0, c.experts_per_token * c.expert_ff_size);
    CHECK(output_steps == (c.vocab_size + widest - 1) / widest);
    CHECK(output_steps > 0);
  }
}

TEST_CASE("a call that was started is finished in one go, or discarded by a reset") {
  const std::vector<int32_t> ids = TestPrompt(20);
  OpenSession whole(Home().image(), OptionsWithChunk(4));
  LFM2_REQUIRE_OK(whole.session->Prefill({ids.data(), ids.size()}));
  OpenSession open(Home().image(), OptionsWithChunk(4));
  Session& session = *open.session;
  for (const uint32_t steps : {0u, 1u, 5u, 8u, 9u, 41u}) {
    CAPTURE(steps);
    LFM2_REQUIRE_OK(session.Begin({ids.data(), ids.size()}));
    for (uint32_t i = 0; i < steps; ++i) LFM2_REQUIRE_OK(session.Step());
    session.Reset();
    CHECK(session.steps_left() == 0);
    CHECK(session.position() == 0);
    LFM2_REQUIRE_OK(session.Begin({ids.data(), ids.size()}));
    for (uint32_t i = 0; i < steps; ++i) LFM2_REQUIRE_OK(session.Step());
    LFM2_REQUIRE_OK(session.Finish());
    CHECK(Logits(session) == Logits(*whole.session));
    session.Reset();
  }
}

TEST_CASE("steps in the wrong order are a Status, and change nothing") {
  const std::vector<int32_t> ids = TestPrompt(6);
  const auto sink = [](uint32_t, Span<const float>) {};
  Session closed;
  CHECK(closed.steps_left() == 0);
  CHECK(closed.Step().code() == StatusCode::kFailedPrecondition);
  CHECK(closed.Finish().ok());
  CHECK(closed.Begin({ids.data(), 1}).code() == StatusCode::kFailedPrecondition);
  OpenSession open(Home().image(), OptionsWithChunk(4));
  Session& session = *open.session;
  CHECK(session.Step().code() == StatusCode::kFailedPrecondition);
  CHECK(session.Begin({}).code() == StatusCode::kInvalidArgument);
  CHECK(session.steps_left() == 0);
  LFM2_REQUIRE_OK(session.Begin({ids.data(), ids.size()}));
  LFM2_REQUIRE_OK(session.Step());
  CHECK(session.Begin({ids.data(), 1}).code() == StatusCode::kFailedPrecondition);
  CHECK(session.Prefill({ids.data(), 1}).code() == StatusCode::kFailedPrecondition);
  CHECK(session.Decode(ids[0]).code() == StatusCode::kFailedPrecondition);
  CHECK(session.PrefillLogits({ids.data(), 1}, sink).code() == StatusCode::kFailedPrecondition);
  LFM2_REQUIRE_OK(session.Finish());
  OpenSession whole(Home().image(), OptionsWithChunk(4));
  LFM2_REQUIRE_OK(whole.session->Prefill({ids.data(), ids.size()}));
  CHECK(Logits(session) == Logits(*whole.session));
}

TEST_CASE("a chat in steps says the same, and can be continued after its answer") {
  const char* const commands[] = {"Could you remind me in 21 minutes please.", "What is the weather like?"};
  OpenSession a(Home().image(), OptionsWithChunk(16)), b(Home().image(), OptionsWithChunk(16));
  Conversation whole, stepped;
  LFM2_REQUIRE_OK(whole.Open(a.session.get(), Greedy()));
  LFM2_REQUIRE_OK(stepped.Open(b.session.get(), Greedy()));
  for (const char* const command : commands) {
    std::string want, got;
    const auto keep = [&got](std::string_view text) { got += text; };
    LFM2_REQUIRE_OK(whole.Ask(command, 30, [&want](std::string_view text) { want += text; }));
    LFM2_REQUIRE_OK(stepped.BeginAsk(command, 30));
    CHECK(stepped.BeginAsk(command, 30).code() == StatusCode::kFailedPrecondition);
    CHECK(stepped.Add({ChatRole::kUser, command}).code() == StatusCode::kFailedPrecondition);
    CHECK(stepped.Answer(3, keep).code() == StatusCode::kFailedPrecondition);
    uint32_t steps = 0;
    while (stepped.is_busy()) {
      LFM2_REQUIRE_OK(stepped.Step(keep));
      ++steps;
    }
    CHECK(got == want);
    CHECK(steps > stepped.answer_tokens() * 2 * Home().config().layers);
    CHECK(stepped.answer_end() == whole.answer_end());
    CHECK(stepped.answer_tokens() == whole.answer_tokens());
    CHECK(stepped.Step(keep).code() == StatusCode::kFailedPrecondition);
  }
}

TEST_CASE("a sink that has heard enough ends an answer in steps, too") {
  OpenSession open(Home().image(), OptionsWithChunk(16));
  Conversation chat;
  LFM2_REQUIRE_OK(chat.Open(open.session.get(), Greedy()));
  LFM2_REQUIRE_OK(chat.BeginAsk("Could you remind me in 21 minutes please.", 30));
  int parts = 0;
  while (chat.is_busy()) LFM2_REQUIRE_OK(chat.Step([&](std::string_view) { return ++parts < 2; }));
  CHECK(chat.answer_end() == AnswerEnd::kInterrupted);
  CHECK(chat.answer_tokens() == 2);
  CHECK(parts == 2);
}

TEST_CASE("a step that cannot read is a Status; after it, the answer continues where it was") {
  const char* const command = "Could you remind me in 21 minutes please.";
  OpenSession resident(Home().image(), OptionsWithChunk(16));
  Conversation chat;
  LFM2_REQUIRE_OK(chat.Open(resident.session.get(), Greedy()));
  std::string want;
  LFM2_REQUIRE_OK(chat.Ask(command, 40, [&](std::string_view text) { want += text; }));

  SessionOptions options = OptionsWithChunk(16);
  options.read_retries = 0;
  options.arena_bytes = ArenaFor(Home().image(), options, 8);
  for (const bool in_steps : {true, false}) {
    StreamedSession open(Home().image(), DriveOptions(4, 4 * kBlock), options);
    Conversation streamed;
    LFM2_REQUIRE_OK(streamed.Open(open.session.get(), Greedy()));
    std::string got;
    const auto keep = [&got](std::string_view text) { got += text; };
    LFM2_REQUIRE_OK(streamed.Ask(command, 1, keep));
    CHECK(streamed.answer_end() == AnswerEnd::kMaxTokens);
    const uint32_t prompted = open.session->position() - 1;
    uint32_t failures = 0, generated = 1;
    for (bool goes_on = true; goes_on;) {
      REQUIRE(++failures < 30);
      open.streamed.drive.FailRead(open.streamed.drive.reads() + 60, Fault::kIoError);
      Status status;
      if (in_steps) {
        LFM2_REQUIRE_OK(streamed.BeginAnswer(40 - generated));
        while (status.ok() && streamed.is_busy()) status = streamed.Step(keep);
      } else {
        status = streamed.Answer(40 - generated, keep);
      }
      generated += streamed.answer_tokens();
      goes_on = streamed.answer_end() != AnswerEnd::kStop;
      CHECK(streamed.can_go_on() == goes_on);
      if (goes_on) CHECK(streamed.answer_end() == AnswerEnd::kError);
      CHECK(status.code() == (goes_on ? StatusCode::kIo : StatusCode::kOk));
      CHECK(!streamed.is_busy());
      CHECK(open.session->position() == prompted + generated);
    }
    CHECK(failures > 2);
    CHECK(got == want);
    CHECK(open.session->tokens().size() == resident.session->tokens().size());
  }
}

}  // namespace lfm2::test
