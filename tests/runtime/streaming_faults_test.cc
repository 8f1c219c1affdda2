// Drives fail. Whatever fails, and wherever: a Status, never a crash, never a wrong token, and the same call can be
// repeated as if nothing had happened.
#include <doctest/doctest.h>

#include <algorithm>

#include "lfm2/posix/thread_pool.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

SessionOptions OptionsWithRetries(uint32_t retries, uint32_t slots) {
  SessionOptions options = OptionsWithChunk(3);
  options.read_retries = retries;
  options.arena_bytes = ArenaFor(Home().image(), options, slots);
  return options;
}

FaultRates Rates(double each) {
  FaultRates rates;
  rates.io_error = rates.short_read = rates.bad_bits = rates.timeout = each;
  rates.vanish = each / 4;
  return rates;
}

// The text cut into calls, as a chat's are: prompts of some tokens, answers of one at a time.
std::vector<Span<const int32_t>> Calls(const std::vector<int32_t>& ids) {
  std::vector<Span<const int32_t>> calls;
  const size_t sizes[] = {9, 1, 1, 1, 4, 1, 1};
  for (size_t at = 0, n = 0; at < ids.size(); ++n) {
    const size_t size = std::min(sizes[n % 7], ids.size() - at);
    calls.push_back({ids.data() + at, size});
    at += size;
  }
  return calls;
}

// The logits after every call.
std::vector<std::vector<float>> ResidentLogits(const std::vector<Span<const int32_t>>& calls) {
  SessionOptions options = OptionsWithRetries(0, 1);
  OpenSession open(Home().image(), options);
  std::vector<std::vector<float>> want;
  for (const Span<const int32_t> call : calls) {
    LFM2_REQUIRE_OK(open.session->Prefill(call));
    want.push_back(Logits(*open.session));
  }
  return want;
}

bool IsFaultOfADrive(const Status& status) {
  return status.code() == StatusCode::kIo || status.code() == StatusCode::kTimeout ||
         status.code() == StatusCode::kCorrupt;
}

struct FaultCounts {
  uint64_t faults = 0, errors = 0, retries = 0;
  uint64_t of_kind[kFaults] = {};
};

// One text on a drive with faults at random places. Every call is repeated until it succeeds.
void Run(uint32_t seed, uint32_t retries, const std::vector<Span<const int32_t>>& calls,
         const std::vector<std::vector<float>>& want, const Executor* executor, FaultCounts* counts) {
  const uint32_t slots[] = {1, 3, 6, 16, 21, 40};
  const uint32_t capacities[] = {1, 2, 5, 64};
  const uint32_t pieces[] = {1, 3, 16};
  SimulatedDeviceOptions drive = DriveOptions(capacities[seed % 4], pieces[seed % 3] * kBlock, seed);
  if (seed % 2 == 0) drive.speed = {50000000, 100000, 4};
  StreamedSession open(Home().image(), drive, OptionsWithRetries(retries, slots[seed % 6]), executor);
  // So that a call that repeats nothing itself has a fair chance.
  open.streamed.drive.SetRates(Rates(retries == 0 ? 0.0005 : 0.002 * retries));
  Session& session = *open.session;
  uint32_t position = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i);
    uint32_t tries = 0;
    for (;;) {
      const Status status = session.Prefill(calls[i]);
      if (status.ok()) break;
      ++counts->errors;
      REQUIRE(++tries < 2000);
      INFO(Text(status));
      CHECK(IsFaultOfADrive(status));
      CHECK(session.position() == position);
      CHECK(session.tokens().size() == position);
      CHECK(session.logits().empty());
      // What is repeated is the call, not the fault: a drive that was disconnected is tried until it is back.
    }
    position += static_cast<uint32_t>(calls[i].size());
    CHECK(Logits(session) == want[i]);
    CHECK(session.position() == position);
  }
  CHECK(open.streamed.watched.mistakes() == "");
  CHECK(open.streamed.arena.RimIsIntact());
  counts->faults += open.streamed.drive.faults();
  counts->retries += session.statistics().retries;
  for (uint32_t f = 0; f < kFaults; ++f) counts->of_kind[f] += open.streamed.drive.count(static_cast<Fault>(f));
}

}  // namespace

