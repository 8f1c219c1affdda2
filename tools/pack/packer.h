// From a GGUF file to a model image (docs/format.md).
#ifndef LFM2_TOOLS_PACK_PACKER_H_
#define LFM2_TOOLS_PACK_PACKER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lfm2/format/image_layout.h"
#include "lfm2/format/vocab.h"
#include "tools/common/byte_sink.h"
#include "tools/common/byte_source.h"
#include "tools/common/error.h"
#include "tools/pack/gguf_model.h"
#include "tools/pack/gguf_reader.h"

namespace lfm2::tools {

struct PackOptions {
  // In place of what the file's chat template is recognised as.
  std::optional<ChatTemplate> chat_template;
  // In place of the name that the file gives.
  std::string name;
};

// Everything that is known before the first weight is read: the image but for its weights and CRCs.
struct PackPlan {
  Gguf gguf;
  GgufModel model;
  std::string vocab;
  ImageHeader header{};
  std::vector<TensorEntry> directory;  // as model.tensors
  std::vector<RecordEntry> records;    // one a MoE layer
};

// Called now and then with the bytes of the image written so far and in all; false stops the packing.
using PackProgress = std::function<bool(uint64_t done, uint64_t total)>;

// Reads and checks the metadata of a GGUF file and lays the image out. `plan` is a fresh one.
Error PlanPack(const ByteSource& source, const PackOptions& options, PackPlan* plan);

// Reads the weights of the file that the plan was made from and writes the whole image. Uses a few megabytes, however
// large the model is. The same input gives the same image, byte for byte.
Error WriteImage(const ByteSource& source, const PackPlan& plan, const PackProgress& progress, ByteSink* sink);

// Both of them.
Error PackGguf(const ByteSource& source, const PackOptions& options, ByteSink* sink);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_PACK_PACKER_H_
