// What a GGUF file says of an LFM2 model: its config, and which of its tensors is which of ours.
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

// The config, checked, from the metadata of a model's first part; the tensors may be in any, and are right where they
// contradict the width of the feed forward that is stated: a note says so. Refuses other architectures, models that
// predict no next token, and settings that the library does not compute, by name.
Error ReadGgufConfig(const std::vector<Gguf>& parts, ModelConfig* config, std::string* name, std::string* architecture,
                     std::vector<std::string>* notes);

// The tensor that `spec` is, under any name that converters give it; nullptr where this part does not have it.
const GgufTensor* FindGgufTensor(const Gguf& part, const TensorSpec& spec);

// Checks the shape of a tensor, and gives the type that it has in an image.
Error MatchGgufTensor(const TensorSpec& spec, const ModelConfig& config, const GgufTensor& tensor, TensorType* type);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_MODEL_H_
