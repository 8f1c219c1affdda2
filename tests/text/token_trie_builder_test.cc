#include "lfm2/text/token_trie_builder.h"

#include <algorithm>
#include <map>
#include <random>

#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

constexpr TokenClass kClasses[] = {TokenClass::kPlain, TokenClass::kControl, TokenClass::kOther};

// A trie in memory of exactly the size that was asked for.
struct BuiltTrie {
  explicit BuiltTrie(const Vocab& vocab) : memory(static_cast<size_t>(TokenTrieMemoryBytes(vocab)) / 8) {
    const Status status = BuildTokenTrie(vocab, span(), &trie);
    REQUIRE_MESSAGE(status.ok(), Sentence(status));
  }
  Span<std::byte> span() { return {reinterpret_cast<std::byte*>(memory.data()), memory.size() * 8}; }

  std::vector<uint64_t> memory;
  TokenTrie trie;
};

// Characters of UTF-8, by the table of well-formed byte sequences (Unicode 15, table 3-7): their lengths; 0 where a
// byte is part of none.
size_t WellFormed(const std::string& text, size_t at) {
  static const struct {
    uint8_t first[2];
    std::vector<std::pair<int, int>> rest;
  } kRows[] = {{{0x00, 0x7f}, {}},
               {{0xc2, 0xdf}, {{0x80, 0xbf}}},
               {{0xe0, 0xe0}, {{0xa0, 0xbf}, {0x80, 0xbf}}},
               {{0xe1, 0xec}, {{0x80, 0xbf}, {0x80, 0xbf}}},
               {{0xed, 0xed}, {{0x80, 0x9f}, {0x80, 0xbf}}},
               {{0xee, 0xef}, {{0x80, 0xbf}, {0x80, 0xbf}}},
               {{0xf0, 0xf0}, {{0x90, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}}},
               {{0xf1, 0xf3}, {{0x80, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}}},
               {{0xf4, 0xf4}, {{0x80, 0x8f}, {0x80, 0xbf}, {0x80, 0xbf}}}};
  const auto within = [&](size_t i, int low, int high) {
    return i < text.size() && static_cast<uint8_t>(text[i]) >= low && static_cast<uint8_t>(text[i]) <= high;
  };
  for (const auto& row : kRows) {
    bool fits = within(at, row.first[0], row.first[1]);
    for (size_t i = 0; i < row.rest.size(); ++i) {
      fits = fits && within(at + 1 + i, row.rest[i].first, row.rest[i].second);
    }
    if (fits) return 1 + row.rest.size();
  }
  return 0;
}

// The class of a token and, of a plain one, its characters: what docs/format-token-trie.md says.
std::pair<TokenClass, int> Classified(const std::string& text) {
  int characters = 0;
  for (size_t at = 0; at < text.size(); ++characters) {
    const uint8_t byte = static_cast<uint8_t>(text[at]);
    if (byte < 0x20) return {TokenClass::kControl, 0};
    const size_t length = WellFormed(text, at);
    if (length == 0 || byte == '"' || byte == '\\') return {TokenClass::kOther, 0};
    at += length;
  }
  return characters > 254 ? std::pair<TokenClass, int>{TokenClass::kOther, 0}
                          : std::pair<TokenClass, int>{TokenClass::kPlain, characters};
}

// The same trie out of maps: the tokens of every prefix.
using Prefixes = std::map<std::string, std::vector<int32_t>>;

size_t CheckBelow(const Prefixes& all, Span<const TrieNode> nodes, const std::string& prefix, size_t at) {
  for (int byte = 0; byte < 256; ++byte) {
    // Every beginning of a key is one, so the next that begins with `prefix` has one byte more.
    const auto found = all.lower_bound(prefix + static_cast<char>(byte));
    if (found == all.end() || found->first.compare(0, prefix.size(), prefix) != 0) break;
    const auto& [next, tokens] = *found;
    byte = static_cast<uint8_t>(next.back());
    const size_t begin = at;
    for (size_t i = 0; i == 0 || i < tokens.size(); ++i) {
      REQUIRE(at < nodes.size());
      const TrieNode& node = nodes[at];
      const int32_t token = tokens.empty() ? kNoToken : tokens[i];
      if (node.byte() != byte || node.depth() != next.size() || node.token() != token) FAIL("node " << at);
      at = i == 0 ? CheckBelow(all, nodes, next, at + 1) : at + 1;
      if (node.subtree() != (i == 0 ? at - begin : 1)) FAIL("the subtree of node " << begin);
    }
  }
  return at;
}

