// Vocabularies for tests, built from what GGUF files hold.
#ifndef LFM2_TESTS_TEXT_TEST_VOCAB_H_
#define LFM2_TESTS_TEXT_TEST_VOCAB_H_

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "lfm2/format/vocab.h"
#include "lfm2/text/tokenizer.h"
#include "programs/pack/vocab_writer.h"
#include "programs/text/chat_formats.h"

namespace lfm2::test {

// The chat format of a published template.
inline const ChatFormat& Format(const char* name) {
  const ChatFormat* const format = tools::FindChatFormat(name);
  REQUIRE_MESSAGE(format != nullptr, name);
  return *format;
}

inline nlohmann::ordered_json ReadJson(const std::string& name) {
  std::ifstream file(std::string(LFM2_TEST_DATA "/text/") + name);
  REQUIRE_MESSAGE(file.good(), name);
  return nlohmann::ordered_json::parse(file);
}

// The vocabulary of the model "home" (1,314 tokens) or the one of 65,536 tokens, as its GGUF has it.
inline tools::VocabSource ReadVocabSource(const std::string& name) {
  const auto json = ReadJson(name);
  tools::VocabSource source;
  source.tokens = json["tokens"].get<std::vector<std::string>>();
  source.types = json["types"].get<std::vector<int>>();
  for (const auto& merge : json["merges"]) {
    source.merges.emplace_back();
    REQUIRE(tools::SplitMerge(merge.get<std::string>(), &source.merges.back()));
  }
  source.bos = json["bos"];
  source.eos = json["eos"];
  source.pad = json["pad"];
  source.add_bos = json["add_bos"];
  source.chat_format = Format("lfm2");
  return source;
}

// Bytes in memory of exactly their size, aligned as malloc aligns, so that the sanitizer sees any read beyond them.
class Section {
 public:
  explicit Section(const std::string& bytes) : size_(bytes.size()), bytes_(new std::byte[bytes.size()]) {
    std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  Span<const std::byte> span() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

inline std::string Sentence(const Status& status) {
  char text[256];
  return std::string(text, status.Format(text, sizeof(text)));
}

// A vocabulary that is open.
struct OpenVocab {
  explicit OpenVocab(const std::string& bytes) : section(bytes) {
    const Status status = Vocab::Open(section.span(), &vocab);
    REQUIRE_MESSAGE(status.ok(), Sentence(status));
  }
  explicit OpenVocab(const tools::VocabSource& source) : OpenVocab(Build(source)) {}
  static std::string Build(const tools::VocabSource& source) {
    std::string bytes, error;
    REQUIRE_MESSAGE(tools::BuildVocab(source, &bytes, &error), error);
    return bytes;
  }

  Section section;
  Vocab vocab;
};

inline const OpenVocab& HomeVocab() {
  static const OpenVocab vocab(ReadVocabSource("vocab-home.json"));
  return vocab;
}
inline const OpenVocab& LargeVocab() {
  static const OpenVocab vocab(ReadVocabSource("vocab-64k.json"));
  return vocab;
}

// Encodes with scratch and room of exactly the size needed.
inline std::vector<int32_t> EncodeAll(const Vocab& vocab, std::string_view text, EncodeOptions options) {
  std::vector<std::byte> scratch(static_cast<size_t>(Tokenizer::ScratchBytes(text.size())));
  std::vector<int32_t> out(text.size() + 1);
  size_t count = 0;
  const Status status = Tokenizer(vocab).Encode(text, options, scratch, out, &count);
  REQUIRE_MESSAGE(status.ok(), Sentence(status));
  out.resize(count);
  return out;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_TEXT_TEST_VOCAB_H_
