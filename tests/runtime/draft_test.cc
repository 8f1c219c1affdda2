// Exact speculation: what is guessed may make answers sooner, and never other answers. A guess that leaves a trace in
// the state changes what a user is told some tokens later.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/pack/pack_gguf.h"
#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

// A clock by which every call takes the same time: guesses cost nothing then, and the gate lets all of them pass.
uint64_t EqualTimes(void* context) {
  uint64_t* const now = static_cast<uint64_t*>(context);
  return *now += 1000;
}

struct Clock {
  uint64_t now = 0;
};

SessionOptions Drafting(Clock* clock, uint32_t tokens = 5, uint32_t chunk = 16) {
  SessionOptions options = OptionsWithChunk(chunk);
  options.draft_tokens = tokens;
  options.now_ns = EqualTimes;
  options.clock_context = &clock->now;
  return options;
}

// A text in which stretches of 3 to 20 tokens come again, cut short or gone on with by others.
std::vector<int32_t> Repetitive(size_t tokens, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> text = TestPrompt(24);
  while (text.size() < tokens) {
    const size_t from = random() % text.size(), count = 3 + random() % 18;
    for (size_t i = 0; i < count && from + i < text.size(); ++i) text.push_back(text[from + i]);
    if (random() % 3 == 0) text.push_back(static_cast<int32_t>(40 + random() % 600));
  }
  text.resize(tokens);
  return text;
}

// Everything that can be seen of both is the same.
void CheckSame(const Session& a, const Session& b) {
  REQUIRE(a.position() == b.position());
  CHECK(Logits(a) == Logits(b));
  CHECK(std::equal(a.hidden().begin(), a.hidden().end(), b.hidden().begin(), b.hidden().end()));
  CHECK(std::equal(a.tokens().begin(), a.tokens().end(), b.tokens().begin(), b.tokens().end()));
  CHECK(MarkOf(a) == MarkOf(b));
}

void Decode(Session& session, int32_t token) { LFM2_REQUIRE_OK(session.Decode(token)); }

}  // namespace

TEST_CASE("each token of a text that repeats itself: logits, hidden state and marks of a session that never guesses") {
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8}) {
    for (const uint32_t most : {1u, 2u, 5u, kMaxDraftTokens}) {
      CAPTURE(most);
      Clock clock;
      SessionOptions options = Drafting(&clock, most, 24), plain = OptionsWithChunk(24);
      options.kv_cache = plain.kv_cache = type;
      OpenSession drafting(Home().image(), options), never(Home().image(), plain);
      const std::vector<int32_t> text = Repetitive(200, most);
      for (const int32_t token : text) {
        Decode(*drafting.session, token);
        Decode(*never.session, token);
        CheckSame(*drafting.session, *never.session);
      }
      const DraftStatistics statistics = drafting.session->draft_statistics();
      CHECK(statistics.passes > 10);
      CHECK(statistics.accepted > 20);
      CHECK(statistics.accepted < statistics.drafted);
      CHECK(drafting.arena.RimIsIntact());
    }
  }
}

TEST_CASE("every kind of layer and type, in steps: the same bits") {
  for (const char* name : {"moe-256-Q4_K_M", "moe-odd-Q4_0", "dense-256-Q4_0", "moe-low-Q2_K"}) {
    CAPTURE(name);
    const TestModel model(std::string(LFM2_TEST_DATA) + "/gguf/" + name + ".gguf");
    Clock clock;
    OpenSession drafting(model.image(), Drafting(&clock)), never(model.image(), OptionsWithChunk());
    for (const int32_t token : Repetitive(80, 3)) {
      const int32_t id = token % static_cast<int32_t>(model.config().vocab_size);
      LFM2_REQUIRE_OK(drafting.session->Begin({&id, 1}));
      while (drafting.session->steps_left() > 0) LFM2_REQUIRE_OK(drafting.session->Step());
      Decode(*never.session, id);
      CheckSame(*drafting.session, *never.session);
    }
    CHECK(drafting.session->draft_statistics().accepted > 5);
  }
}

