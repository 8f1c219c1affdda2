// Computes the input of the first layer.
#ifndef LFM2_PROGRAMS_QUANTIZE_EMBED_TOKENS_H_
#define LFM2_PROGRAMS_QUANTIZE_EMBED_TOKENS_H_

#include <cstdint>
#include <vector>

#include "programs/base/error.h"
#include "programs/pack/model_source.h"

namespace lfm2::tools {

// Fills stream[tokens of all sequences, hidden_size] with the embedding row of every token. The rows are read one
// window at a time. sequences: of ids below the vocabulary's size.
Error EmbedTokens(const ModelSource& source, const std::vector<std::vector<int32_t>>& sequences, float* stream);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_EMBED_TOKENS_H_
