// A sequence that was saved, loaded or forked continues as if it had never stopped; what is not such a state is
// refused.
#include "lfm2/runtime/saved_state.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

SessionOptions WithKv(KvCacheType type, uint32_t chunk = 7) {
  SessionOptions options = OptionsWithChunk(chunk);
  options.kv_cache = type;
  return options;
}

constexpr KvCacheType kEveryKv[] = {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8};

Span<const int32_t> Part(const std::vector<int32_t>& ids, size_t begin, size_t end) {
  return {ids.data() + begin, end - begin};
}

// Logits after each part of the rest: prefilled, then token by token.
std::vector<std::vector<float>> GoOn(Session& session, const std::vector<int32_t>& ids) {
  std::vector<std::vector<float>> rows;
  const size_t at = session.position();
  LFM2_REQUIRE_OK(session.Prefill(Part(ids, at, ids.size() - 2)));
  rows.push_back(Logits(session));
  for (size_t i = ids.size() - 2; i < ids.size(); ++i) {
    LFM2_REQUIRE_OK(session.Decode(ids[i]));
    rows.push_back(Logits(session));
  }
  return rows;
}

// What the run gives that never stopped, but had its prompt in two parts.
std::vector<std::vector<float>> NeverStopped(const SessionOptions& options, const std::vector<int32_t>& ids,
                                             size_t position) {
  OpenSession open(Home().image(), options);
  LFM2_REQUIRE_OK(open.session->Prefill(Part(ids, 0, position)));
  return GoOn(*open.session, ids);
}

}  // namespace

TEST_CASE("a loaded sequence gives the logits of the one that never stopped, for every cache and at every border") {
  const std::vector<int32_t> ids = TestPrompt(90);
  for (const KvCacheType type : kEveryKv) {
    // Borders of chunks (7), blocks of keys (16) and of attention (64), and between them.
    for (const size_t position :
         {size_t{1}, size_t{7}, size_t{15}, size_t{16}, size_t{17}, size_t{33}, size_t{64}, size_t{70}}) {
      CAPTURE(static_cast<int>(type));
      CAPTURE(position);
      const auto want = NeverStopped(WithKv(type), ids, position);
      OpenSession first(Home().image(), WithKv(type));
      LFM2_REQUIRE_OK(first.session->Prefill(Part(ids, 0, position)));
      const Bytes saved = Saved(*first.session);
      CHECK(saved.size() == SavedStateBytes(Home().config(), WithKv(type), static_cast<uint32_t>(position)));

      // Another context, another chunk; the arena is full of NaNs.
      SessionOptions other = WithKv(type, 16);
      other.context_length = 100;
      OpenSession second(Home().image(), other);
      LFM2_REQUIRE_OK(LoadBytes(*second.session, {saved.data(), saved.size()}));
      CHECK(second.session->position() == position);
      CHECK(std::vector<int32_t>(second.session->tokens().begin(), second.session->tokens().end()) ==
            std::vector<int32_t>(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(position)));
      CHECK(second.session->logits().empty());
      CHECK(Saved(*second.session) == saved);
      CHECK(GoOn(*second.session, ids) == want);
      CHECK(second.arena.RimIsIntact());
      CHECK(GoOn(*first.session, ids) == want);  // saving has changed nothing
    }
  }
}

TEST_CASE("experts that are read: a state goes from memory to the drive and back") {
  const std::vector<int32_t> ids = TestPrompt(60);
  const auto want = NeverStopped(WithKv(KvCacheType::kF16), ids, 21);
  OpenSession resident(Home().image(), WithKv(KvCacheType::kF16));
  StreamedSession streamed(Home().image(), SimulatedDeviceOptions(), OptionsWithChunk(7));
  LFM2_REQUIRE_OK(streamed.session->Prefill(Part(ids, 0, 21)));
  const Bytes saved = Saved(*streamed.session);
  LFM2_REQUIRE_OK(LoadBytes(*resident.session, {saved.data(), saved.size()}));
  CHECK(GoOn(*resident.session, ids) == want);
  StreamedSession another(Home().image(), SimulatedDeviceOptions(), OptionsWithChunk(7));
  LFM2_REQUIRE_OK(LoadBytes(*another.session, {saved.data(), saved.size()}));
  CHECK(GoOn(*another.session, ids) == want);
}

