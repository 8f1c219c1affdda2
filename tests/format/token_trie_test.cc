// Opening a token trie: any bytes give a Status or a trie that a walk does not leave.
#include "lfm2/format/token_trie.h"

#include <random>

#include "lfm2/text/token_trie_builder.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

constexpr TokenClass kClasses[] = {TokenClass::kPlain, TokenClass::kControl, TokenClass::kOther};

// A vocabulary with tokens in every trie, some of equal bytes.
const Vocab& SmallVocab() {
  static const OpenVocab vocab = [] {
    const tools::VocabSource home = ReadVocabSource("vocab-home.json");
    tools::VocabSource source;
    source.tokens.assign(home.tokens.begin(), home.tokens.begin() + 280);
    source.types.assign(home.types.begin(), home.types.begin() + 280);
    for (const char* token : {"ab", "ab", "abc", "ab", "a\"", "a\"b", "a\"", "\xc3\xa9\xc3\xa9"}) {
      source.tokens.emplace_back(token);
      source.types.push_back(static_cast<int>(TokenType::kUserDefined));
    }
    // A line feed in byte-level spelling.
    source.tokens.emplace_back("a\xc4\x8a");
    source.types.push_back(static_cast<int>(TokenType::kNormal));
    return OpenVocab(source);
  }();
  return vocab.vocab;
}

const std::string& SmallTrie() {
  static const std::string section = [] {
    std::vector<uint64_t> memory(static_cast<size_t>(TokenTrieMemoryBytes(SmallVocab())) / 8);
    TokenTrie trie;
    REQUIRE(BuildTokenTrie(SmallVocab(), {reinterpret_cast<std::byte*>(memory.data()), memory.size() * 8}, &trie).ok());
    return std::string(reinterpret_cast<const char*>(trie.bytes().data()), trie.bytes().size());
  }();
  return section;
}

Status Open(const std::string& bytes, TokenTrie* trie) {
  const Section section(bytes);
  return TokenTrie::Open(section.span(), SmallVocab().size(), trie);
}

// Walks the tries, skipping subtrees in many ways; sanitizers detect what is out of bounds. Every token in them is one
// of the vocabulary.
void Walk(const TokenTrie& trie, uint32_t seed) {
  std::mt19937 random(seed);
  for (const TokenClass c : kClasses) {
    const Span<const TrieNode> nodes = trie.nodes(c);
    uint32_t steps = 0;
    for (size_t i = 0; i < nodes.size(); ++steps) {
      const TrieNode& node = nodes[i];
      REQUIRE((node.depth() > 0 && node.depth() <= trie.max_depth()));
      REQUIRE((node.token() == kNoToken || static_cast<uint32_t>(node.token()) < trie.token_count()));
      if (c == TokenClass::kPlain && node.token() != kNoToken) {
        const uint8_t length = trie.plain_lengths()[static_cast<size_t>(node.token())];
        REQUIRE((length > 0 && length <= node.depth()));
      }
      i += random() % 4 == 0 ? node.subtree() : 1;
      REQUIRE(i <= nodes.size());
    }
    REQUIRE(steps <= nodes.size());
  }
}

// Opens the bytes, and walks the tries if that succeeds.
bool OpensSafely(const std::string& bytes) {
  const Section section(bytes);
  TokenTrie trie;
  const Status status = TokenTrie::Open(section.span(), SmallVocab().size(), &trie);
  if (!status.ok()) {
    CHECK(Sentence(status).size() > 10);
    CHECK(trie.token_count() == 0);
    return false;
  }
  for (uint32_t seed = 0; seed < 3; ++seed) Walk(trie, seed);
  return true;
}

template <class T>
std::string With(size_t offset, T value) {
  std::string bytes = SmallTrie();
  std::memcpy(&bytes[offset], &value, sizeof(value));
  return bytes;
}

size_t NodeAt(TokenClass c, size_t node) {
  TokenTrieHeader h;
  std::memcpy(&h, SmallTrie().data(), sizeof(h));
  return static_cast<size_t>(TokenTrieLayout::Of(h.token_count, h.node_count).nodes[static_cast<size_t>(c)]) + 8 * node;
}

// The first node that has this property.
template <class Property>
size_t FindNode(TokenClass c, Property property) {
  TokenTrie trie;
  const Section section(SmallTrie());
  REQUIRE(TokenTrie::Open(section.span(), SmallVocab().size(), &trie).ok());
  for (size_t i = 0; i < trie.nodes(c).size(); ++i) {
    if (property(trie.nodes(c)[i])) return i;
  }
  FAIL("no such node");
  return 0;
}

