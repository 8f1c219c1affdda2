// The token trie of an image is the same wherever it comes from, and takes no more memory than was said.
#include <doctest/doctest.h>

#include <string_view>

#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

const TestModel& HomeWithoutTrie() {
  static const TestModel model(std::string(LFM2_TEST_DATA) + "/home/Q4_0.gguf", false);
  return model;
}

std::string_view TrieBytes(const TokenTrie& trie) {
  return {reinterpret_cast<const char*>(trie.bytes().data()), trie.bytes().size()};
}

// What the image of the home model has.
std::string_view Want() {
  TokenTrie trie;
  LFM2_REQUIRE_OK(Home().image().OpenTokenTrie(&trie));
  return TrieBytes(trie);
}

}  // namespace

TEST_CASE("of an image in memory the trie is used in place, and none of the memory") {
  TokenTrie trie;
  Span<std::byte> rest;
  CHECK(TokenTrieMemoryBytes(Home().image()) == 0);
  LFM2_REQUIRE_OK(OpenTokenTrie(Home().image(), {}, &rest, &trie));
  CHECK(TrieBytes(trie).data() == Want().data());
  CHECK(rest.empty());
  TestArena arena(1000);
  LFM2_REQUIRE_OK(OpenTokenTrie(Home().image(), arena.span(), &rest, &trie));
  CHECK((rest.data() == arena.span().data() && rest.size() == 1000));
}

TEST_CASE("an image without a trie gets the same one built, in the front of the memory") {
  const Image& image = HomeWithoutTrie().image();
  const uint64_t bytes = TokenTrieMemoryBytes(image);
  REQUIRE((image.token_trie_bytes() == 0 && bytes > Want().size()));
  CHECK(image.file_bytes() < Home().image().file_bytes());
  TestArena arena(bytes + 64);
  TokenTrie trie;
  Span<std::byte> rest;
  LFM2_REQUIRE_OK(OpenTokenTrie(image, arena.span(), &rest, &trie));
  CHECK(TrieBytes(trie) == Want());
  CHECK(trie.bytes().data() == arena.span().data());
  CHECK(rest.data() == arena.span().data() + RoundUp<size_t>(Want().size(), kAlignment));
  CHECK(rest.data() + rest.size() == arena.span().data() + arena.span().size());
  CHECK(arena.RimIsIntact());
  // Both models are one: only the ends of their files differ.
  CHECK(CheckTokenTrie(image.vocab(), trie).ok());
  const Status small = OpenTokenTrie(image, arena.span().subspan(0, Want().size()), &rest, &trie);
  CHECK(small.code() == StatusCode::kArenaTooSmall);
  LFM2_REQUIRE_OK(OpenTokenTrie(image, arena.span().subspan(0, static_cast<size_t>(small.limit())), &rest, &trie));
}

TEST_CASE("of an image on a drive the trie is read, once, before a session opens on what is left") {
  const Image& resident = Home().image();
  const std::vector<int32_t> ids = TestPrompt(12);
  SessionOptions options = OptionsWithChunk(8);
  OpenSession want(resident, options);
  LFM2_REQUIRE_OK(want.session->Prefill({ids.data(), ids.size()}));
  for (const uint32_t alignment : {512u, 4096u}) {
    SimulatedDeviceOptions drive = DriveOptions(4, 4 * kBlock);
    drive.alignment = alignment;
    options.arena_bytes = ArenaFor(resident, options, 12);
    const uint64_t trie_bytes = RoundUp<uint64_t>(Want().size(), kRecordAlignment);
    StreamedImage s(resident, drive, options.arena_bytes + trie_bytes);
    LFM2_REQUIRE_OK(s.opened);
    CHECK(TokenTrieMemoryBytes(s.image) == trie_bytes);
    const uint64_t before = s.watched.bytes();
    TokenTrie trie;
    Span<std::byte> rest;
    CHECK(s.image.OpenTokenTrie(&trie).code() == StatusCode::kFailedPrecondition);
    CHECK(s.image.VerifyTokenTrie().code() == StatusCode::kFailedPrecondition);
    LFM2_REQUIRE_OK(OpenTokenTrie(s.image, s.rest, &rest, &trie));
    CHECK(TrieBytes(trie) == Want());
    CHECK(s.watched.bytes() - before == RoundUp<uint64_t>(Want().size(), alignment));
    CHECK((rest.data() == s.rest.data() + trie_bytes && rest.size() == s.rest.size() - trie_bytes));
    Session session;
    LFM2_REQUIRE_OK(session.Open(s.image, options, rest));
    LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
    CHECK(Logits(session) == Logits(*want.session));
    CHECK(TrieBytes(trie) == Want());
    CHECK(s.IsClean());
  }
}