TEST_CASE("logits are saved with the sequence, so that a token is chosen without computing the last one again") {
  const std::vector<int32_t> ids = TestPrompt(20);
  OpenSession first(Home().image(), WithKv(KvCacheType::kF16));
  LFM2_REQUIRE_OK(first.session->Prefill(Part(ids, 0, 20)));
  const Bytes saved = Saved(*first.session, StateNote(), true);
  CHECK(saved.size() == SavedStateBytes(Home().config(), WithKv(KvCacheType::kF16), 20, true));
  OpenSession second(Home().image(), WithKv(KvCacheType::kF16));
  LFM2_REQUIRE_OK(LoadBytes(*second.session, {saved.data(), saved.size()}));
  CHECK(Logits(*second.session) == Logits(*first.session));
  const auto hidden = [](const Session& s) { return std::vector<float>(s.hidden().begin(), s.hidden().end()); };
  CHECK(hidden(*second.session).size() == Home().config().hidden_size);
  CHECK(hidden(*second.session) == hidden(*first.session));
  // If there are no logits, none are saved.
  first.session->Reset();
  CHECK(Saved(*first.session, StateNote(), true).size() ==
        SavedStateBytes(Home().config(), WithKv(KvCacheType::kF16), 0));
}

TEST_CASE("the sequence after a Rewind is saved, not what was there before, and equal sequences are equal bytes") {
  const std::vector<int32_t> ids = TestPrompt(60);
  for (const KvCacheType type : kEveryKv) {
    OpenSession open(Home().image(), WithKv(type));
    Bytes mark(static_cast<size_t>(Session::MarkBytes(Home().config())));
    LFM2_REQUIRE_OK(open.session->Prefill(Part(ids, 0, 19)));
    LFM2_REQUIRE_OK(open.session->Mark({mark.data(), mark.size()}));
    LFM2_REQUIRE_OK(open.session->Prefill(Part(ids, 30, 60)));
    LFM2_REQUIRE_OK(open.session->Rewind({mark.data(), mark.size()}));
    const Bytes saved = Saved(*open.session);
    OpenSession straight(Home().image(), WithKv(type));
    LFM2_REQUIRE_OK(straight.session->Prefill(Part(ids, 0, 19)));
    CHECK(Saved(*straight.session) == saved);
    OpenSession second(Home().image(), WithKv(type));
    LFM2_REQUIRE_OK(LoadBytes(*second.session, {saved.data(), saved.size()}));
    CHECK(GoOn(*second.session, ids) == NeverStopped(WithKv(type), ids, 19));
    // A mark from before holds in the session that was loaded.
    LFM2_REQUIRE_OK(second.session->Rewind({mark.data(), mark.size()}));
    CHECK(GoOn(*second.session, ids) == NeverStopped(WithKv(type), ids, 19));
  }
}

TEST_CASE("three forks are three separate runs") {
  const std::vector<int32_t> ids = TestPrompt(80);
  for (const KvCacheType type : kEveryKv) {
    CAPTURE(static_cast<int>(type));
    for (const size_t position : {size_t{16}, size_t{37}}) {
      OpenSession trunk(Home().image(), WithKv(type));
      LFM2_REQUIRE_OK(trunk.session->Prefill(Part(ids, 0, position)));
      SessionOptions shorter = WithKv(type, 3);
      shorter.context_length = 80;
      OpenSession forks[] = {{Home().image(), WithKv(type)}, {Home().image(), shorter}, {Home().image(), shorter}};
      std::vector<int32_t> branch[3] = {ids, ids, ids};
      for (int i = 0; i < 3; ++i) {
        LFM2_REQUIRE_OK(forks[i].session->ForkFrom(*trunk.session));
        CHECK(Logits(*forks[i].session) == Logits(*trunk.session));
        for (size_t j = position; j < ids.size(); ++j)
          branch[i][j] = ids[(j * 7 + static_cast<size_t>(i)) % ids.size()];
      }
      for (int i = 0; i < 3; ++i) {
        CHECK(GoOn(*forks[i].session, branch[i]) == NeverStopped(WithKv(type), branch[i], position));
        CHECK(forks[i].arena.RimIsIntact());
      }
      // A fork of a fork, over a sequence that was there, and saved.
      LFM2_REQUIRE_OK(forks[0].session->ForkFrom(*forks[2].session));
      CHECK(Saved(*forks[0].session) == Saved(*forks[2].session));
      CHECK(GoOn(*trunk.session, ids) == NeverStopped(WithKv(type), ids, position));
    }
  }
}

