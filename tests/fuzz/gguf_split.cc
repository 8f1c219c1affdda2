// A model in two or three parts, and the names of parts. Input: the model, how its tensors are spread, changes to the
// parts, and the name of a file.
#include "tests/fuzz/gguf_edits.h"
#include "tests/fuzz/targets.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::fuzz {
namespace gguf_split {

using test::Raw;

void CheckNames(std::string_view path) {
  std::vector<std::string> names;
  const tools::Error error = tools::GgufParts(std::string(path), &names);
  CheckSentence(error);
  if (!error.ok()) return;
  LFM2_HOLDS(!names.empty() && names.size() <= 999 && names[0] == path);
  for (const std::string& name : names) LFM2_HOLDS(name.size() == path.size());
}

std::vector<EditedGguf> Split(Input* input) {
  const EditedGguf& whole = GgufModel(input->Below(kGgufModels));
  const uint32_t count = 2 + input->Below(2), spread = input->Byte();
  std::vector<EditedGguf> parts(count);
  parts[0].pairs = whole.pairs;
  for (uint32_t i = 0; i < count; ++i) {
    parts[i].pairs.emplace_back("split.no", Raw(uint32_t{test::kGgufU32}) + Raw(i));
    parts[i].pairs.emplace_back("split.count", Raw(uint32_t{test::kGgufU32}) + Raw(count));
  }
  for (size_t t = 0; t < whole.tensors.size(); ++t) {
    parts[(t * (1 + spread % 7) + spread / 7) % count].tensors.push_back(whole.tensors[t]);
  }
  return parts;
}

void Run(std::string_view bytes) {
  Input input(bytes);
  std::vector<EditedGguf> files = Split(&input);
  const uint32_t edits = input.Below(5), patches = input.Below(2);
  for (uint32_t i = 0; i < edits; ++i) EditGguf(&input, &files[input.Below(files.size())]);
  std::vector<std::string> metadata;
  std::vector<PaddedSource> sources;
  std::vector<const tools::ByteSource*> parts;
  metadata.reserve(files.size());
  sources.reserve(files.size());
  for (const EditedGguf& file : files) {
    uint64_t data_bytes = 0;
    metadata.push_back(file.Metadata(&data_bytes));
    for (uint32_t i = 0; i < patches; ++i) PatchGguf(&input, &metadata.back());
    sources.emplace_back(metadata.back(), data_bytes);
    parts.push_back(&sources.back());
  }
  PackEdited(parts, &input);
  CheckNames(input.Rest());
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  const std::string name = "x-00001-of-00003.gguf";
  for (char model = 0; model < static_cast<char>(kGgufModels); ++model) {
    seeds.push_back(std::string(1, model) + std::string("\0\1\0\0\5\1", 6) + name);
    seeds.push_back(std::string(1, model) + std::string("\1\11\1\0\1\3\4\0\0\1\5\1", 12) + name);
    seeds.push_back(std::string(1, model) + std::string("\1\2\1\0\0\1\1\0\0\1\5\1", 12) + "x-00002-of-00003.gguf");
  }
  return seeds;
}

std::vector<std::string> Words() {
  std::vector<std::string> words = GgufWords();
  for (const char* word : {"-00001-of-", ".gguf", "00000", "01000", "99999"}) words.emplace_back(word);
  return words;
}

}  // namespace gguf_split

const Target kGgufSplit = {"gguf_split", 128, &gguf_split::Run, &gguf_split::Seeds, &gguf_split::Words};

}  // namespace lfm2::fuzz