void CheckAgainstMaps(const Vocab& vocab) {
  BuiltTrie built(vocab);
  const TokenTrie& trie = built.trie;
  CHECK(CheckTokenTrie(vocab, trie).ok());
  CHECK(trie.token_count() == vocab.size());
  REQUIRE(trie.plain_lengths().size() == vocab.size());
  Prefixes prefixes[kTokenClasses];
  size_t max_depth = 0;
  for (uint32_t t = 0; t < vocab.size(); ++t) {
    const int32_t token = static_cast<int32_t>(t);
    const std::string bytes(vocab.TokenBytes(token));
    const TokenType type = vocab.type(token);
    const bool text = type == TokenType::kNormal || type == TokenType::kUserDefined || type == TokenType::kByte;
    const auto [token_class, length] = Classified(bytes);
    if (trie.plain_lengths()[t] != (text ? length : 0)) FAIL("the length of token " << t);
    if (!text || bytes.empty()) continue;
    max_depth = std::max(max_depth, bytes.size());
    Prefixes& p = prefixes[static_cast<size_t>(token_class)];
    for (size_t n = 1; n < bytes.size(); ++n) p[bytes.substr(0, n)];
    p[bytes].push_back(token);
  }
  CHECK(trie.max_depth() == max_depth);
  for (const TokenClass c : kClasses) {
    const Prefixes& p = prefixes[static_cast<size_t>(c)];
    CAPTURE(static_cast<int>(c));
    CHECK(CheckBelow(p, trie.nodes(c), "", 0) == trie.nodes(c).size());
  }
}

// Bytes as GGUF's byte-level vocabularies spell them.
std::string Spelled(const std::string& bytes) {
  const Vocab& home = HomeVocab().vocab;
  static const tools::VocabSource source = ReadVocabSource("vocab-home.json");
  std::string spelled;
  for (const char byte : bytes) spelled += source.tokens[home.ByteToken(static_cast<uint8_t>(byte))];
  return spelled;
}

// The 256 bytes, and tokens of the caller.
tools::VocabSource Bytes256() {
  tools::VocabSource source;
  for (int b = 0; b < 256; ++b) {
    source.tokens.push_back(Spelled(std::string(1, static_cast<char>(b))));
    source.types.push_back(static_cast<int>(TokenType::kNormal));
  }
  return source;
}

void Add(tools::VocabSource* source, const std::string& bytes, TokenType type = TokenType::kNormal) {
  source->tokens.push_back(type == TokenType::kNormal ? Spelled(bytes) : bytes);
  source->types.push_back(static_cast<int>(type));
}

TEST_CASE("the tries of published vocabularies are those that maps of all prefixes give") {
  CheckAgainstMaps(HomeVocab().vocab);
  CheckAgainstMaps(LargeVocab().vocab);
}

TEST_CASE("tokens of equal bytes, cut characters and the longest tokens have their places") {
  std::mt19937 random(15);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const std::vector<std::string> parts = {"a",
                                          "b",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\x1f",
                                          "\x7f",
                                          "\xc3\xa9",
                                          "\xc3",
                                          "\xa9",
                                          "\xe2\x82\xac",
                                          "\xe2\x82",
                                          "\xff",
                                          "\xed\xa0",
                                          "\xf0",
                                          "\xf0\x9f",
                                          std::string(1, '\0')};
  for (size_t round = 0; round < 30; ++round) {
    tools::VocabSource source = Bytes256();
    for (int t = 0; t < 200; ++t) {
      std::string bytes;
      // Few parts make many equal tokens.
      for (size_t n = below(5); n-- > 0;) bytes += parts[below(round % 2 == 0 ? 3 : parts.size())];
      const size_t kind = below(16);
      if (kind == 0) bytes.resize(255, 'z');                      // longer than a plain token may be
      if (kind == 1) bytes.resize(254, 'y');                      // as long as one may be
      if (kind == 2) bytes = std::string(253, 'z') + "\xc3\xa9";  // 255 bytes, 254 characters
      const TokenType types[] = {TokenType::kUnknown, TokenType::kUnused, TokenType::kByte};
      const size_t type = below(16);
      Add(&source, bytes, type < 3 ? types[type] : TokenType::kNormal);
    }
    Add(&source, "<user" + std::to_string(round), TokenType::kUserDefined);
    Add(&source, "<control>", TokenType::kControl);
    const OpenVocab vocab(source);
    CheckAgainstMaps(vocab.vocab);
  }
}