TEST_CASE("1,000 faults of every kind at random places: no crash, no wrong token, each one repeated or reported") {
  const std::vector<int32_t> ids = TestPrompt(40);
  const std::vector<Span<const int32_t>> calls = Calls(ids);
  const std::vector<std::vector<float>> want = ResidentLogits(calls);
  posix::ThreadPool pool;
  LFM2_REQUIRE_OK(pool.Open(2));
  FaultCounts all;
  for (const uint32_t retries : {0u, 1u, 2u}) {
    CAPTURE(retries);
    FaultCounts counts;
    for (uint32_t seed = 1; counts.faults < 340; ++seed) {
      CAPTURE(seed);
      Run(seed, retries, calls, want, seed % 4 == 0 ? pool.executor() : nullptr, &counts);
    }
    CHECK(counts.errors > 0);
    CHECK((counts.retries > 0) == (retries > 0));
    all.faults += counts.faults;
    for (uint32_t f = 0; f < kFaults; ++f) all.of_kind[f] += counts.of_kind[f];
  }
  CHECK(all.faults >= 1000);
  for (const Fault fault : {Fault::kIoError, Fault::kShortRead, Fault::kBadBits, Fault::kTimeout, Fault::kVanished}) {
    CHECK(all.of_kind[static_cast<uint32_t>(fault)] > 50);
  }
}

TEST_CASE("an error names record, byte and cause, and leaves the text, the state and every later token as they were") {
  const std::vector<int32_t> ids = TestPrompt(30);
  const std::vector<Span<const int32_t>> calls = Calls(ids);
  const std::vector<std::vector<float>> want = ResidentLogits(calls);
  StreamedSession open(Home().image(), DriveOptions(4, kBlock), OptionsWithRetries(0, 16));
  Session& session = *open.session;
  for (size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i);
    const std::vector<int32_t> before(session.tokens().begin(), session.tokens().end());
    open.streamed.drive.FailRead(open.streamed.drive.reads() + 5 * i, Fault::kIoError);
    const Status status = session.Prefill(calls[i]);
    open.streamed.drive.Heal();
    if (!status.ok()) {
      INFO(Text(status));
      CHECK(status.code() == StatusCode::kIo);
      CHECK(status.value() == kSimulatedIoError);
      CHECK(std::string(status.where()) == "expert record");
      const RecordEntry r = Home().image().record_layer(status.index() / 32);
      const uint64_t begin = r.offset + status.index() % 32 * r.stride;
      CHECK((status.offset() >= begin && status.offset() < begin + r.stride));
      CHECK(std::vector<int32_t>(session.tokens().begin(), session.tokens().end()) == before);
      CHECK(session.logits().empty());
      LFM2_REQUIRE_OK(session.Prefill(calls[i]));
    }
    CHECK(Logits(session) == want[i]);
  }
}

TEST_CASE("a record that is damaged on the drive is refused every time, and everything else works") {
  StreamedSession open(Home().image(), DriveOptions(4, 256 * kBlock), OptionsWithRetries(2, 16));
  Session& session = *open.session;
  const std::vector<int32_t> ids = TestPrompt(40);
  // Every record of the last layer.
  const RecordEntry r = Home().image().record_layer(3);
  for (uint32_t e = 0; e < 32; ++e) open.streamed.drive.FailAt(r.offset + e * r.stride, Fault::kBadBits, UINT32_MAX);
  uint32_t refused = 0;
  for (const int32_t id : ids) {
    const Status status = session.Decode(id);
    // A bit after the end of the record is not damage.
    if (status.ok()) continue;
    ++refused;
    CHECK(status.code() == StatusCode::kCorrupt);
    CHECK(status.index() / 32 == 3);
  }
  CHECK(refused > 0);
  open.streamed.drive.Heal();
  session.Reset();
  OpenSession resident(Home().image(), OptionsWithRetries(0, 16));
  CHECK(AllLogits(session, ids) == AllLogits(*resident.session, ids));
}

TEST_CASE("logits of every position: after a failure all of them are given again") {
  const std::vector<int32_t> ids = TestPrompt(30);
  OpenSession resident(Home().image(), OptionsWithRetries(0, 16));
  const auto want = AllLogits(*resident.session, ids);
  StreamedSession open(Home().image(), DriveOptions(4, kBlock), OptionsWithRetries(0, 4));
  open.streamed.drive.FailRead(open.streamed.drive.reads() + 700, Fault::kIoError);
  uint32_t seen = 0;
  bool right = true;
  const Status status = open.session->PrefillLogits({ids.data(), ids.size()}, [&](uint32_t p, Span<const float> row) {
    right = right && p == seen && std::equal(row.begin(), row.end(), want[p].begin());
    ++seen;
  });
  CHECK(status.code() == StatusCode::kIo);
  CHECK(right);
  CHECK((seen > 0 && seen < ids.size()));
  CHECK(open.session->position() == 0);
  CHECK(open.session->logits().empty());
  CHECK(AllLogits(*open.session, ids) == want);
}

