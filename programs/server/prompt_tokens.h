// Turns requests into tokens.
#ifndef LFM2_PROGRAMS_SERVER_PROMPT_TOKENS_H_
#define LFM2_PROGRAMS_SERVER_PROMPT_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/vocab.h"
#include "programs/server/api_error.h"
#include "programs/server/chat_request.h"

namespace lfm2::tools {

struct PromptTokens {
  std::vector<int32_t> ids;
  std::vector<uint32_t> places;  // positions from which other prompts may continue: where messages begin
  bool adds_begin = false;       // the first one is not part of the given text
};

// The chat as the chat template writes it, with the beginning of an answer. date: today, for templates that write it.
// format: of the model. Errors: 400.
ApiError EncodeChatRequest(const Vocab& vocab, const ChatFormat& format, const std::string& date,
                           const ChatRequest& request, PromptTokens* out);

// A text without a template. The text of special tokens becomes those tokens, and the begin token comes first if the
// model expects it and the text does not have it. Errors: 400.
ApiError EncodeCompletionText(const Vocab& vocab, const std::string& text, PromptTokens* out);

// Refuses a prompt that leaves no position for an answer.
ApiError CheckPromptLength(size_t tokens, uint32_t context_length, const char* param);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_PROMPT_TOKENS_H_
