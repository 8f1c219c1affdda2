// A small vocabulary that has one of everything: special and user defined tokens, single bytes, merges.
#ifndef LFM2_TESTS_FUZZ_TINY_VOCAB_H_
#define LFM2_TESTS_FUZZ_TINY_VOCAB_H_

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lfm2/format/vocab.h"
#include "lfm2/text/token_trie_builder.h"
#include "programs/pack/vocab_writer.h"
#include "programs/text/chat_formats.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::fuzz {

inline tools::VocabSource TinyVocabSource() {
  tools::VocabSource source;
  const auto add = [&source](const std::string& text, TokenType type) {
    source.tokens.push_back(text);
    source.types.push_back(static_cast<int>(type));
  };
  for (const char* text : {"<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>",
                           "<|tool_list_start|>", "<|tool_list_end|>", "<|tool_call_start|>", "<|tool_call_end|>",
                           "<|tool_response_start|>", "<|tool_response_end|>"}) {
    add(text, TokenType::kControl);
  }
  for (const char* text : {"<think>", "</think>", "<t", "\xe2\x82\xac\xe2\x82\xac"}) {
    add(text, TokenType::kUserDefined);
  }
  for (const std::string& spelled : test::ByteSpellings()) add(spelled, TokenType::kNormal);
  // Spelled as byte-level alphabets do: a space is U+0120, a line feed U+010A.
  for (const auto& [left, right] : {std::pair<const char*, const char*>{"t", "h"},
                                    {"th", "e"},
                                    {"\xc4\xa0", "the"},
                                    {"\xc4\xa0", "\xc4\xa0"},
                                    {"\xc4\xa0\xc4\xa0", "\xc4\xa0\xc4\xa0"},
                                    {"a", "a"},
                                    {"aa", "a"},
                                    {"aa", "aa"},
                                    {"e", "r"},
                                    {"he", "r"},
                                    {"h", "e"},
                                    {"1", "2"},
                                    {"12", "3"},
                                    {"\xc4\x8a", "\xc4\x8a"},
                                    {"\xc3\xa2", "\xc4\xa4"},
                                    {"'", "s"},
                                    {".", "."}}) {
    source.merges.emplace_back(left, right);
    const std::string merged = std::string(left) + right;
    bool known = false;
    for (const std::string& token : source.tokens) known = known || token == merged;
    if (!known) add(merged, TokenType::kNormal);
  }
  source.pad = 0;
  source.bos = 1;
  source.eos = 4;
  source.add_bos = true;
  source.chat_format = *tools::FindChatFormat("lfm2");
  return source;
}

// Its memory ends where the bytes end, so that a sanitizer sees every read beyond them.
class VocabBytes {
 public:
  explicit VocabBytes(const std::string& bytes) : size_(bytes.size()), bytes_(new uint64_t[bytes.size() / 8 + 1]) {
    std::memcpy(begin(), bytes.data(), size_);
  }
  Span<const std::byte> span() const { return {begin(), size_}; }

 private:
  // Aligned to 8, with the end of the block after the last byte.
  std::byte* begin() const {
    return reinterpret_cast<std::byte*>(bytes_.get()) + (size_ % 8 == 0 ? sizeof(uint64_t) : 0);
  }
  size_t size_;
  std::unique_ptr<uint64_t[]> bytes_;
};

inline std::string BuiltVocab(const tools::VocabSource& source) {
  std::string bytes, error;
  if (!tools::BuildVocab(source, &bytes, &error)) Broken(__FILE__, __LINE__, error);
  return bytes;
}

// The vocabulary of TinyVocabSource, open.
inline const Vocab& TinyVocab() {
  static const VocabBytes bytes(BuiltVocab(TinyVocabSource()));
  static const Vocab vocab = [] {
    Vocab v;
    LFM2_HOLDS(Vocab::Open(bytes.span(), &v).ok());
    return v;
  }();
  return vocab;
}

// The section of its token trie.
inline const std::string& TinyTrie() {
  static const std::string section = [] {
    std::vector<uint64_t> memory(static_cast<size_t>(TokenTrieMemoryBytes(TinyVocab())) / sizeof(uint64_t));
    TokenTrie trie;
    LFM2_HOLDS(
        BuildTokenTrie(TinyVocab(), {reinterpret_cast<std::byte*>(memory.data()), memory.size() * 8}, &trie).ok());
    return std::string(reinterpret_cast<const char*>(trie.bytes().data()), trie.bytes().size());
  }();
  return section;
}

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_TINY_VOCAB_H_
