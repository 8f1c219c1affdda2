// A whole model in one GGUF file. Input: the model, the number of changes, and these; then the tensor to read.
#include "tests/fuzz/gguf_edits.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace gguf_model {

void Run(std::string_view bytes) {
  Input input(bytes);
  EditedGguf file = GgufModel(input.Below(kGgufModels));
  const uint32_t edits = input.Below(5), patches = input.Below(3);
  for (uint32_t i = 0; i < edits; ++i) EditGguf(&input, &file);
  uint64_t data_bytes = 0;
  std::string metadata = file.Metadata(&data_bytes);
  for (uint32_t i = 0; i < patches; ++i) PatchGguf(&input, &metadata);
  const PaddedSource source(metadata, data_bytes);
  PackEdited({&source}, &input);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (char model = 0; model < static_cast<char>(kGgufModels); ++model) {
    seeds.push_back(std::string(1, model) + std::string("\0\0\5\1", 4));
    // A key, a type, a dimension, and an offset.
    seeds.push_back(std::string(1, model) + std::string("\1\0\0\4\0\0\7", 7));
    seeds.push_back(std::string(1, model) + std::string("\2\0\4\11\3\2\12\1\40", 9));
    seeds.push_back(std::string(1, model) + std::string("\1\1\5\11\5\1\2\0\7\2", 10));
  }
  return seeds;
}

}  // namespace gguf_model

const Target kGgufModel = {"gguf_model", 96, &gguf_model::Run, &gguf_model::Seeds, &GgufWords};

}  // namespace lfm2::fuzz
