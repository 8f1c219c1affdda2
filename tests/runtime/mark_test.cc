// Marks: the way back to a place in the sequence. A mark that does not fit the sequence would give a model thoughts of
// another conversation, so it is refused by name.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

Status RewindTo(Session& session, const Bytes& mark) { return session.Rewind({mark.data(), mark.size()}); }
void Prefill(Session& session, const std::vector<int32_t>& ids) {
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
}

}  // namespace

TEST_CASE(
    "after Rewind the same tokens give the same logits, and other tokens those of a session that never had more") {
  const std::vector<int32_t> ids = TestPrompt(60);
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8}) {
    SessionOptions options = OptionsWithChunk(7);
    options.kv_cache = type;
    OpenSession open(Home().image(), options), fresh(Home().image(), options);
    Session& session = *open.session;
    std::vector<Bytes> marks = {MarkOf(session)};
    std::vector<std::vector<float>> logits;
    for (size_t at = 0; at < 60; at += 10) {  // marks at the end of a chunk and within one
      Prefill(session, {ids.begin() + static_cast<long>(at), ids.begin() + static_cast<long>(at) + 10});
      logits.push_back(Logits(session));
      marks.push_back(MarkOf(session));
    }
    for (const size_t back : {size_t{4}, size_t{4}, size_t{2}, size_t{0}}) {
      CAPTURE(back);
      LFM2_REQUIRE_OK(RewindTo(session, marks[back]));
      CHECK(session.position() == 10 * back);
      CHECK(session.logits().empty());
      for (size_t i = back; i < 6; ++i) {
        Prefill(session, {ids.begin() + static_cast<long>(10 * i), ids.begin() + static_cast<long>(10 * i) + 10});
        CHECK(Logits(session) == logits[i]);
      }
    }
    LFM2_REQUIRE_OK(RewindTo(session, marks[3]));
    std::vector<int32_t> others(ids.begin() + 40, ids.begin() + 55);
    Prefill(session, others);
    Prefill(*fresh.session, {ids.begin(), ids.begin() + 30});
    Prefill(*fresh.session, others);
    CHECK(Logits(session) == Logits(*fresh.session));
    CHECK(open.arena.RimIsIntact());
  }
}

TEST_CASE("a mark serves another session of the same model that had the same tokens") {
  const std::vector<int32_t> ids = TestPrompt(30);
  SessionOptions other_options = OptionsWithChunk(3);
  other_options.context_length = 40;
  OpenSession a(Home().image(), OptionsWithChunk(16)), b(Home().image(), other_options);
  Prefill(*a.session, {ids.begin(), ids.begin() + 20});
  const Bytes mark = MarkOf(*a.session);
  Prefill(*b.session, ids);
  LFM2_REQUIRE_OK(RewindTo(*b.session, mark));
  CHECK(b.session->position() == 20);
  Prefill(*b.session, {ids.begin() + 20, ids.end()});
  Prefill(*a.session, {ids.begin() + 20, ids.end()});
  CHECK(Logits(*a.session) == Logits(*b.session));
}

