// How to generate an answer, for every endpoint.
#ifndef LFM2_PROGRAMS_SERVER_GENERATION_REQUEST_H_
#define LFM2_PROGRAMS_SERVER_GENERATION_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lfm2/text/sampler.h"
#include "programs/server/request_fields.h"

namespace lfm2::tools {

struct GenerationRequest {
  std::optional<uint32_t> max_tokens;  // none: until the model has finished or the context ends
  SamplerOptions sampler;              // unset: as the model's publisher recommends
  bool has_seed = false;               // false: use a random seed
  std::vector<std::string> stop;
  std::vector<std::pair<int32_t, float>> logit_bias;  // by token; added to its logit
  bool stream = false;
  bool include_usage = false;            // of a stream: in a last chunk
  std::optional<uint32_t> top_logprobs;  // set: return log probabilities of the tokens and of so many of the likeliest
};

// Reads the fields of both endpoints: temperature, top_p, top_k, min_p, repetition_penalty, seed, stop, stream,
// stream_options, logit_bias and n, and refuses what is not supported. vocab_size: ids of logit_bias are below it.
void ReadGenerationFields(RequestFields* fields, uint32_t vocab_size, GenerationRequest* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_GENERATION_REQUEST_H_
