// Images of small models, for the targets that read them: laid out as lfm2-pack does, by other code, so that the reader
// is held against a second opinion.
#ifndef LFM2_TESTS_FUZZ_TINY_IMAGE_H_
#define LFM2_TESTS_FUZZ_TINY_IMAGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "lfm2/base/span.h"
#include "lfm2/format/image.h"
#include "tests/fuzz/input.h"

namespace lfm2::fuzz {

// Memory of which a block of any size can be had that ends where the memory ends, so that a sanitizer sees every read
// and write beyond it. Noise, and noise again once what was written to it is forgotten.
class Memory {
 public:
  explicit Memory(size_t bytes);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  Span<std::byte> Block(size_t bytes);
  void Forget(Span<std::byte> block);

 private:
  size_t bytes_;
  std::byte* memory_;
  std::vector<std::byte> noise_;
};

// Of 12 bytes, whatever they are.
ModelConfig TakeConfig(Input* input);

// Metadata of a well-formed image. types: what the matrices have in turns. token_trie: what the file ends with.
std::string LayOut(const ModelConfig& config, std::string_view types, uint64_t vocab_bytes,
                   std::string_view token_trie = {});

// Changes fields, and makes the CRC right of what the header, whatever it says then, takes for the metadata.
void PatchMetadata(Input* input, uint32_t patches, std::string* metadata);

// Configs for TakeConfig: layers of each kind, dense and with experts.
std::vector<std::string> TinyConfigs();

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_TINY_IMAGE_H_
