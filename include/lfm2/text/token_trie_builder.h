// Builds the token trie of a vocabulary (format/token_trie.h): used by the packer to write it into an image, and by
// programs to build it in their own memory where an image has none.
#ifndef LFM2_TEXT_TOKEN_TRIE_BUILDER_H_
#define LFM2_TEXT_TOKEN_TRIE_BUILDER_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/token_trie.h"
#include "lfm2/format/vocab.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// The trie that some bytes belong to. plain_length: their number of characters if they are plain, otherwise 0.
struct TokenKind {
  TokenClass token_class;
  uint8_t plain_length;
};
inline TokenKind KindOfToken(std::string_view bytes) {
  uint32_t characters = 0;
  for (size_t at = 0; at < bytes.size(); ++characters) {
    const Utf8Char c = ReadUtf8(TextFrom(bytes, at));
    if (c.kind != Utf8Char::Kind::kValid || c.code_point == '"' || c.code_point == '\\') {
      return {TokenClass::kOther, 0};
    }
    if (c.code_point < 0x20) return {TokenClass::kControl, 0};
    at += c.length;
  }
  if (characters > kMaxPlainLength) return {TokenClass::kOther, 0};
  return {TokenClass::kPlain, static_cast<uint8_t>(characters)};
}

// Whether a token is in a trie: it is text and not empty.
inline bool IsInTrie(const Vocab& vocab, int32_t token) {
  const TokenType type = vocab.type(token);
  return (type == TokenType::kNormal || type == TokenType::kUserDefined || type == TokenType::kByte) &&
         !vocab.TokenBytes(token).empty();
}

// An upper bound of the bytes of memory that BuildTokenTrie needs. The trie itself is smaller, because tokens share
// prefixes. O(tokens).
inline uint64_t TokenTrieMemoryBytes(const Vocab& vocab) {
  uint64_t nodes = 0, tokens = 0;
  for (uint32_t t = 0; t < vocab.size(); ++t) {
    if (!IsInTrie(vocab, static_cast<int32_t>(t))) continue;
    nodes += vocab.TokenBytes(static_cast<int32_t>(t)).size();
    ++tokens;
  }
  const uint64_t end = Max<uint64_t>(tokens * sizeof(uint32_t), vocab.size());
  return RoundUp<uint64_t>(sizeof(TokenTrieHeader) + nodes * sizeof(TrieNode) + end, 8);
}

// Builds one trie after another in memory of the caller. The end of the memory holds the tokens, sorted, until they
// have been converted to nodes. Used by BuildTokenTrie.
class TokenTrieBuilder {
 public:
  TokenTrieBuilder(const Vocab& vocab, Span<std::byte> memory) : vocab_(vocab), memory_(memory) {}

  Status Build(TokenTrie* out) {
    LFM2_RETURN_IF_ERROR(CollectKeys());
    Sort();
    if (MarkRepeated()) Sort();
    LFM2_RETURN_IF_ERROR(CountNodes());
    WriteNodes();
    const Span<const std::byte> section = WriteRest();
    return TokenTrie::Open(section, vocab_.size(), out);
  }

 private:
  // A key consists of a token, its class, and whether an earlier token in the order has the same bytes.
  static constexpr uint32_t kTokenMask = 0xffffff, kRepeated = 1u << 24, kClassShift = 30;
  static_assert(kMaxTrieTokens <= kTokenMask, "a key holds every token");

  static uint32_t ClassOfKey(uint32_t key) { return key >> kClassShift; }
  std::string_view BytesOf(uint32_t key) const { return vocab_.TokenBytes(static_cast<int32_t>(key & kTokenMask)); }

  Status CollectKeys() {
    for (uint32_t t = 0; t < vocab_.size(); ++t) {
      const int32_t token = static_cast<int32_t>(t);
      if (!IsInTrie(vocab_, token)) continue;
      ++key_count_;
      const size_t size = vocab_.TokenBytes(token).size();
      if (size > kMaxTrieDepth) {
        return Status(StatusCode::kUnsupported, "vocabulary.token", "is too long for a token trie: bytes", size,
                      kMaxTrieDepth)
            .At(t);
      }
    }
    const size_t end = memory_.size() / sizeof(uint32_t) * sizeof(uint32_t), bytes = key_count_ * sizeof(uint32_t);
    if (bytes > end) return TooSmall(TokenTrieMemoryBytes(vocab_));
    keys_at_ = end - bytes;
    keys_ = reinterpret_cast<uint32_t*>(memory_.data() + keys_at_);
    uint32_t* next = keys_;
    for (uint32_t t = 0; t < vocab_.size(); ++t) {
      if (!IsInTrie(vocab_, static_cast<int32_t>(t))) continue;
      const TokenKind kind = KindOfToken(vocab_.TokenBytes(static_cast<int32_t>(t)));
      *next++ = t | static_cast<uint32_t>(kind.token_class) << kClassShift;
    }
    return Status();
  }