TEST_CASE("a token that no trie can hold is named") {
  tools::VocabSource source = Bytes256();
  Add(&source, std::string(256, 'x'));
  const OpenVocab vocab(source);
  std::vector<uint64_t> memory(1 << 12);
  TokenTrie trie;
  const Status status =
      BuildTokenTrie(vocab.vocab, {reinterpret_cast<std::byte*>(memory.data()), memory.size() * 8}, &trie);
  CHECK(status.code() == StatusCode::kUnsupported);
  CHECK(status.index() == 256);
  CHECK(status.value() == 256);
  CHECK(trie.token_count() == 0);
  // The bytes of a token that is not text are not needed.
  source.types.back() = static_cast<int>(TokenType::kUnused);
  CheckAgainstMaps(OpenVocab(source).vocab);
}

TEST_CASE("less memory than the bound suffices, and what suffices is said") {
  const Vocab& vocab = HomeVocab().vocab;
  BuiltTrie whole(vocab);
  TokenTrie trie;
  size_t given = 0;
  for (Status status; !(status = BuildTokenTrie(vocab, whole.span().subspan(0, given), &trie)).ok();) {
    REQUIRE(status.code() == StatusCode::kArenaTooSmall);
    CHECK(status.value() == given);
    REQUIRE(status.limit() > given);
    CHECK(trie.token_count() == 0);
    // One byte less than what is asked for the second time does not suffice either.
    const bool exact = given > vocab.size() * sizeof(uint32_t);
    given = static_cast<size_t>(status.limit());
    if (exact) {
      CHECK_FALSE(BuildTokenTrie(vocab, whole.span().subspan(0, given - 8), &trie).ok());
    } else {
      CHECK(given == TokenTrieMemoryBytes(vocab));
      given = vocab.size() * sizeof(uint32_t) + 64;
    }
  }
  CHECK(given < TokenTrieMemoryBytes(vocab));
  CHECK(trie.bytes().size() <= given);
  CHECK(trie.bytes().data() == whole.span().data());
}

TEST_CASE("what cannot work is refused by name") {
  const Vocab& vocab = HomeVocab().vocab;
  BuiltTrie built(vocab);
  TokenTrie trie;
  const Span<std::byte> memory = built.span();
  CHECK(Sentence(BuildTokenTrie(vocab, memory, nullptr)).find("out") != std::string::npos);
  CHECK(Sentence(BuildTokenTrie(Vocab(), memory, &trie)).find("not open") != std::string::npos);
  const Status shifted = BuildTokenTrie(vocab, memory.subspan(4, memory.size() - 4), &trie);
  CHECK(Sentence(shifted).find("aligned to 8") != std::string::npos);
}

TEST_CASE("a trie of another vocabulary is found out") {
  tools::VocabSource source = Bytes256();
  for (const char* text : {"ab", "abc", "x\xc3\xa9", "ab"}) Add(&source, text);
  const OpenVocab vocab(source);
  BuiltTrie built(vocab.vocab);
  CHECK(CheckTokenTrie(vocab.vocab, built.trie).ok());
  const auto other = [&](auto&& change) {
    tools::VocabSource changed = source;
    change(&changed);
    const OpenVocab opened(changed);
    const Status status = CheckTokenTrie(opened.vocab, built.trie);
    CHECK(status.code() == StatusCode::kCorrupt);
    return status.index();
  };
  CHECK(other([](auto* s) { s->tokens[257] = "abd"; }) == 257);
  CHECK(other([](auto* s) { s->types[258] = static_cast<int>(TokenType::kUnused); }) == 258);
  CHECK(other([](auto* s) { s->tokens[259] = "b"; }) == 259);
  CHECK(other([](auto* s) { s->tokens.emplace_back("new"), s->types.push_back(1); }) == Status::kNoIndex);
  CHECK(CheckTokenTrie(Vocab(), built.trie).code() == StatusCode::kCorrupt);
  // A token that became text.
  source.types[256] = static_cast<int>(TokenType::kUnused);
  BuiltTrie fewer(OpenVocab(source).vocab);
  CHECK(CheckTokenTrie(vocab.vocab, fewer.trie).value() == 259);
}

}  // namespace
}  // namespace lfm2::test