// The Status for the trie with one node replaced.
std::string Refusal(TokenClass c, size_t node, uint32_t token_and_byte, uint32_t subtree_and_depth) {
  TokenTrie trie;
  const Status status = Open(With(NodeAt(c, node), uint64_t{subtree_and_depth} << 32 | token_and_byte), &trie);
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK(trie.token_count() == 0);
  return Sentence(status);
}

void Says(const std::string& sentence, const char* part) {
  CAPTURE(sentence);
  CHECK(sentence.find(part) != std::string::npos);
}

TEST_CASE("what is not a whole section of this vocabulary is refused") {
  const std::string& good = SmallTrie();
  REQUIRE(OpensSafely(good));
  for (size_t size = 0; size < good.size(); ++size) REQUIRE(!OpensSafely(good.substr(0, size)));
  CHECK(!OpensSafely(good + std::string(8, '\0')));
  TokenTrie trie;
  CHECK(TokenTrie::Open({}, 0, &trie).code() == StatusCode::kCorrupt);
  const Section section(good);
  for (const uint32_t tokens : {0u, SmallVocab().size() - 1, SmallVocab().size() + 1, UINT32_MAX}) {
    Says(Sentence(TokenTrie::Open(section.span(), tokens, &trie)), "is not that of the vocabulary");
  }
  CHECK(TokenTrie::Open(section.span(), SmallVocab().size(), nullptr).code() == StatusCode::kInvalidArgument);
  const Section shifted("1234" + good);
  CHECK(TokenTrie::Open(shifted.span().subspan(4, good.size()), SmallVocab().size(), &trie).code() ==
        StatusCode::kInvalidArgument);
  CHECK(trie.token_count() == 0);
}