TEST_CASE("a fork that cannot be is refused and changes nothing") {
  const std::vector<int32_t> ids = TestPrompt(40);
  OpenSession from(Home().image(), WithKv(KvCacheType::kF16));
  LFM2_REQUIRE_OK(from.session->Prefill(Part(ids, 0, 40)));
  SessionOptions small = WithKv(KvCacheType::kF16);
  small.context_length = 39;
  OpenSession to(Home().image(), small), other_kv(Home().image(), WithKv(KvCacheType::kInt8));
  LFM2_REQUIRE_OK(to.session->Prefill(Part(ids, 3, 8)));
  const Bytes before = Saved(*to.session, StateNote(), true);
  CHECK(to.session->ForkFrom(*from.session).code() == StatusCode::kContextFull);
  CHECK(to.session->ForkFrom(*to.session).code() == StatusCode::kInvalidArgument);
  CHECK(other_kv.session->ForkFrom(*from.session).code() == StatusCode::kInvalidArgument);
  const TestModel dense(std::string(LFM2_TEST_DATA) + "/gguf/dense-256-Q4_0.gguf");
  OpenSession other_model(dense.image(), WithKv(KvCacheType::kF16));
  CHECK(to.session->ForkFrom(*other_model.session).code() == StatusCode::kInvalidArgument);
  Session closed;
  CHECK(to.session->ForkFrom(closed).code() == StatusCode::kFailedPrecondition);
  CHECK(closed.ForkFrom(*from.session).code() == StatusCode::kFailedPrecondition);
  LFM2_REQUIRE_OK(from.session->Begin(Part(ids, 0, 1)));
  CHECK(to.session->ForkFrom(*from.session).code() == StatusCode::kFailedPrecondition);
  CHECK(Saved(*to.session, StateNote(), true) == before);
}

TEST_CASE("a note comes back as it was, and one that is too long is refused") {
  const std::vector<int32_t> ids = TestPrompt(5);
  OpenSession open(Home().image(), WithKv(KvCacheType::kF16));
  LFM2_REQUIRE_OK(open.session->Prefill(Part(ids, 0, 5)));
  for (const uint32_t size : {0u, 1u, 40u, 256u}) {
    StateNote note;
    note.size = size;
    for (uint32_t i = 0; i < size; ++i) note.data[i] = static_cast<std::byte>(i * 31 + 1);
    const Bytes saved = Saved(*open.session, note);
    CHECK(saved.size() == SavedStateBytes(Home().config(), WithKv(KvCacheType::kF16), 5, false, size));
    StateNote found;
    found.size = 77;
    LFM2_REQUIRE_OK(LoadBytes(*open.session, {saved.data(), saved.size()}, &found));
    CHECK(found.size == size);
    CHECK(std::memcmp(found.data, note.data, size) == 0);
    LFM2_REQUIRE_OK(LoadBytes(*open.session, {saved.data(), saved.size()}));  // callers that do not want the note
  }
  StateNote note;
  note.size = 257;
  CHECK(open.session->Save([](Span<const std::byte>) {}, note).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("a sink that says no ends in kIo, wherever it says so, and is not called again") {
  const std::vector<int32_t> ids = TestPrompt(20);
  OpenSession open(Home().image(), WithKv(KvCacheType::kInt8));
  LFM2_REQUIRE_OK(open.session->Prefill(Part(ids, 0, 20)));
  int calls = 0;
  LFM2_REQUIRE_OK(open.session->Save([&](Span<const std::byte>) { ++calls; }));
  CHECK(calls > 10);
  for (int last = 1; last <= calls; ++last) {
    int called = 0;
    const Status status = open.session->Save([&](Span<const std::byte>) { return ++called < last; });
    CHECK(status.code() == StatusCode::kIo);
    CHECK(called == last);
  }
}

TEST_CASE("every call but those at the right time is refused") {
  const std::vector<int32_t> ids = TestPrompt(3);
  Session closed;
  CHECK(closed.Save([](Span<const std::byte>) {}).code() == StatusCode::kFailedPrecondition);
  CHECK(closed.Load([](Span<std::byte>) {}).code() == StatusCode::kFailedPrecondition);
  OpenSession open(Home().image(), WithKv(KvCacheType::kF16));
  const Bytes empty = Saved(*open.session);
  LFM2_REQUIRE_OK(open.session->Begin(Part(ids, 0, 3)));
  CHECK(open.session->Save([](Span<const std::byte>) {}).code() == StatusCode::kFailedPrecondition);
  CHECK(LoadBytes(*open.session, {empty.data(), empty.size()}).code() == StatusCode::kFailedPrecondition);
  LFM2_REQUIRE_OK(open.session->Finish());
  CHECK(open.session->position() == 3);
  LFM2_REQUIRE_OK(LoadBytes(*open.session, {empty.data(), empty.size()}));
  CHECK(open.session->position() == 0);
}

}  // namespace lfm2::test
