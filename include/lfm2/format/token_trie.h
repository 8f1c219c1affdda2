// The tokens of a vocabulary as tries of their bytes (docs/format-token-trie.md): a validated view, used in place. A
// search for the tokens that may come next walks it, and skips the subtree of a byte that is not allowed.
#ifndef LFM2_FORMAT_TOKEN_TRIE_H_
#define LFM2_FORMAT_TOKEN_TRIE_H_

#include <cstring>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"

namespace lfm2 {

// Classes of tokens by what their bytes mean inside a quoted text. Each class has its own trie. The numbers are part of
// the format.
enum class TokenClass : uint8_t {
  kPlain = 0,    // whole, valid UTF-8 characters from U+0020 on, none of them a '"' or '\\'; at most kMaxPlainLength
  kControl = 1,  // the first thing that is not plain is a byte below 0x20
  kOther = 2,    // the first thing that is not plain is a '"', a '\\', or no whole character
};
inline constexpr uint32_t kTokenClasses = 3;

inline constexpr char kTokenTrieMagic[8] = {'L', 'F', 'M', '2', 'T', 'R', 'I', '\n'};
inline constexpr uint32_t kTokenTrieVersion = 1;
// Bytes of the longest token in a trie, and characters of the longest plain one.
inline constexpr uint32_t kMaxTrieDepth = 255, kMaxPlainLength = 254;
// Most tokens of a vocabulary and nodes of a trie: they have 24 bits, and one number means no token.
inline constexpr uint32_t kMaxTrieTokens = 0xffffff, kMaxTrieNodes = 0xffffff;

// The first 64 bytes of the section; the rest follows in the order of TokenTrieLayout.
struct TokenTrieHeader {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes;
  uint64_t section_bytes;
  uint32_t token_count;  // of the vocabulary, not of the tries
  uint32_t node_count[kTokenClasses];
  uint32_t max_depth;  // of the deepest node in any trie, 0 if there is none
  uint8_t reserved[20];
};
static_assert(sizeof(TokenTrieHeader) == 64 && offsetof(TokenTrieHeader, max_depth) == 40, "the format fixes these");

// Offsets from the start of the section, computed from the counts alone.
struct TokenTrieLayout {
  uint64_t nodes[kTokenClasses];  // TrieNode[node_count[c]], one trie after another
  uint64_t plain_lengths;         // uint8_t[token_count]
  uint64_t section_bytes;

  static constexpr TokenTrieLayout Of(uint64_t tokens, const uint32_t (&node_count)[kTokenClasses]);
};

// One byte of one or more tokens. The nodes of a trie are in depth-first preorder: a node's first child is the next
// node, and its next sibling is subtree() nodes further. Siblings are sorted by their bytes, which differ, except for
// tokens with equal bytes: these are sorted by id, and each after the first is a leaf.
struct TrieNode {
  uint32_t token_and_byte;
  uint32_t subtree_and_depth;

  uint8_t byte() const { return static_cast<uint8_t>(token_and_byte); }
  // The token that ends with this byte; kNoToken if none does.
  int32_t token() const {
    const uint32_t token = token_and_byte >> 8;
    return token == kMaxTrieTokens ? kNoToken : static_cast<int32_t>(token);
  }
  // Nodes from this one to its next sibling: itself, and all that follow its byte. At least 1.
  uint32_t subtree() const { return subtree_and_depth >> 8; }
  // Bytes of a token that ends here: 1 for a first byte.
  uint32_t depth() const { return subtree_and_depth & 0xff; }
};
static_assert(sizeof(TrieNode) == 8, "the format fixes this");

constexpr TokenTrieLayout TokenTrieLayout::Of(uint64_t tokens, const uint32_t (&node_count)[kTokenClasses]) {
  TokenTrieLayout l{};
  uint64_t at = sizeof(TokenTrieHeader);
  for (uint32_t c = 0; c < kTokenClasses; ++c) {
    l.nodes[c] = at;
    at += uint64_t{node_count[c]} * sizeof(TrieNode);
  }
  l.plain_lengths = at;
  l.section_bytes = RoundUp<uint64_t>(at + tokens, 8);
  return l;
}

// Does not own the bytes, which outlive it. Copied by value; const calls may come from several threads. It contains the
// normal, user defined and byte tokens that have bytes, but no control tokens, which are not text.
class TokenTrie {
 public:
  TokenTrie() = default;

