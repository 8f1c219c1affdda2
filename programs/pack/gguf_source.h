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

// The source of a tensor of the image. An expert tensor holds all experts, [experts, rows, cols].
struct GgufOrigin {
  const GgufTensor* tensor = nullptr;
  uint32_t part = 0;
};

class GgufSource final : public ModelSource {
 public:
  // Reads and checks the metadata of the file, and of the other parts if its name ends in -00001-of-0000N.gguf.
  // chat_format: in place of the chat template of the file; without it an unknown template is refused.
  Error Open(const std::string& path, const std::optional<OwnedChatFormat>& chat_format);
  // The same for open parts, which outlive this.
  Error Open(const std::vector<const ByteSource*>& parts, const std::optional<OwnedChatFormat>& chat_format);

  Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const override;
  Error ReadPlain(size_t tensor, float* values) const override;

  // Of tensors()[i].
  const GgufOrigin& origin(size_t i) const { return origins_[i]; }

 private:
  Error MatchTensors();

  std::vector<std::unique_ptr<FileSource>> opened_;
  std::vector<const ByteSource*> parts_;
  std::vector<Gguf> metadata_;  // one per part
  std::vector<GgufOrigin> origins_;
  mutable std::vector<uint8_t> rows_;  // of one read
};

// The names of all parts of the model whose first part is `path`; only `path` if it does not end in
// -00001-of-0000N.gguf. Refuses parts other than the first, and more than 999 parts.
Error GgufParts(const std::string& path, std::vector<std::string>* names);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_SOURCE_H_