TEST_CASE("an image on a drive that has no trie gets one built, and a session still opens on what is left") {
  const Image& resident = HomeWithoutTrie().image();
  SessionOptions options = OptionsWithChunk(8);
  options.arena_bytes = ArenaFor(resident, options, 12);
  const uint64_t bytes = RoundUp<uint64_t>(TokenTrieMemoryBytes(resident), kRecordAlignment);
  StreamedImage s(resident, DriveOptions(4, 4 * kBlock), options.arena_bytes + bytes);
  LFM2_REQUIRE_OK(s.opened);
  TokenTrie trie;
  Span<std::byte> rest;
  CHECK(s.image.ReadTokenTrie(s.rest, &trie).code() == StatusCode::kFailedPrecondition);
  LFM2_REQUIRE_OK(OpenTokenTrie(s.image, s.rest, &rest, &trie));
  CHECK(TrieBytes(trie) == Want());
  Session session;
  LFM2_REQUIRE_OK(session.Open(s.image, options, rest));
  LFM2_REQUIRE_OK(session.Decode(1));
  CHECK(TrieBytes(trie) == Want());
  CHECK(s.IsClean());
}

TEST_CASE("what a drive reads wrongly, or not at all, is not a trie; later it is") {
  const Image& resident = Home().image();
  const uint64_t trie_bytes = RoundUp<uint64_t>(Want().size(), kRecordAlignment);
  for (const Fault fault : {Fault::kIoError, Fault::kShortRead, Fault::kBadBits, Fault::kVanished, Fault::kTimeout}) {
    for (const uint64_t at : {uint64_t{0}, uint64_t{Want().size() / 2}}) {
      CAPTURE(static_cast<int>(fault));
      StreamedImage s(resident, DriveOptions(4, 2 * kBlock), resident.front_bytes() + trie_bytes);
      LFM2_REQUIRE_OK(s.opened);
      s.drive.FailAt(resident.file_bytes() - Want().size() + at, fault);
      TokenTrie trie;
      Span<std::byte> rest;
      const Status status = OpenTokenTrie(s.image, s.rest, &rest, &trie);
      CHECK(!status.ok());
      if (fault == Fault::kBadBits) CHECK(std::string_view(status.what()) == "has the wrong CRC-32C");
      CHECK((trie.token_count() == 0 && rest.empty()));
      int tries = 0;
      while (!OpenTokenTrie(s.image, s.rest, &rest, &trie).ok()) REQUIRE(++tries < 4);
      CHECK(TrieBytes(trie) == Want());
      CHECK(s.IsClean());
    }
  }
}

TEST_CASE("memory that does not suit, a closed image and missing results say so") {
  StreamedImage s(Home().image(), DriveOptions(4, 2 * kBlock), Home().image().front_bytes() + 16 * kBlock);
  LFM2_REQUIRE_OK(s.opened);
  TokenTrie trie;
  Span<std::byte> rest;
  const Span<std::byte> memory = s.rest;
  const size_t needed = static_cast<size_t>(TokenTrieMemoryBytes(s.image));
  const Status small = OpenTokenTrie(s.image, memory.subspan(0, needed - 1), &rest, &trie);
  CHECK(small.code() == StatusCode::kArenaTooSmall);
  CHECK((small.value() == needed - 1 && small.limit() == needed));
  CHECK(OpenTokenTrie(s.image, {}, &rest, &trie).code() == StatusCode::kArenaTooSmall);
  const Span<std::byte> odd = memory.subspan(64, memory.size() - 64);
  CHECK(OpenTokenTrie(s.image, odd, &rest, &trie).code() == StatusCode::kInvalidArgument);
  CHECK(s.image.ReadTokenTrie(odd, &trie).code() == StatusCode::kInvalidArgument);
  CHECK(OpenTokenTrie(HomeWithoutTrie().image(), memory.subspan(8, memory.size() - 8), &rest, &trie).code() ==
        StatusCode::kInvalidArgument);
  CHECK(OpenTokenTrie(s.image, memory, nullptr, &trie).code() == StatusCode::kInvalidArgument);
  CHECK(OpenTokenTrie(s.image, memory, &rest, nullptr).code() == StatusCode::kInvalidArgument);
  s.image.Close();
  CHECK(OpenTokenTrie(s.image, memory, &rest, &trie).code() == StatusCode::kFailedPrecondition);
  CHECK(s.image.ReadTokenTrie(memory, &trie).code() == StatusCode::kFailedPrecondition);
  CHECK((rest.empty() && trie.token_count() == 0));
}

}  // namespace lfm2::test
