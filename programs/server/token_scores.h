// Log probabilities of tokens from logits.
#ifndef LFM2_PROGRAMS_SERVER_TOKEN_SCORES_H_
#define LFM2_PROGRAMS_SERVER_TOKEN_SCORES_H_

#include <cstdint>

#include "lfm2/base/span.h"
#include "programs/server/answer_channel.h"

namespace lfm2::tools {

// For the token, and for so many of the likeliest, the likeliest first. Natural logarithms, without sampler options.
TokenScore ScoreToken(Span<const float> logits, int32_t token, uint32_t top);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_TOKEN_SCORES_H_
