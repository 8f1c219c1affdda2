// A conversation that is kept and brought back, forked, or started from a snapshot continues as if it had never
// stopped. If one of these fails, a device that was switched off answers something else than one that was not.
#include <doctest/doctest.h>

#include <vector>

#include "programs/text/chat_formats.h"
#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

SessionOptions WithContext(uint32_t context) {
  SessionOptions options;
  options.context_length = context;
  return options;
}

ConversationOptions Sampled() {
  ConversationOptions options;
  options.sampler.temperature = 1.2f;
  options.sampler.min_p = 0.0f;
  options.sampler.seed = 3;
  return options;
}

struct SampledChat {
  explicit SampledChat(const ConversationOptions& options = Sampled(), uint32_t context = 512)
      : open(Home().image(), WithContext(context)) {
    LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  }
  std::string Ask(std::string_view content, uint32_t tokens = 30) {
    std::string text;
    LFM2_REQUIRE_OK(conversation.Ask(content, tokens, [&](std::string_view part) { text += part; }));
    return text;
  }
  std::string GoOn(uint32_t tokens = 30) {
    std::string text;
    LFM2_REQUIRE_OK(conversation.Answer(tokens, [&](std::string_view part) { text += part; }));
    return text;
  }
  Bytes Save() const {
    Bytes bytes;
    LFM2_REQUIRE_OK(
        conversation.Save([&](Span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); }));
    return bytes;
  }
  Status Load(const Bytes& bytes) {
    size_t at = 0;
    return conversation.Load([&](Span<std::byte> part) {
      if (part.size() > bytes.size() - at) return false;
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), part.size(), part.begin());
      at += part.size();
      return true;
    });
  }
  std::vector<int32_t> Tokens() const {
    const Span<const int32_t> tokens = open.session->tokens();
    return {tokens.begin(), tokens.end()};
  }
  OpenSession open;
  Conversation conversation;
};

TEST_CASE("saved after any token and loaded elsewhere, a sampled chat continues with the same tokens and text") {
  for (const uint32_t cut : {1u, 5u, 12u, 30u}) {
    CAPTURE(cut);
    SampledChat whole, first, second(Sampled(), 300);
    std::string want = whole.Ask("Tell me a tale."), got = first.Ask("Tell me a tale.", cut);
    const Bytes state = first.Save();
    LFM2_REQUIRE_OK(second.Load(state));
    if (second.conversation.can_go_on()) got += second.GoOn(30 - cut + (cut == 30 ? 1 : 0));
    if (cut == 30) {
      // The answer may have ended by itself; if not, both continue by one token.
      if (whole.conversation.can_go_on()) want += whole.GoOn(1);
    }
    CHECK(got == want);
    CHECK(second.Ask("And another one?") == whole.Ask("And another one?"));
    CHECK(second.Tokens() == whole.Tokens());
    CHECK(Logits(*second.open.session) == Logits(*whole.open.session));
  }
}

TEST_CASE("three forks of a chat say what three chats say that were told the same") {
  const char* const questions[] = {"Turn on the light in the hall.", "What is the capital of France?",
                                   "Tell me a tale."};
  SampledChat trunk;
  trunk.Ask("Could you remind me in 21 minutes please.");
  for (const char* const question : questions) {
    CAPTURE(question);
    SampledChat fork, alone;
    LFM2_REQUIRE_OK(fork.conversation.ForkFrom(trunk.conversation));
    alone.Ask("Could you remind me in 21 minutes please.");
    CHECK(fork.Ask(question) == alone.Ask(question));
    CHECK(fork.Tokens() == alone.Tokens());
  }
}

TEST_CASE("a mark takes the conversation along: what is said after it is as if nothing had been in between") {
  SampledChat chat, alone;
  chat.Ask("Could you remind me in 21 minutes please.");
  alone.Ask("Could you remind me in 21 minutes please.");
  Bytes mark(Conversation::MarkBytes(Home().config()));
  LFM2_REQUIRE_OK(chat.conversation.Mark({mark.data(), mark.size()}));
  chat.Ask("Tell me a tale.");
  LFM2_REQUIRE_OK(chat.conversation.Rewind({mark.data(), mark.size()}));
  CHECK(chat.Ask("What is the capital of France?") == alone.Ask("What is the capital of France?"));
  for (size_t at = 0; at < 64; ++at) {
    CAPTURE(at);
    mark[at] ^= std::byte{1};
    CHECK(!chat.conversation.Rewind({mark.data(), mark.size()}).ok());
    mark[at] ^= std::byte{1};
  }
  CHECK(chat.conversation.Rewind({mark.data(), 39}).code() == StatusCode::kCorrupt);
  CHECK(chat.conversation.Mark({mark.data(), mark.size() - 1}).code() == StatusCode::kOutputTooSmall);
}

TEST_CASE("a snapshot of system text and tools is what the context begins with") {
  ConversationOptions told = Greedy();
  const std::string_view tools[] = {"{\"name\": \"set_light\"}"};
  told.system = "You run a house.";
  told.tools = tools;
  SampledChat maker(told);
  LFM2_REQUIRE_OK(maker.conversation.Add(Span<const ChatMessage>()));
  LFM2_REQUIRE_OK(maker.conversation.Compute());
  const Bytes snapshot = maker.Save();
  SampledChat begun(Greedy()), alone(told);
  LFM2_REQUIRE_OK(begun.Load(snapshot));
  CHECK(begun.Ask("Turn on the light in the hall.") == alone.Ask("Turn on the light in the hall."));
  CHECK(begun.Tokens() == alone.Tokens());
}

TEST_CASE("what is not a state of this conversation is refused, and the conversation starts again") {
  SampledChat chat;
  chat.Ask("Tell me a tale.", 5);
  const Bytes good = chat.Save();
  Bytes plain;
  LFM2_REQUIRE_OK(chat.open.session->Save(
      [&](Span<const std::byte> part) { plain.insert(plain.end(), part.begin(), part.end()); }));
  SampledChat other;
  CHECK(other.Load(plain).code() == StatusCode::kInvalidArgument);
  CHECK(other.open.session->position() == 0);
  for (size_t at = 0; at < 200; ++at) {
    CAPTURE(at);
    Bytes bad = good;
    bad[at] ^= std::byte{0x10};
    CHECK(!other.Load(bad).ok());
    CHECK(other.open.session->position() == 0);
    CHECK(!other.conversation.can_go_on());
  }
  ConversationOptions newer = Sampled();
  newer.chat_format = tools::FindChatFormat("lfm2_5");
  SampledChat another(newer);
  CHECK(another.Load(good).code() == StatusCode::kInvalidArgument);
  LFM2_REQUIRE_OK(other.Load(good));
  LFM2_REQUIRE_OK(other.conversation.Add({ChatRole::kUser, "x"}));
  CHECK(other.conversation.Save([](Span<const std::byte>) {}).code() == StatusCode::kFailedPrecondition);
  CHECK(another.conversation.ForkFrom(other.conversation).code() == StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace lfm2::test