TEST_CASE("marked, rewound, forked, saved, loaded, given up and prefilled between guesses: no difference") {
  std::mt19937 random(5);
  Clock clock, other_clock;
  OpenSession drafting(Home().image(), Drafting(&clock)), never(Home().image(), OptionsWithChunk());
  OpenSession other(Home().image(), Drafting(&other_clock, 3));
  Session &a = *drafting.session, &b = *never.session, &c = *other.session;
  const std::vector<int32_t> text = Repetitive(2000, 9);
  size_t at = 0;
  Bytes mark_a = MarkOf(a), mark_b = MarkOf(b);
  for (int round = 0; round < 900; ++round) {
    CAPTURE(round);
    if (a.position() > 200) {
      a.Reset();
      b.Reset();
      mark_a = MarkOf(a);
      mark_b = MarkOf(b);
    }
    const int32_t token = text[at++ % text.size()];
    switch (random() % 16) {
      case 0:
        mark_a = MarkOf(a);
        mark_b = MarkOf(b);
        CHECK(mark_a == mark_b);
        continue;
      case 1:
        LFM2_REQUIRE_OK(a.Rewind({mark_a.data(), mark_a.size()}));
        LFM2_REQUIRE_OK(b.Rewind({mark_b.data(), mark_b.size()}));
        break;
      case 2: {  // a fork of the fork: through a session that guesses, too
        LFM2_REQUIRE_OK(c.ForkFrom(a));
        CHECK(Logits(c) == Logits(b));
        LFM2_REQUIRE_OK(a.ForkFrom(c));
        break;
      }
      case 3: {
        std::string bytes;
        size_t read = 0;
        LFM2_REQUIRE_OK(a.Save(
            [&](Span<const std::byte> part) {
              bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
              return true;
            },
            StateNote(), true));
        LFM2_REQUIRE_OK(a.Load([&](Span<std::byte> part) {
          REQUIRE(bytes.size() - read >= part.size());
          std::memcpy(part.data(), bytes.data() + read, part.size());
          read += part.size();
          return true;
        }));
        break;
      }
      case 4: {  // begun, gone on with for some steps, given up
        LFM2_REQUIRE_OK(a.Begin({&token, 1}));
        if (a.steps_left() > 0) {
          for (auto steps = random() % a.steps_left(); steps > 0; --steps) LFM2_REQUIRE_OK(a.Step());
          a.Abort();
          LFM2_REQUIRE_OK(a.Begin({&token, 1}));
        }
        LFM2_REQUIRE_OK(a.Finish());
        Decode(b, token);
        break;
      }
      case 5: {
        const std::vector<int32_t> some(text.begin() + static_cast<long>(at), text.begin() + static_cast<long>(at) + 7);
        at += 7;
        LFM2_REQUIRE_OK(a.Prefill({some.data(), some.size()}));
        LFM2_REQUIRE_OK(b.Prefill({some.data(), some.size()}));
        break;
      }
      case 6: {
        std::vector<float> from_a, from_b;
        const auto keep = [](std::vector<float>* to) {
          return [to](uint32_t, Span<const float> logits) { to->assign(logits.begin(), logits.end()); };
        };
        LFM2_REQUIRE_OK(a.PrefillLogits({&token, 1}, keep(&from_a)));
        LFM2_REQUIRE_OK(b.PrefillLogits({&token, 1}, keep(&from_b)));
        CHECK(from_a == from_b);
        break;
      }
      case 7: {  // memory next to the sequence belongs to the caller
        const Span<std::byte> scratch = a.text_scratch();
        std::memset(scratch.data(), 0xff, scratch.size());
        const Span<int32_t> room = a.token_room();
        std::fill(room.begin(), room.end(), 7);
        break;
      }
      default:
        Decode(a, token);
        Decode(b, token);
        break;
    }
    CheckSame(a, b);
  }
  CHECK(a.draft_statistics().accepted > 100);
  CHECK(drafting.arena.RimIsIntact());
}

