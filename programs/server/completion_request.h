// The body of POST /v1/completions.
#ifndef LFM2_PROGRAMS_SERVER_COMPLETION_REQUEST_H_
#define LFM2_PROGRAMS_SERVER_COMPLETION_REQUEST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "programs/server/api_error.h"
#include "programs/server/generation_request.h"

namespace lfm2::tools {

struct CompletionRequest {
  std::string model;  // as in the request; may be empty
  GenerationRequest generation;
  // One completion for each: a text, or token ids of the vocabulary, at least one.
  std::vector<std::variant<std::string, std::vector<int32_t>>> prompts;
  bool echo = false;  // the answer begins with the prompt, and log probabilities are those of its tokens, too
};

// More than max_prompts are refused. Errors: 400, naming the field.
ApiError ParseCompletionRequest(std::string_view body, uint32_t vocab_size, uint32_t max_prompts,
                                CompletionRequest* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_COMPLETION_REQUEST_H_