  // Checks everything that a walk relies on: counts, nesting and ends of subtrees, depths, order, tokens below
  // token_count, that plain tokens have no byte below 0x20, '"' or '\\', and their lengths in characters. Accepts any
  // bytes. Does not check that the tokens have the bytes of the vocabulary: CheckTokenTrie does
  // (text/token_trie_builder.h). Reads the section three times. bytes: the whole section, aligned to 8. token_count: of
  // the vocabulary. Errors, after which *out is unchanged: kCorrupt, kUnsupported, kInvalidArgument.
  LFM2_SELDOM static Status Open(Span<const std::byte> bytes, uint32_t token_count, TokenTrie* out) {
    if (out == nullptr) return Status(StatusCode::kInvalidArgument, "out", "is null");
    TokenTrie t;
    LFM2_RETURN_IF_ERROR(t.CheckHeader(bytes, token_count));
    LFM2_RETURN_IF_ERROR(t.CheckTrie("token_trie.plain", TokenClass::kPlain));
    LFM2_RETURN_IF_ERROR(t.CheckTrie("token_trie.control", TokenClass::kControl));
    LFM2_RETURN_IF_ERROR(t.CheckTrie("token_trie.other", TokenClass::kOther));
    LFM2_RETURN_IF_ERROR(t.CheckDepth());
    LFM2_RETURN_IF_ERROR(t.CheckPlainLengths());
    *out = t;
    return Status();
  }

  // Of the vocabulary; 0 while it is not open.
  uint32_t token_count() const { return token_count_; }
  // The nodes of one trie, which has no root: the first node is the first sibling of depth 1.
  Span<const TrieNode> nodes(TokenClass c) const { return nodes_[static_cast<uint32_t>(c)]; }
  // The most that a node's depth() is, at most kMaxTrieDepth.
  uint32_t max_depth() const { return max_depth_; }
  // By token, [token_count()]: the characters of a plain token, 1..kMaxPlainLength; 0 for every other token.
  Span<const uint8_t> plain_lengths() const { return {plain_lengths_, token_count_}; }
  // The bytes of the section.
  Span<const std::byte> bytes() const { return bytes_; }

 private:
  static Status Bad(const char* where, const char* what, uint64_t value, uint64_t expected) {
    return Status(StatusCode::kCorrupt, where, what, value, expected);
  }

  LFM2_SELDOM Status CheckHeader(Span<const std::byte> bytes, uint32_t token_count) {
    if (bytes.data() == nullptr || bytes.size() < sizeof(TokenTrieHeader)) {
      return Bad("token_trie", "is shorter than its header", bytes.size(), sizeof(TokenTrieHeader));
    }
    if (reinterpret_cast<uintptr_t>(bytes.data()) % 8 != 0) {
      return Status(StatusCode::kInvalidArgument, "token_trie address", "is not aligned to 8 bytes");
    }
    TokenTrieHeader h;
    std::memcpy(&h, bytes.data(), sizeof(h));
    if (std::memcmp(h.magic, kTokenTrieMagic, sizeof(kTokenTrieMagic)) != 0) {
      return Status(StatusCode::kCorrupt, "token_trie.magic", "is not LFM2TRI");
    }
    if (h.version != kTokenTrieVersion) {
      return Status(StatusCode::kUnsupported, "token_trie.version", "is not supported (pack the model again)",
                    h.version, kTokenTrieVersion);
    }
    if (h.header_bytes != sizeof(TokenTrieHeader)) {
      return Bad("token_trie.header_bytes", "is wrong", h.header_bytes, sizeof(TokenTrieHeader));
    }
    if (h.token_count != token_count || token_count > kMaxTrieTokens) {
      return Bad("token_trie.token_count", "is not that of the vocabulary", h.token_count, token_count);
    }
    for (uint32_t c = 0; c < kTokenClasses; ++c) {
      if (h.node_count[c] > kMaxTrieNodes) {
        return Bad("token_trie.node_count", "is too large", h.node_count[c], kMaxTrieNodes).At(c);
      }
    }
    const TokenTrieLayout l = TokenTrieLayout::Of(token_count, h.node_count);
    if (h.section_bytes != l.section_bytes) {
      return Bad("token_trie.section_bytes", "does not match the counts", h.section_bytes, l.section_bytes);
    }
    if (h.section_bytes != bytes.size()) {
      return Bad("token_trie.section_bytes", "is not the size of the section", h.section_bytes, bytes.size());
    }
    if (h.max_depth > kMaxTrieDepth) {
      return Bad("token_trie.max_depth", "is too large", h.max_depth, kMaxTrieDepth);
    }
    for (const uint8_t byte : h.reserved) {
      if (byte != 0) return Status(StatusCode::kUnsupported, "token_trie.reserved", "is not zero", byte);
    }
    for (uint32_t c = 0; c < kTokenClasses; ++c) {
      nodes_[c] = {reinterpret_cast<const TrieNode*>(bytes.data() + static_cast<size_t>(l.nodes[c])), h.node_count[c]};
    }
    plain_lengths_ = reinterpret_cast<const uint8_t*>(bytes.data() + static_cast<size_t>(l.plain_lengths));
    token_count_ = token_count;
    max_depth_ = h.max_depth;
    bytes_ = bytes;
    return Status();
  }

