// GGUF files of tiny models with changes that an input asks for: keys, tensors and single bytes of the metadata. The
// weights are never made.
#ifndef LFM2_TESTS_FUZZ_GGUF_EDITS_H_
#define LFM2_TESTS_FUZZ_GGUF_EDITS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "programs/pack/gguf_source.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input.h"

namespace lfm2::fuzz {

struct EditedTensor {
  std::string name;
  std::vector<uint64_t> dims;
  uint32_t type = 0;
  uint64_t bytes = 0;
  uint64_t shift = 0;  // added to the offset that the tensors before it leave
};

struct EditedGguf {
  std::vector<std::pair<std::string, std::string>> pairs;  // as TinyGguf's
  std::vector<EditedTensor> tensors;

  // Everything before the data, and how many bytes the data have.
  std::string Metadata(uint64_t* data_bytes) const;
};

// The models that there are to begin with: dense and mixture, of every type.
constexpr uint32_t kGgufModels = 16;
const EditedGguf& GgufModel(uint32_t number);

// One change.
void EditGguf(Input* input, EditedGguf* file);

// A change of single bytes.
void PatchGguf(Input* input, std::string* metadata);

// Opens what has been made; of what opens the plan and some weights are made, and an image that opens where it is
// small.
void PackEdited(const std::vector<const tools::ByteSource*>& parts, Input* input);

// Byte sequences for mutations.
std::vector<std::string> GgufWords();

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_GGUF_EDITS_H_