TEST_CASE("after an error a session can also start again") {
  const std::vector<int32_t> ids = TestPrompt(20);
  OpenSession resident(Home().image(), OptionsWithRetries(0, 16));
  const auto want = AllLogits(*resident.session, ids);
  for (const Fault fault : {Fault::kIoError, Fault::kTimeout, Fault::kVanished}) {
    StreamedSession open(Home().image(), DriveOptions(4, kBlock), OptionsWithRetries(0, 20));
    LFM2_REQUIRE_OK(open.session->Prefill({ids.data(), 7}));
    open.streamed.drive.FailRead(open.streamed.drive.reads() + 3, fault);
    CHECK(!open.session->Prefill({ids.data(), 9}).ok());
    open.session->Reset();
    CHECK(open.session->position() == 0);
    while (fault == Fault::kTimeout && !open.session->Decode(ids[0]).ok()) {
    }
    open.session->Reset();
    CHECK(AllLogits(*open.session, ids) == want);
    CHECK(open.streamed.watched.mistakes() == "");
  }
}

TEST_CASE("a session may be opened where one left reads that timed out") {
  const std::vector<int32_t> ids = TestPrompt(20);
  OpenSession resident(Home().image(), OptionsWithRetries(0, 16));
  const auto want = AllLogits(*resident.session, ids);
  StreamedSession open(Home().image(), DriveOptions(4, kBlock), OptionsWithRetries(0, 20));
  open.streamed.drive.FailRead(open.streamed.drive.reads() + 3, Fault::kTimeout);
  CHECK(open.session->Prefill({ids.data(), 9}).code() == StatusCode::kTimeout);
  open.session = std::make_unique<Session>();
  int tries = 0;
  while (!open.session->Open(open.streamed.image, OptionsWithRetries(0, 20), open.streamed.rest).ok())
    REQUIRE(++tries < 4);
  CHECK(AllLogits(*open.session, ids) == want);
  CHECK(open.streamed.watched.mistakes() == "");
}

TEST_CASE("a turn that fails leaves the chat as it was: asked again, it answers as if nothing had been") {
  ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  const char* const command = "Could you remind me in 21 minutes please.";
  const auto first_turn = [&](Conversation& chat, std::string* answer) {
    return chat.Ask(command, 40, [&](std::string_view text) { *answer += text; });
  };
  OpenSession resident(Home().image(), OptionsWithRetries(0, 16));
  Conversation chat;
  LFM2_REQUIRE_OK(chat.Open(resident.session.get(), greedy));
  std::string want;
  LFM2_REQUIRE_OK(first_turn(chat, &want));
  const ChatMessage result = {ChatRole::kTool, "{\"ok\": true}"};
  LFM2_REQUIRE_OK(chat.Add(result));
  LFM2_REQUIRE_OK(chat.Compute());
  const std::vector<int32_t> tokens(resident.session->tokens().begin(), resident.session->tokens().end());
  const std::vector<float> logits = Logits(*resident.session);

  StreamedSession open(Home().image(), DriveOptions(4, 4 * kBlock), OptionsWithRetries(0, 16));
  Conversation streamed;
  LFM2_REQUIRE_OK(streamed.Open(open.session.get(), greedy));
  const auto fail_once = [&](uint64_t reads) {
    open.streamed.drive.FailRead(open.streamed.drive.reads() + reads, Fault::kIoError);
  };
  fail_once(20);
  std::string answer;
  CHECK(first_turn(streamed, &answer).code() == StatusCode::kIo);
  CHECK(answer.empty());
  CHECK(open.session->position() == 0);
  LFM2_REQUIRE_OK(first_turn(streamed, &answer));
  CHECK(answer == want);
  const uint32_t position = open.session->position();
  fail_once(20);
  LFM2_REQUIRE_OK(streamed.Add(result));
  CHECK(streamed.Compute().code() == StatusCode::kIo);
  CHECK(open.session->position() == position);
  LFM2_REQUIRE_OK(streamed.Compute());
  CHECK(std::vector<int32_t>(open.session->tokens().begin(), open.session->tokens().end()) == tokens);
  CHECK(Logits(*open.session) == logits);
}

}  // namespace lfm2::test