TEST_CASE("an inconsistent header is refused, naming the field") {
  TokenTrieHeader h;
  std::memcpy(&h, SmallTrie().data(), sizeof(h));
  const auto refused = [](const std::string& bytes) {
    TokenTrie trie;
    const Status status = Open(bytes, &trie);
    CHECK(!status.ok());
    return std::string(status.where());
  };
  for (const uint32_t bad : {0u, 1u, 5u, 64u + 8, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    CAPTURE(bad);
    CHECK(refused(With(0, bad)) == "token_trie.magic");
    if (bad != kTokenTrieVersion) CHECK(refused(With(8, bad)) == "token_trie.version");
    CHECK(refused(With(12, bad)) == "token_trie.header_bytes");
    CHECK(refused(With(16, uint64_t{bad})) == "token_trie.section_bytes");
    CHECK(refused(With(16, h.section_bytes + (uint64_t{bad} << 32) + 8)) == "token_trie.section_bytes");
    CHECK(refused(With(24, bad)) == "token_trie.token_count");
    for (size_t c = 0; c < 3; ++c) {
      CHECK(refused(With(28 + 4 * c, bad)) ==
            (bad > kMaxTrieNodes ? "token_trie.node_count" : "token_trie.section_bytes"));
    }
    const bool shallow = bad < h.max_depth;
    CHECK(refused(With(40, bad)) == (shallow ? "token_trie.plain" : "token_trie.max_depth"));
    if (bad != 0) CHECK(refused(With(44 + bad % 5 * 4, bad)) == "token_trie.reserved");
  }
  // Counts with the same total size.
  std::string bytes = SmallTrie();
  TokenTrieHeader moved = h;
  ++moved.node_count[0], --moved.node_count[1];
  std::memcpy(&bytes[0], &moved, sizeof(moved));
  CHECK(!OpensSafely(bytes));
  bytes = SmallTrie();
  bytes.back() = 1;
  if (SmallVocab().size() % 8 != 0) CHECK(refused(bytes) == "token_trie");
}

TEST_CASE("a node that does not fit its place, or that would lead a walk out of the trie, is refused") {
  constexpr uint32_t kNone = 0xffffff00u;
  const TokenClass plain = TokenClass::kPlain;
  const uint32_t count = static_cast<uint32_t>(NodeAt(TokenClass::kControl, 0) - NodeAt(plain, 0)) / 8;
  const size_t parent = FindNode(plain, [](const TrieNode& n) { return n.subtree() > 2; });
  const size_t leaf = FindNode(plain, [](const TrieNode& n) { return n.subtree() == 1 && n.byte() > 0x20; });
  TrieNode up, end;
  std::memcpy(&up, &SmallTrie()[NodeAt(plain, parent)], sizeof(up));
  std::memcpy(&end, &SmallTrie()[NodeAt(plain, leaf)], sizeof(end));
  const uint32_t size = up.subtree() << 8, depth = up.depth();
  for (const uint32_t bad : {0u, 1u, up.subtree() - 1, up.subtree() + 1, count, count + 1, 0xfffffeu, 0xffffffu}) {
    CAPTURE(bad);
    CHECK(Refusal(plain, parent, up.token_and_byte, bad << 8 | depth).find("token_trie.plain") != std::string::npos);
  }
  Says(Refusal(plain, parent, up.token_and_byte, 0 << 8 | depth), "has a subtree that ends in the wrong place: 0");
  Says(Refusal(plain, 0, end.token_and_byte, (count + 1) << 8 | 1), "has a subtree that ends in the wrong place");
  for (const uint32_t bad : {0u, depth + 1, 255u}) {
    Says(Refusal(plain, parent, up.token_and_byte, size | bad), "has a node of the wrong depth");
  }
  Says(Refusal(plain, leaf, SmallVocab().size() << 8 | end.byte(), end.subtree_and_depth), "that does not exist");
  Says(Refusal(plain, leaf, 0xfffffe00u | end.byte(), end.subtree_and_depth), "that does not exist");
  Says(Refusal(plain, leaf, kNone | end.byte(), end.subtree_and_depth), "has a leaf without a token");
  Says(Refusal(plain, leaf, (end.token_and_byte & kNone) | 0xff, end.subtree_and_depth), "is not sorted");
  TrieNode first;
  std::memcpy(&first, &SmallTrie()[NodeAt(plain, 0)], sizeof(first));
  for (const uint32_t bad : {0u, 10u, 31u}) {
    Says(Refusal(plain, 0, (first.token_and_byte & kNone) | bad, first.subtree_and_depth),
         "has a byte that is not plain");
  }
  const size_t quote = FindNode(plain, [](const TrieNode& n) { return n.byte() == '#' && n.depth() == 1; });
  TrieNode next;
  std::memcpy(&next, &SmallTrie()[NodeAt(plain, quote)], sizeof(next));
  Says(Refusal(plain, quote, (next.token_and_byte & kNone) | '"', next.subtree_and_depth),
       "has a byte that is not plain");
  const size_t slash = FindNode(plain, [](const TrieNode& n) { return n.byte() == ']' && n.depth() == 1; });
  std::memcpy(&next, &SmallTrie()[NodeAt(plain, slash)], sizeof(next));
  Says(Refusal(plain, slash, (next.token_and_byte & kNone) | '\\', next.subtree_and_depth),
       "has a byte that is not plain");
}

TEST_CASE("tokens of equal bytes are rising leaves after the first, which alone may have children") {
  const TokenClass plain = TokenClass::kPlain;
  const auto at = [&](size_t node) {
    TrieNode n;
    std::memcpy(&n, &SmallTrie()[NodeAt(plain, node)], sizeof(n));
    return n;
  };
  // "ab" is tokens 280, 281 and 283, "abc" is 282.
  const size_t first = FindNode(plain, [](const TrieNode& n) { return n.token() == 280; });
  CHECK(at(first).subtree() == 2);
  CHECK(at(first + 1).token() == 282);
  CHECK(at(first + 2).token() == 281);
  CHECK(at(first + 3).token() == 283);
  const char* const twice = "has siblings of one byte that are not leaves of rising tokens";
  const uint32_t byte = at(first).byte(), leaf = at(first + 3).subtree_and_depth;
  Says(Refusal(plain, first, 0xffffff00u | byte, at(first).subtree_and_depth), twice);
  for (const uint32_t token : {0u, 280u, 281u}) Says(Refusal(plain, first + 3, token << 8 | byte, leaf), twice);
  Says(Refusal(plain, first + 2, 281u << 8 | byte, 2u << 8 | 2), twice);
}

TEST_CASE("lengths of plain tokens are those of the trie, and no other token has one") {
  TokenTrieHeader h;
  std::memcpy(&h, SmallTrie().data(), sizeof(h));
  const size_t lengths = static_cast<size_t>(TokenTrieLayout::Of(h.token_count, h.node_count).plain_lengths);
  for (uint32_t t = 0; t < h.token_count; ++t) {
    TokenTrie trie;
    const std::string changed = With(lengths + t, static_cast<uint8_t>(SmallTrie()[lengths + t] ^ 1));
    Says(Sentence(Open(changed, &trie)), "token_trie.plain_lengths");
  }
  // U+00E9 twice.
  CHECK(SmallTrie()[lengths + 287] == 2);
}

TEST_CASE("plain tokens have 1 to 254 characters, and no vocabulary has more than 2^24 - 1 tokens") {
  // One plain token of `depth` bytes, put together by hand (docs/format-token-trie.md).
  const auto open = [](uint32_t depth, uint8_t byte, uint8_t length) {
    TokenTrieHeader h{};
    std::memcpy(h.magic, kTokenTrieMagic, sizeof(h.magic));
    h.version = kTokenTrieVersion;
    h.header_bytes = sizeof(h);
    h.token_count = 1;
    h.node_count[0] = h.max_depth = depth;
    h.section_bytes = TokenTrieLayout::Of(1, h.node_count).section_bytes;
    std::string bytes(static_cast<size_t>(h.section_bytes), '\0');
    std::memcpy(bytes.data(), &h, sizeof(h));
    for (uint32_t i = 0; i < depth; ++i) {
      const TrieNode node{(i + 1 == depth ? 0 : kMaxTrieTokens) << 8 | byte, (depth - i) << 8 | (i + 1)};
      std::memcpy(&bytes[sizeof(h) + i * sizeof(node)], &node, sizeof(node));
    }
    bytes[sizeof(h) + depth * sizeof(TrieNode)] = static_cast<char>(length);
    const Section section(bytes);
    TokenTrie trie;
    return Sentence(TokenTrie::Open(section.span(), 1, &trie));
  };
  CHECK(open(1, 'a', 1) == "ok");
  CHECK(open(254, 'a', 254) == "ok");
  Says(open(255, 'a', 255), "has a token of too many characters, or none: 255, expected 254");
  Says(open(1, 0x80, 0), "has a token of too many characters, or none: 0");

  TokenTrie trie;
  const Section section(With(offsetof(TokenTrieHeader, token_count), kMaxTrieTokens + 1));
  CHECK(TokenTrie::Open(section.span(), kMaxTrieTokens + 1, &trie).code() == StatusCode::kCorrupt);
}

TEST_CASE("every changed byte is refused, or CheckTokenTrie finds that the trie is not the vocabulary's") {
  const std::string& good = SmallTrie();
  size_t opened = 0;
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int pattern : {0x01, 0x02, 0x10, 0x80, 0xff}) {
      const std::string bytes = With(at, static_cast<char>(good[at] ^ pattern));
      if (!OpensSafely(bytes)) continue;
      ++opened;
      const Section section(bytes);
      TokenTrie trie;
      REQUIRE(TokenTrie::Open(section.span(), SmallVocab().size(), &trie).ok());
      CHECK(CheckTokenTrie(SmallVocab(), trie).code() == StatusCode::kCorrupt);
    }
  }
  CHECK(opened > 100);
}