TEST_CASE("answers, greedy and sampled, are the same tokens") {
  for (const float temperature : {0.0f, 0.8f, 1.5f}) {
    Clock clock;
    SessionOptions plain = OptionsWithChunk(), options = Drafting(&clock, 8);
    plain.context_length = options.context_length = 2048;
    OpenSession drafting(Home().image(), options), never(Home().image(), plain);
    ConversationOptions chat;
    chat.sampler.temperature = temperature;
    chat.sampler.repetition_penalty = temperature == 0.0f ? 1.0f : 1.05f;
    chat.sampler.seed = 11;
    Conversation a, b;
    LFM2_REQUIRE_OK(a.Open(drafting.session.get(), chat));
    LFM2_REQUIRE_OK(b.Open(never.session.get(), chat));
    for (const char* question : {"Turn on the kitchen light.", "Turn on the office light.", "Turn on the attic light.",
                                 "Count to twelve.", "Count to twelve.", "Tell me a tale.", "Tell me a tale."}) {
      std::string from_a, from_b;
      LFM2_REQUIRE_OK(a.Ask(question, 60, [&](std::string_view text) { from_a += text; }));
      LFM2_REQUIRE_OK(b.Ask(question, 60, [&](std::string_view text) { from_b += text; }));
      CHECK(from_a == from_b);
      CHECK(a.answer_end() == b.answer_end());
      CHECK(a.answer_tokens() == b.answer_tokens());
    }
    CheckSame(*drafting.session, *never.session);
    CHECK(drafting.session->draft_statistics().accepted > 10);
  }
}

TEST_CASE("up to the last position of the context nothing is guessed beyond it") {
  Clock clock;
  SessionOptions options = Drafting(&clock, 8), plain = OptionsWithChunk();
  options.context_length = plain.context_length = 61;
  OpenSession drafting(Home().image(), options), never(Home().image(), plain);
  for (uint32_t i = 0; i < 61; ++i) {
    Decode(*drafting.session, 50 + static_cast<int32_t>(i % 3));
    Decode(*never.session, 50 + static_cast<int32_t>(i % 3));
    CheckSame(*drafting.session, *never.session);
  }
  CHECK(drafting.session->draft_statistics().accepted > 20);
  CHECK(drafting.session->Decode(50).code() == StatusCode::kContextFull);
  CHECK(drafting.arena.RimIsIntact());
}

TEST_CASE("an observer sees every token of the sequence once, and none that was only guessed") {
  Clock clock;
  OpenSession drafting(Home().image(), Drafting(&clock));
  Session& session = *drafting.session;
  struct Seen {
    std::vector<uint32_t> positions;
  } seen;
  Observer observer;
  observer.context = &seen;
  observer.hidden = [](void* context, uint32_t layer, uint32_t position, uint32_t tokens, const float*) {
    if (layer != 0) return;
    for (uint32_t t = 0; t < tokens; ++t) static_cast<Seen*>(context)->positions.push_back(position + t);
  };
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 120; ++i) {
    session.SetObserver(i / 20 % 2 == 0 ? nullptr : &observer);
    if (i / 20 % 2 != 0) expected.push_back(i);
    Decode(session, 50 + static_cast<int32_t>(i % 4));
  }
  CHECK(seen.positions == expected);
  CHECK(session.draft_statistics().accepted > 20);
}

TEST_CASE("where experts are read nothing is guessed, nor memory taken for it") {
  Clock clock;
  const SimulatedDeviceOptions drive;
  StreamedSession drafting(Home().image(), drive, Drafting(&clock));
  CHECK(drafting.session->options().draft_tokens == 0);
  CHECK(StreamedPlan(Home().image(), Drafting(&clock)).total_bytes ==
        StreamedPlan(Home().image(), OptionsWithChunk(16)).total_bytes);
  for (uint32_t i = 0; i < 30; ++i) Decode(*drafting.session, 50 + static_cast<int32_t>(i % 3));
  CHECK(drafting.session->draft_statistics().drafted == 0);
}

namespace {

using Experts = std::set<std::pair<uint32_t, uint32_t>>;  // (layer, expert)

// What each position of the tokens uses.
std::vector<Experts> ExpertsOf(const Image& image, const std::vector<int32_t>& tokens) {
  struct Used {
    std::vector<Experts> positions;
    uint32_t per_token;
  } used = {std::vector<Experts>(tokens.size()), image.config().experts_per_token};
  Observer observer;
  observer.context = &used;
  observer.routing = [](void* context, uint32_t layer, uint32_t position, const uint16_t* experts, const float*) {
    Used& to = *static_cast<Used*>(context);
    for (uint32_t i = 0; i < to.per_token; ++i) to.positions[position].insert({layer, experts[i]});
  };
  OpenSession probe(image, OptionsWithChunk());
  probe.session->SetObserver(&observer);
  LFM2_REQUIRE_OK(probe.session->Prefill({tokens.data(), tokens.size()}));
  return used.positions;
}

std::vector<int32_t> Joined(std::vector<int32_t> tokens, const std::vector<int32_t>& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
  return tokens;
}

}  // namespace

