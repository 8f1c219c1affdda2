// Several sessions at the same time: each computes what it computes alone, whichever has the pool's threads.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/thread_pool.h"
#include "tests/posix/temporary_file.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

using posix::DirectFile;
using posix::ThreadPool;

constexpr uint32_t kPrompt = 24, kAnswer = 10;

SessionOptions Options() {
  SessionOptions options;
  options.context_length = 64;
  options.prefill_chunk = 16;
  return options;
}

// The logits after a prompt and after each of the likeliest tokens; empty if a call failed.
std::vector<float> Answer(Session& session, int32_t first) {
  std::vector<int32_t> prompt(kPrompt);
  for (uint32_t i = 0; i < kPrompt; ++i) prompt[i] = first + static_cast<int32_t>(37 * i);
  std::vector<float> all;
  Status status = session.Prefill({prompt.data(), prompt.size()});
  for (uint32_t i = 0; i < kAnswer && status.ok(); ++i) {
    const Span<const float> logits = session.logits();
    all.insert(all.end(), logits.begin(), logits.end());
    int32_t best = 0;
    for (size_t t = 0; t < logits.size(); ++t) {
      if (logits[t] > logits[static_cast<size_t>(best)]) best = static_cast<int32_t>(t);
    }
    status = session.Decode(best);
  }
  return status.ok() ? all : std::vector<float>();
}

// Both answer at the same time, repeatedly; true if every answer is the expected one.
bool AnswerTogether(Session& first, Session& second, const std::vector<float>& expected_first,
                    const std::vector<float>& expected_second) {
  bool same[2] = {true, true};
  const auto repeat = [&](Session& session, int32_t begin, const std::vector<float>& expected, bool* is_same) {
    for (int round = 0; round < 4; ++round) {
      session.Reset();
      *is_same = Answer(session, begin) == expected && *is_same;
    }
  };
  std::thread other([&] { repeat(second, 300, expected_second, &same[1]); });
  repeat(first, 20, expected_first, &same[0]);
  other.join();
  return same[0] && same[1];
}

}  // namespace

TEST_CASE("two sessions on one image on two threads, without a pool, with one for both and with one each") {
  const Image& image = Home().image();
  std::vector<float> expected[2];
  {
    const OpenSession alone(image, Options());
    expected[0] = Answer(*alone.session, 20);
    alone.session->Reset();
    expected[1] = Answer(*alone.session, 300);
    REQUIRE(expected[0].size() == size_t{kAnswer} * image.config().vocab_size);
    REQUIRE(expected[0] != expected[1]);
  }
  ThreadPool pools[2];
  for (ThreadPool& pool : pools) REQUIRE(pool.Open(3).ok());
  const Executor* const executors[][2] = {
      {nullptr, nullptr}, {pools[0].executor(), pools[0].executor()}, {pools[0].executor(), pools[1].executor()}};
  for (const auto& both : executors) {
    const OpenSession first(image, Options(), both[0]), second(image, Options(), both[1]);
    CHECK(AnswerTogether(*first.session, *second.session, expected[0], expected[1]));
    CHECK((first.arena.RimIsIntact() && second.arena.RimIsIntact()));
  }
}

TEST_CASE("two sessions that read their experts, each with its own file, with one pool for both") {
  const Span<const std::byte> bytes = BytesOf(Home().image());
  const TemporaryFile file(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::vector<float> expected[2];
  {
    const OpenSession alone(Home().image(), Options());
    expected[0] = Answer(*alone.session, 20);
    alone.session->Reset();
    expected[1] = Answer(*alone.session, 300);
  }
  ThreadPool pool;
  REQUIRE(pool.Open(3).ok());
  for (const auto backend :
       {posix::DirectFileOptions::Backend::kThreads, posix::DirectFileOptions::Backend::kAutomatic}) {
    posix::DirectFileOptions options;
    options.backend = backend;
    struct Streamed {
      DirectFile file;
      std::unique_ptr<BlockArena> arena;
      Image image;
      Session session;
    };
    const std::unique_ptr<Streamed[]> both(new Streamed[2]);
    for (Streamed* s = both.get(); s != both.get() + 2; ++s) {
      LFM2_REQUIRE_OK(s->file.Open(file.path(), options));
      s->arena = std::make_unique<BlockArena>(StreamedPlan(Home().image(), Options()).total_bytes);
      LFM2_REQUIRE_OK(OpenModel(s->file, Options(), s->arena->span(), &s->image, &s->session, pool.executor()));
      REQUIRE(s->session.is_streamed());
    }
    CHECK(AnswerTogether(both[0].session, both[1].session, expected[0], expected[1]));
    CHECK(both[0].session.statistics().misses > 0);
    // The image is closed before its file, as in every program.
    for (Streamed* s = both.get(); s != both.get() + 2; ++s) {
      s->session.Close();
      s->image.Close();
      s->file.Close();
      CHECK(s->arena->RimIsIntact());
    }
  }
}

}  // namespace lfm2::test
