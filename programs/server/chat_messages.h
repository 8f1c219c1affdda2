// Reads the messages of a chat in the form of the OpenAI API.
#ifndef LFM2_PROGRAMS_SERVER_CHAT_MESSAGES_H_
#define LFM2_PROGRAMS_SERVER_CHAT_MESSAGES_H_

#include <nlohmann/json.hpp>

#include "programs/server/api_error.h"

namespace lfm2::tools {

// *out = the messages as ChatJson reads them, each with a role that templates have and a string as content; those of
// the assistant also with thoughts and tool calls. developer becomes system; parts of a content, which must be text,
// are joined. *has_tool_calls: whether any message has tool calls. Errors: 400, naming the field, such as
// messages[2].role.
ApiError ReadChatMessages(const nlohmann::ordered_json& messages, nlohmann::ordered_json* out, bool* has_tool_calls);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_CHAT_MESSAGES_H_
