// The body of POST /v1/chat/completions.
#ifndef LFM2_PROGRAMS_SERVER_CHAT_REQUEST_H_
#define LFM2_PROGRAMS_SERVER_CHAT_REQUEST_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lfm2/format/chat_format.h"
#include "programs/server/answer_form.h"
#include "programs/server/api_error.h"
#include "programs/server/generation_request.h"

namespace lfm2::tools {

struct ChatRequest {
  std::string model;  // as in the request; may be empty
  GenerationRequest generation;
  // In the form that ChatJson reads: roles that templates have, strings as contents.
  nlohmann::ordered_json messages;
  bool has_tool_calls = false;  // in the messages
  AnswerForm form;
};

// Errors: 400, naming the field.
ApiError ParseChatRequest(std::string_view body, uint32_t vocab_size, ChatRequest* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_CHAT_REQUEST_H_