  // By class, then by bytes, as if each token ended with one more byte: one below all others or, if it is repeated, one
  // above them. So a repeated token follows everything that begins with its bytes.
  bool Less(uint32_t a, uint32_t b) const {
    if (ClassOfKey(a) != ClassOfKey(b)) return a < b;
    const std::string_view x = BytesOf(a), y = BytesOf(b);
    const int order = std::memcmp(x.data(), y.data(), Min(x.size(), y.size()));
    if (order != 0) return order < 0;
    if (x.size() == y.size()) return a < b;
    return x.size() < y.size() ? (a & kRepeated) == 0 : (b & kRepeated) != 0;
  }

  // Heap sort: in place, and O(n log n) for any vocabulary.
  void Sort() {
    for (uint32_t root = key_count_ / 2; root-- > 0;) SiftDown(keys_[root], root, key_count_);
    for (uint32_t end = key_count_; end-- > 1;) {
      const uint32_t key = keys_[end];
      keys_[end] = keys_[0];
      SiftDown(key, 0, end);
    }
  }

  // Inserts the key into the heap of `count` keys at or below `root`, whose own key is removed. The hole first moves
  // down to a leaf, then the key moves up from there: it mostly belongs near the leaves, so this takes half the
  // comparisons.
  void SiftDown(uint32_t key, uint32_t root, uint32_t count) {
    uint32_t hole = root;
    for (uint32_t child; (child = 2 * hole + 1) < count; hole = child) {
      if (child + 1 < count && Less(keys_[child], keys_[child + 1])) ++child;
      keys_[hole] = keys_[child];
    }
    while (hole > root) {
      const uint32_t parent = (hole - 1) / 2;
      if (!Less(keys_[parent], key)) break;
      keys_[hole] = keys_[parent];
      hole = parent;
    }
    keys_[hole] = key;
  }

  bool MarkRepeated() {
    bool any = false;
    for (uint32_t i = 1; i < key_count_; ++i) {
      if (BytesOf(keys_[i]) != BytesOf(keys_[i - 1])) continue;
      keys_[i] |= kRepeated;
      any = true;
    }
    return any;
  }

  // The number of bytes that key i shares with the previous one, at most all but its last one, which always has a node.
  size_t Shared(uint32_t i) const {
    if (i == 0 || ClassOfKey(keys_[i]) != ClassOfKey(keys_[i - 1])) return 0;
    const std::string_view x = BytesOf(keys_[i - 1]), y = BytesOf(keys_[i]);
    const size_t most = Min(x.size(), y.size() - 1);
    size_t n = 0;
    while (n < most && x[n] == y[n]) ++n;
    return n;
  }

  Status CountNodes() {
    for (uint32_t i = 0; i < key_count_; ++i) {
      uint32_t& count = header_.node_count[ClassOfKey(keys_[i])];
      const uint32_t added = static_cast<uint32_t>(BytesOf(keys_[i]).size() - Shared(i));
      if (added > kMaxTrieNodes - count) {
        return Status(StatusCode::kUnsupported, "vocabulary", "has more bytes than a token trie holds: nodes", count,
                      kMaxTrieNodes);
      }
      count += added;
    }
    layout_ = TokenTrieLayout::Of(vocab_.size(), header_.node_count);
    const uint64_t needed = Max(layout_.section_bytes, layout_.plain_lengths + key_count_ * sizeof(uint32_t));
    if (layout_.section_bytes > memory_.size() || layout_.plain_lengths > keys_at_) return TooSmall(needed);
    return Status();
  }

  Status TooSmall(uint64_t needed) const {
    return Status(StatusCode::kArenaTooSmall, "memory", "does not hold the token trie while it is built",
                  memory_.size(), RoundUp<uint64_t>(needed, 8));
  }

  // While the subtree of a node is incomplete, its size field holds the index of its parent plus 1.
  void WriteNodes() {
    TrieNode* nodes = nullptr;
    uint32_t count = 0, open = 0;  // open: the deepest such node plus 1; 0 if there is none
    const auto close = [&](size_t depth) {
      while (open != 0 && nodes[open - 1].depth() > depth) {
        TrieNode& node = nodes[open - 1];
        const uint32_t size = count - (open - 1);
        open = node.subtree();
        node.subtree_and_depth = size << 8 | node.depth();
      }
    };
    for (uint32_t i = 0; i < key_count_; ++i) {
      const std::string_view bytes = BytesOf(keys_[i]);
      const size_t shared = Shared(i);
      close(shared);
      if (i == 0 || ClassOfKey(keys_[i]) != ClassOfKey(keys_[i - 1])) {
        nodes = reinterpret_cast<TrieNode*>(memory_.data() + static_cast<size_t>(layout_.nodes[ClassOfKey(keys_[i])]));
        count = 0;
      }
      for (size_t at = shared; at < bytes.size(); ++at) {
        const uint32_t token = at + 1 == bytes.size() ? keys_[i] & kTokenMask : kMaxTrieTokens;
        nodes[count++] = {token << 8 | static_cast<uint8_t>(bytes[at]), open << 8 | static_cast<uint32_t>(at + 1)};
        open = count;
      }
      header_.max_depth = Max(header_.max_depth, static_cast<uint32_t>(bytes.size()));
    }
    close(0);
  }

