// A model in a GGUF file, or in the parts that llama-gguf-split makes of one.
#ifndef LFM2_PROGRAMS_PACK_GGUF_SOURCE_H_
#define LFM2_PROGRAMS_PACK_GGUF_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "programs/files/byte_source.h"
#include "programs/pack/gguf_reader.h"
#include "programs/pack/model_source.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// Where a tensor of the image lies. An expert tensor's holds all experts, [experts, rows, cols].
struct GgufOrigin {
  const GgufTensor* tensor = nullptr;
  uint32_t part = 0;
};

class GgufSource final : public ModelSource {
 public:
  // Reads and checks the metadata of the file, and of the others that its name, ending in -00001-of-0000N.gguf, says
  // belong to it. chat_format: in place of what the file's is recognised as; without it an unknown one is refused.
  Error Open(const std::string& path, const std::optional<OwnedChatFormat>& chat_format);
  // The same for parts that are open already and outlive this.
  Error Open(const std::vector<const ByteSource*>& parts, const std::optional<OwnedChatFormat>& chat_format);

  Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const override;
  Error ReadPlain(size_t tensor, float* values) const override;

  // Of tensors()[i].
  const GgufOrigin& origin(size_t i) const { return origins_[i]; }

 private:
  Error MatchTensors();

  std::vector<std::unique_ptr<FileSource>> opened_;
  std::vector<const ByteSource*> parts_;
  std::vector<Gguf> metadata_;  // one a part
  std::vector<GgufOrigin> origins_;
  mutable std::vector<uint8_t> rows_;  // of one read
};

// The names of all parts of the model that `path` is the first of: only `path` where it does not end in
// -00001-of-0000N.gguf. Refuses any other part but the first, and counts above 999.
Error GgufParts(const std::string& path, std::vector<std::string>* names);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_SOURCE_H_
