// What a GGUF file says of an LFM2 model: its config, and which of its tensors is which of ours.
#ifndef LFM2_TOOLS_PACK_GGUF_MODEL_H_
#define LFM2_TOOLS_PACK_GGUF_MODEL_H_

#include <string>
#include <vector>

#include "lfm2/format/model_config.h"
#include "lfm2/format/tensor_list.h"
#include "tools/common/error.h"
#include "tools/pack/gguf_reader.h"

namespace lfm2::tools {

// One tensor of the image and where it comes from. Belongs to the Gguf it was found in.
struct SourceTensor {
  TensorSpec spec;
  TensorType type = TensorType::kF32;  // in the image
  const GgufTensor* from = nullptr;    // an expert tensor's holds all experts, [experts, rows, cols]
};

struct GgufModel {
  std::string architecture;
  std::string name;
  ModelConfig config;
  std::vector<SourceTensor> tensors;  // in image order
};

// The config, checked. Refuses other architectures and settings that the library does not compute, by name.
Error ReadGgufConfig(const Gguf& gguf, GgufModel* model);

// Fills model->tensors for model->config: every tensor that the image needs, its shape and type checked; a tensor that
// is missing, or that the image has no place for, is named.
Error MatchGgufTensors(const Gguf& gguf, GgufModel* model);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_PACK_GGUF_MODEL_H_