  // Writes what follows the nodes, over the keys, and the header.
  Span<const std::byte> WriteRest() {
    uint8_t* const lengths = reinterpret_cast<uint8_t*>(memory_.data() + static_cast<size_t>(layout_.plain_lengths));
    std::memset(lengths, 0, static_cast<size_t>(layout_.section_bytes - layout_.plain_lengths));
    for (uint32_t t = 0; t < vocab_.size(); ++t) {
      const int32_t token = static_cast<int32_t>(t);
      if (IsInTrie(vocab_, token)) lengths[t] = KindOfToken(vocab_.TokenBytes(token)).plain_length;
    }
    std::memcpy(header_.magic, kTokenTrieMagic, sizeof(kTokenTrieMagic));
    header_.version = kTokenTrieVersion;
    header_.header_bytes = sizeof(TokenTrieHeader);
    header_.section_bytes = layout_.section_bytes;
    header_.token_count = vocab_.size();
    std::memcpy(memory_.data(), &header_, sizeof(header_));
    return {memory_.data(), static_cast<size_t>(layout_.section_bytes)};
  }

  const Vocab& vocab_;
  Span<std::byte> memory_;
  uint32_t* keys_ = nullptr;
  size_t keys_at_ = 0;  // offset in memory_
  uint32_t key_count_ = 0;
  TokenTrieHeader header_{};
  TokenTrieLayout layout_{};
};

// Writes the token trie section of the vocabulary to the front of `memory` and opens it: out->bytes() is the part of
// the memory in use, the rest is free again. Equal vocabularies give equal bytes. memory: aligned to 8 bytes, must
// outlive *out; TokenTrieMemoryBytes(vocab) bytes always suffice. O(n log n) for n tokens. Errors, which leave *out
// unchanged: kArenaTooSmall, where limit() suffices; kUnsupported for a token of more than kMaxTrieDepth bytes, whose
// id is index(), or too many tokens; kInvalidArgument for misaligned memory or a vocabulary that is not open.
inline Status BuildTokenTrie(const Vocab& vocab, Span<std::byte> memory, TokenTrie* out) {
  if (vocab.size() == 0) return Status(StatusCode::kInvalidArgument, "vocab", "is not open");
  if (reinterpret_cast<uintptr_t>(memory.data()) % 8 != 0) {
    return Status(StatusCode::kInvalidArgument, "memory", "is not aligned to 8 bytes");
  }
  if (vocab.size() > kMaxTrieTokens) {
    return Status(StatusCode::kUnsupported, "vocabulary.token_count", "is too large for a token trie", vocab.size(),
                  kMaxTrieTokens);
  }
  return TokenTrieBuilder(vocab, memory).Build(out);
}

// Checks what TokenTrie::Open cannot: that each token is where BuildTokenTrie puts it, with the bytes of the
// vocabulary. O(bytes of the tokens). Errors: kCorrupt, with the id of the token, for the trie of another vocabulary.
inline Status CheckTokenTrie(const Vocab& vocab, const TokenTrie& trie) {
  if (trie.token_count() != vocab.size()) {
    return Status(StatusCode::kCorrupt, "token_trie.token_count", "is not that of the vocabulary", trie.token_count(),
                  vocab.size());
  }
  char path[kMaxTrieDepth];
  uint64_t found = 0, expected = 0;
  for (uint32_t c = 0; c < kTokenClasses; ++c) {
    for (const TrieNode& node : trie.nodes(static_cast<TokenClass>(c))) {
      path[node.depth() - 1] = static_cast<char>(node.byte());
      const int32_t token = node.token();
      if (token == kNoToken) continue;
      const std::string_view bytes(path, node.depth());
      if (!IsInTrie(vocab, token) || vocab.TokenBytes(token) != bytes ||
          static_cast<uint32_t>(KindOfToken(bytes).token_class) != c) {
        return Status(StatusCode::kCorrupt, "token_trie", "has a token that is another one in the vocabulary")
            .At(static_cast<uint32_t>(token));
      }
      ++found;
    }
  }
  for (uint32_t t = 0; t < vocab.size(); ++t) expected += IsInTrie(vocab, static_cast<int32_t>(t)) ? 1u : 0u;
  if (found != expected) {
    return Status(StatusCode::kCorrupt, "token_trie", "has not all tokens of the vocabulary", found, expected);
  }
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_TEXT_TOKEN_TRIE_BUILDER_H_