  // Each node is checked as one of its siblings, before its own children are: parents come before their children.
  Status CheckTrie(const char* where, TokenClass c) const {
    const Span<const TrieNode> all = nodes(c);
    const uint32_t count = static_cast<uint32_t>(all.size());
    LFM2_RETURN_IF_ERROR(CheckSiblings(where, all, 0, count, 1));
    for (uint32_t i = 0; i < count; ++i) {
      LFM2_RETURN_IF_ERROR(CheckSiblings(where, all, i + 1, i + all[i].subtree(), all[i].depth() + 1));
    }
    return Status();
  }

  // The nodes [begin, end) are whole subtrees whose first nodes have this depth.
  Status CheckSiblings(const char* where, Span<const TrieNode> all, uint32_t begin, uint32_t end,
                       uint32_t depth) const {
    const TrieNode* last = nullptr;
    for (uint32_t i = begin; i < end; i += all[i].subtree()) {
      const TrieNode& node = all[i];
      const int32_t token = node.token();
      if (node.depth() != depth || depth > max_depth_) {
        return Bad(where, "has a node of the wrong depth", node.depth(), Min(depth, max_depth_)).At(i);
      }
      if (node.subtree() == 0 || node.subtree() > end - i) {
        return Bad(where, "has a subtree that ends in the wrong place", node.subtree(), end - i).At(i);
      }
      if (token != kNoToken && static_cast<uint32_t>(token) >= token_count_) {
        return Bad(where, "names a token that does not exist", static_cast<uint32_t>(token), token_count_).At(i);
      }
      const bool leaf = node.subtree() == 1;
      if (leaf && token == kNoToken) return Bad(where, "has a leaf without a token", node.byte(), 0).At(i);
      if (last != nullptr && node.byte() <= last->byte()) {
        if (node.byte() < last->byte()) return Bad(where, "is not sorted", node.byte(), last->byte()).At(i);
        if (!leaf || last->token() == kNoToken || token <= last->token()) {
          return Bad(where, "has siblings of one byte that are not leaves of rising tokens", node.byte(), last->byte())
              .At(i);
        }
      }
      last = &node;
    }
    return Status();
  }

  Status CheckDepth() const {
    uint32_t depth = 0;
    for (const Span<const TrieNode> trie : nodes_) {
      for (const TrieNode& node : trie) depth = Max(depth, node.depth());
    }
    return depth == max_depth_ ? Status() : Bad("token_trie.max_depth", "is not that of the nodes", max_depth_, depth);
  }

  LFM2_SELDOM Status CheckPlainLengths() const {
    const Span<const TrieNode> plain = nodes(TokenClass::kPlain);
    uint8_t characters[kMaxTrieDepth + 1] = {};  // up to each byte of the token that a node belongs to
    uint32_t tokens = 0;
    for (uint32_t i = 0; i < plain.size(); ++i) {
      const uint8_t byte = plain[i].byte();
      const uint32_t depth = plain[i].depth();
      if (byte < 0x20 || byte == '"' || byte == '\\') {
        return Bad("token_trie.plain", "has a byte that is not plain", byte, 0x20).At(i);
      }
      characters[depth] = static_cast<uint8_t>(characters[depth - 1] + ((byte & 0xc0u) != 0x80u ? 1 : 0));
      const int32_t token = plain[i].token();
      if (token == kNoToken) continue;
      ++tokens;
      if (plain_lengths_[token] != characters[depth]) {
        return Bad("token_trie.plain_lengths", "is not the token's characters", plain_lengths_[token],
                   characters[depth])
            .At(static_cast<uint32_t>(token));
      }
      if (characters[depth] == 0 || characters[depth] > kMaxPlainLength) {
        return Bad("token_trie.plain", "has a token of too many characters, or none", characters[depth],
                   kMaxPlainLength)
            .At(i);
      }
    }
    for (uint32_t t = 0; t < token_count_; ++t) tokens -= plain_lengths_[t] != 0 ? 1u : 0u;
    if (tokens != 0) {
      return Status(StatusCode::kCorrupt, "token_trie.plain_lengths", "names other tokens than the plain trie");
    }
    for (const uint8_t* p = plain_lengths_ + token_count_; p != reinterpret_cast<const uint8_t*>(bytes_.end()); ++p) {
      if (*p != 0) return Status(StatusCode::kCorrupt, "token_trie", "does not end in zeros", *p);
    }
    return Status();
  }

  Span<const TrieNode> nodes_[kTokenClasses];
  const uint8_t* plain_lengths_ = nullptr;
  uint32_t token_count_ = 0;
  uint32_t max_depth_ = 0;
  Span<const std::byte> bytes_;
};

}  // namespace lfm2

#endif  // LFM2_FORMAT_TOKEN_TRIE_H_