TEST_CASE("damaged weights that only a guessed token meets do not fail the tokens that came") {
  tools::FileSource source;
  tools::MemorySink sink;
  REQUIRE(source.Open(std::string(LFM2_TEST_DATA) + "/home/Q4_0.gguf").ok());
  REQUIRE(PackGguf(source, PackOptions(), &sink).ok());
  ImageCopy copy(sink.bytes());
  Image image;
  LFM2_REQUIRE_OK(image.Open(copy.storage()));
  // Three times the same stretch with an end; then the stretch continues differently. The end is guessed again,
  // and one of the experts that it needs, and no other token does, is full of NaNs by then.
  const std::vector<int32_t> stretch = {101, 102, 103, 104}, other = {105, 106};
  std::vector<int32_t> before;
  int32_t end = 40;
  Experts only_guessed;
  for (; end < 400 && only_guessed.empty(); ++end) {
    before.clear();
    for (int i = 0; i < 3; ++i) before = Joined(Joined(before, stretch), {end});
    const std::vector<int32_t> again = Joined(before, stretch);
    only_guessed = ExpertsOf(image, Joined(again, {end})).back();
    const std::vector<Experts> needed = ExpertsOf(image, Joined(again, other));
    for (size_t at = before.size(); at < needed.size(); ++at) {
      for (const auto& expert : needed[at]) only_guessed.erase(expert);
    }
  }
  REQUIRE(!only_guessed.empty());

  Clock clock;
  OpenSession drafting(image, Drafting(&clock)), never(image, OptionsWithChunk());
  Session &a = *drafting.session, &b = *never.session;
  for (const int32_t token : before) {
    Decode(a, token);
    Decode(b, token);
  }
  const auto [layer, expert] = *only_guessed.begin();
  const uint32_t moe_layer = layer - image.config().dense_layers;
  const std::ptrdiff_t record = image.Record(moe_layer, expert) - reinterpret_cast<const uint8_t*>(copy.data());
  std::memset(copy.data() + record, 0xff, static_cast<size_t>(image.record_layer(moe_layer).bytes));
  const DraftStatistics so_far = a.draft_statistics();
  for (const int32_t token : Joined(stretch, other)) {
    Decode(a, token);
    Decode(b, token);
    CheckSame(a, b);
  }
  // The guess was made, and what it had computed thrown away.
  CHECK(a.draft_statistics().accepted - so_far.accepted < stretch.size() - 1);
}

TEST_CASE("options: too many tokens, no clock, chunks that hold fewer; the plan grows by what guesses need") {
  Clock clock;
  const auto refused = [&](const SessionOptions& options) { return CheckOptions(Home().config(), options); };
  SessionOptions many = Drafting(&clock, kMaxDraftTokens + 1);
  CHECK(std::string(refused(many).where()) == "options.draft_tokens");
  CHECK(refused(many).value() == kMaxDraftTokens + 1);
  CHECK(refused(many).limit() == kMaxDraftTokens);
  SessionOptions timeless = Drafting(&clock);
  timeless.now_ns = nullptr;
  CHECK(std::string(refused(timeless).where()) == "options.now_ns");
  timeless.draft_tokens = 0;
  CHECK(refused(timeless).ok());
  CHECK(Normalized(Home().config(), Drafting(&clock, 8, 4)).draft_tokens == 3);
  CHECK(Normalized(Home().config(), Drafting(&clock, 8, 1)).draft_tokens == 0);
  const ModelConfig& c = Home().config();
  const uint64_t plain = MakePlan(c, OptionsWithChunk(16)).total_bytes;
  const uint64_t drafting = MakePlan(c, Drafting(&clock, 5)).total_bytes;
  const uint64_t least = 5 * (c.vocab_size + c.hidden_size + State::ConvFloats(c)) * sizeof(float);
  CHECK(drafting >= plain + least);
  CHECK(drafting <= plain + least + 16384);
}

}  // namespace lfm2::test