TEST_CASE("random mutations are refused or harmless") {
  const std::string& good = SmallTrie();
  std::mt19937 random(3);
  int opened = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      const size_t node = NodeAt(TokenClass::kPlain, 0) + random() % (good.size() - 64) / 8 * 8;
      const size_t other = NodeAt(TokenClass::kPlain, 0) + random() % (good.size() - 64) / 8 * 8;
      switch (random() % 4) {
        case 0: std::memcpy(&bytes[node], &good[other], 8); break;         // another node
        case 1: bytes[node + 5] = static_cast<char>(random() % 8); break;  // another size
        case 2: bytes[node] = static_cast<char>(random()); break;          // another byte
        default: bytes[node + 1 + random() % 3] = static_cast<char>(random());
      }
    }
    opened += OpensSafely(bytes) ? 1 : 0;
  }
  CHECK(opened > 100);
  CHECK(opened < 19000);
}

TEST_CASE("without tokens the tries have no nodes") {
  TokenTrieHeader h{};
  std::memcpy(h.magic, kTokenTrieMagic, sizeof(h.magic));
  h.version = kTokenTrieVersion;
  h.header_bytes = sizeof(h);
  h.token_count = 3;
  h.section_bytes = sizeof(h) + 8;
  const Section section(std::string(reinterpret_cast<const char*>(&h), sizeof(h)) + std::string(8, '\0'));
  TokenTrie trie;
  REQUIRE(TokenTrie::Open(section.span(), 3, &trie).ok());
  Walk(trie, 1);
  CHECK((trie.max_depth() == 0 && trie.plain_lengths().size() == 3));
  for (const TokenClass c : kClasses) CHECK(trie.nodes(c).empty());
}

}  // namespace
}  // namespace lfm2::test
