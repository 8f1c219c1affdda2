// An LFM2 model in a GGUF file: its config, and which tensors are which.
#ifndef LFM2_PROGRAMS_PACK_GGUF_MODEL_H_
#define LFM2_PROGRAMS_PACK_GGUF_MODEL_H_

#include <string>
#include <vector>

#include "lfm2/format/model_config.h"
#include "lfm2/format/tensor_list.h"
#include "programs/base/error.h"
#include "programs/pack/gguf_reader.h"

namespace lfm2::tools {

// expert_gating_func of LFM2's routers.
inline constexpr uint32_t kSigmoidGating = 2;

// A tensor's name in a GGUF file.
std::string GgufName(const TensorSpec& spec);

// The checked config, from the metadata of the first part; tensors may be in any part. If the tensors contradict the
// stated feed forward size, theirs is used and a note reports it. Refuses other architectures, models that do not
// predict the next token, and settings that the library does not support, by name.
Error ReadGgufConfig(const std::vector<Gguf>& parts, ModelConfig* config, std::string* name, std::string* architecture,
                     std::vector<std::string>* notes);

// The tensor of `spec`, under any name that converters use; nullptr if this part does not have it.
const GgufTensor* FindGgufTensor(const Gguf& part, const TensorSpec& spec);

// Checks the shape of a tensor, and returns its type in an image.
Error MatchGgufTensor(const TensorSpec& spec, const ModelConfig& config, const GgufTensor& tensor, TensorType* type);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_MODEL_H_
