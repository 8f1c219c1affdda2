// The token trie of a vocabulary: a section with changes, or one that is built of tokens of the input in memory of any
// size.
#include "lfm2/format/token_trie.h"

#include "lfm2/text/token_trie_builder.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace token_trie {

Span<std::byte> BytesOf(std::vector<uint64_t>& memory) {
  return {reinterpret_cast<std::byte*>(memory.data()), memory.size() * sizeof(uint64_t)};
}

// A walk that passes over subtrees as the choices say stays within the trie and names tokens of the vocabulary.
void Walk(const TokenTrie& trie, std::string_view choices) {
  size_t at = 0;
  for (uint32_t c = 0; c < kTokenClasses; ++c) {
    const Span<const TrieNode> nodes = trie.nodes(static_cast<TokenClass>(c));
    for (size_t i = 0; i < nodes.size(); ++at) {
      const TrieNode& node = nodes[i];
      LFM2_HOLDS(node.depth() > 0 && node.depth() <= trie.max_depth() && trie.max_depth() <= kMaxTrieDepth);
      const int32_t token = node.token();
      LFM2_HOLDS(token == kNoToken || (token >= 0 && static_cast<uint32_t>(token) < trie.token_count()));
      if (c == 0) LFM2_HOLDS(node.byte() >= 0x20 && node.byte() != '"' && node.byte() != '\\');
      if (c == 0 && token != kNoToken) LFM2_HOLDS(trie.plain_lengths()[static_cast<size_t>(token)] > 0);
      LFM2_HOLDS(node.subtree() > 0 && node.subtree() <= nodes.size() - i);
      i += !choices.empty() && (choices[at % choices.size()] & 1) != 0 ? node.subtree() : 1;
    }
  }
}

// op: 0 a word of the header, 1 a word anywhere, 2 a byte anywhere, 3 the section's size, 4 a node in place of another.
std::string Changed(Input* input) {
  std::string bytes = TinyTrie();
  const uint32_t changes = input->Below(6);
  for (uint32_t i = 0; i < changes && !bytes.empty(); ++i) {
    const uint32_t op = input->Below(5);
    const uint32_t place = input->Take<uint16_t>();
    const uint64_t value = input->Number();
    if (op == 3) {
      bytes.resize(place % 2 == 0 ? static_cast<size_t>(value % (bytes.size() + 1)) : bytes.size() + value % 64);
      continue;
    }
    if (op == 4) {
      const size_t to = place / 8 * 8, from = static_cast<size_t>(value) % (TinyTrie().size() / 8) * 8;
      if (to + 8 <= bytes.size()) std::memcpy(&bytes[to], &TinyTrie()[from], 8);
      continue;
    }
    const size_t at = op == 0 ? place % sizeof(TokenTrieHeader) / 4 * 4 : op == 1 ? place / 4 * 4 : place;
    const size_t size = op == 2 ? 1 : 4;
    if (at + size <= bytes.size()) std::memcpy(&bytes[at], &value, size);
  }
  return bytes;
}

void OpenChanged(Input* input) {
  const std::string section = Changed(input);
  const VocabBytes copy(section);
  TokenTrie trie;
  const Status status = TokenTrie::Open(copy.span(), TinyVocab().size(), &trie);
  CheckSentence(status);
  LFM2_HOLDS(status.ok() || section != TinyTrie());
  LFM2_HOLDS(status.ok() == (trie.token_count() != 0));
  if (!status.ok()) return;
  Walk(trie, input->Rest());
  // There is one section for a vocabulary.
  LFM2_HOLDS(CheckTokenTrie(TinyVocab(), trie).ok() == (section == TinyTrie()));
}

void Build(Input* input) {
  static const tools::VocabSource good = TinyVocabSource();
  tools::VocabSource source = good;
  const uint32_t tokens = input->Below(16);
  for (uint32_t i = 0; i < tokens; ++i) {
    const uint32_t kind = input->Byte();
    std::string token(input->Bytes(kind % 8));
    // As long as one may be, and longer.
    if (kind >= 250) token.resize(token.size() + kind, 'x');
    source.types.push_back(1 + static_cast<int>(kind / 8 % 6));
    source.tokens.push_back(token);
  }
  std::string bytes, refusal;
  if (!tools::BuildVocab(source, &bytes, &refusal)) return;
  const VocabBytes copy(bytes);
  Vocab vocab;
  LFM2_HOLDS(Vocab::Open(copy.span(), &vocab).ok());
  const size_t most = static_cast<size_t>(TokenTrieMemoryBytes(vocab));
  std::vector<uint64_t> memory(most / sizeof(uint64_t), UINT64_MAX);
  TokenTrie trie;
  const Status status = BuildTokenTrie(vocab, BytesOf(memory), &trie);
  CheckSentence(status);
  LFM2_HOLDS(status.ok() || status.code() == StatusCode::kUnsupported);
  if (!status.ok()) return;
  LFM2_HOLDS(CheckTokenTrie(vocab, trie).ok());
  const std::string built(reinterpret_cast<const char*>(trie.bytes().data()), trie.bytes().size());
  // The same from less memory, or what suffices.
  std::vector<uint64_t> less(input->Take<uint16_t>() % (memory.size() + 1), UINT64_MAX);
  Status again = BuildTokenTrie(vocab, BytesOf(less), &trie);
  CheckSentence(again);
  for (uint32_t tries = 0; again.code() == StatusCode::kArenaTooSmall; ++tries) {
    LFM2_HOLDS(again.limit() > less.size() * sizeof(uint64_t) && again.limit() <= most && tries < 2);
    less.assign(static_cast<size_t>(again.limit()) / sizeof(uint64_t), UINT64_MAX);
    again = BuildTokenTrie(vocab, BytesOf(less), &trie);
  }
  LFM2_HOLDS(again.ok() && trie.bytes().size() == built.size());
  LFM2_HOLDS(std::memcmp(trie.bytes().data(), built.data(), built.size()) == 0);
  Walk(trie, input->Rest());
}

void Run(std::string_view bytes) {
  Input input(bytes);
  if (input.Below(2) == 0) {
    OpenChanged(&input);
  } else {
    Build(&input);
  }
}

std::vector<std::string> Seeds() {
  using test::Raw;
  const auto change = [](char op, uint16_t at, char value) {
    return std::string(1, op) + Raw(at) + std::string("\0", 1) + value;
  };
  return {std::string("\0\0walk", 6),
          std::string("\0\1", 2) + change(0, 28, 2),
          std::string("\0\3", 2) + change(4, 80, 9) + change(4, 88, 10) + change(4, 96, 11),
          std::string("\0\2", 2) + change(1, 200, 1) + change(3, 0, 9),
          std::string("\0\1", 2) + change(2, 300, 7),
          std::string("\1\4\2ab\2ab\3abc\2ab\0\2walk", 20),
          std::string("\1\3\372\2\xc3\xa9\3\"a\\\0\0", 12)};
}

std::vector<std::string> Words() {
  return {std::string(4, '\xff'), std::string(4, '\0'), "\xc3\xa9", "ab", std::string("\0\0\0\1", 4)};
}

}  // namespace token_trie

const Target kTokenTrie = {"token_trie", 160, &token_trie::Run, &token_trie::Seeds, &token_trie::Words};

}  // namespace lfm2::fuzz