TEST_CASE("a mark that is stale, of another model, cut short or damaged is refused, and nothing changes") {
  const std::vector<int32_t> ids = TestPrompt(40);
  OpenSession open(Home().image(), OptionsWithChunk(16));
  Session& session = *open.session;
  Prefill(session, {ids.begin(), ids.begin() + 20});
  const Bytes mark = MarkOf(session);
  Prefill(session, {ids.begin() + 20, ids.end()});
  const Bytes far = MarkOf(session);
  const std::vector<float> want = Logits(session);
  const auto unchanged = [&] {
    CHECK(session.position() == 40);
    CHECK(Logits(session) == want);
    CHECK(MarkOf(session) == far);
  };

  SUBCASE("cut short") {
    for (size_t size = 0; size < mark.size(); size += size < 40 ? 1 : 97) {
      CHECK(session.Rewind({mark.data(), size}).code() == StatusCode::kCorrupt);
    }
    CHECK(session.Rewind({}).code() == StatusCode::kCorrupt);
    unchanged();
  }
  SUBCASE("every byte that differs") {
    for (size_t at = 0; at < mark.size(); at += at < 64 ? 1 : 31) {
      CAPTURE(at);
      for (const std::byte change : {std::byte{1}, std::byte{0x80}}) {
        Bytes damaged = mark;
        damaged[at] ^= change;
        CHECK(RewindTo(session, damaged).code() == StatusCode::kCorrupt);
      }
    }
    unchanged();
  }
  SUBCASE("of another model") {
    const TestModel other(std::string(LFM2_TEST_DATA) + "/gguf/moe-odd-Q4_0.gguf");
    OpenSession of_other(other.image(), OptionsWithChunk(16));
    Prefill(*of_other.session, {ids.begin(), ids.begin() + 20});
    Bytes foreign = MarkOf(*of_other.session);
    foreign.resize(std::max(foreign.size(), mark.size()));  // long enough, whichever model has more
    const Status status = RewindTo(session, foreign);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(Text(status).find("another model") != std::string::npos);
    unchanged();
  }
  SUBCASE("stale: tokens before it have changed") {
    session.Reset();
    CHECK(RewindTo(session, mark).code() == StatusCode::kFailedPrecondition);
    Prefill(session, {ids.begin() + 1, ids.begin() + 31});
    CHECK(RewindTo(session, mark).code() == StatusCode::kFailedPrecondition);
    CHECK(session.position() == 30);
    CHECK(!session.logits().empty());
    session.Reset();
    Prefill(session, {ids.begin(), ids.begin() + 19});  // one token less than the mark has
    CHECK(RewindTo(session, mark).code() == StatusCode::kFailedPrecondition);
    LFM2_REQUIRE_OK(session.Decode(ids[19]));  // the same tokens again
    LFM2_REQUIRE_OK(RewindTo(session, mark));
    Prefill(session, {ids.begin() + 20, ids.end()});
    unchanged();
  }
  SUBCASE("a mark that lies ahead of a rewind is stale once other tokens are there") {
    LFM2_REQUIRE_OK(RewindTo(session, mark));
    CHECK(RewindTo(session, far).code() == StatusCode::kFailedPrecondition);
    Prefill(session, {ids.begin(), ids.begin() + 20});
    CHECK(RewindTo(session, far).code() == StatusCode::kFailedPrecondition);
    LFM2_REQUIRE_OK(RewindTo(session, mark));
    Prefill(session, {ids.begin() + 20, ids.end()});
    unchanged();
  }
  SUBCASE("memory that is too small") {
    Bytes memory(mark.size() - 1, std::byte{0x5a});
    const Status status = session.Mark({memory.data(), memory.size()});
    CHECK(status.code() == StatusCode::kOutputTooSmall);
    CHECK(status.value() + status.limit() == 2 * mark.size() - 1);
    CHECK(memory == Bytes(mark.size() - 1, std::byte{0x5a}));
    unchanged();
  }
  SUBCASE("while steps are left") {
    LFM2_REQUIRE_OK(session.Begin({ids.data(), 3}));
    LFM2_REQUIRE_OK(session.Step());
    Bytes memory = mark;
    CHECK(session.Mark({memory.data(), memory.size()}).code() == StatusCode::kFailedPrecondition);
    CHECK(RewindTo(session, mark).code() == StatusCode::kFailedPrecondition);
    CHECK(memory == mark);
    session.Abort();
    unchanged();
  }
}

TEST_CASE("hidden() is the hidden state that PrefillHidden gives, bit for bit, however the prompt is cut") {
  for (const char* file : {"/home/Q4_0.gguf", "/gguf/dense-256-BF16.gguf", "/gguf/moe-256-Q4_K_M.gguf"}) {
    CAPTURE(file);
    const TestModel model(std::string(LFM2_TEST_DATA) + file);
    const std::vector<int32_t> ids = TestPrompt(30);
    std::vector<std::vector<float>> rows;
    SessionOptions options = OptionsWithChunk(8);
    options.logits_rows = 3;
    OpenSession all(model.image(), options), one(model.image(), OptionsWithChunk(5));
    LFM2_REQUIRE_OK(all.session->PrefillHidden({ids.data(), ids.size()}, [&](uint32_t position, Span<const float> row) {
      REQUIRE(position == rows.size());
      REQUIRE(row.size() == model.config().hidden_size);
      rows.emplace_back(row.begin(), row.end());
    }));
    CHECK(all.session->logits().empty());
    CHECK(all.session->hidden().empty());
    CHECK(all.session->position() == 30);
    Session& session = *one.session;
    for (const size_t count : {size_t{17}, size_t{1}, size_t{12}}) {
      Prefill(session, {ids.begin() + session.position(), ids.begin() + session.position() + static_cast<long>(count)});
      CHECK(std::vector<float>(session.hidden().begin(), session.hidden().end()) == rows[session.position() - 1]);
    }
    // Both have the same sequence now.
    LFM2_REQUIRE_OK(session.Decode(ids[0]));
    LFM2_REQUIRE_OK(all.session->Decode(ids[0]));
    CHECK(Logits(session) == Logits(*all.session));
    // After PrefillLogits, too, of any row.
    for (const size_t count : {size_t{1}, size_t{2}, size_t{4}}) {
      one.session->Reset();
      AllLogits(session, {ids.begin(), ids.begin() + static_cast<long>(count)});
      CHECK(std::vector<float>(session.hidden().begin(), session.hidden().end()) == rows[count - 1]);
    }
  }
}

}  // namespace lfm2::test
