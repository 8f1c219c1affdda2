// The pieces of a chat template as JSON, for templates other than the published ones.
#ifndef LFM2_PROGRAMS_TEXT_CHAT_FORMAT_JSON_H_
#define LFM2_PROGRAMS_TEXT_CHAT_FORMAT_JSON_H_

#include <nlohmann/json.hpp>
#include <string_view>

#include "programs/base/error.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// {"like": NAME?, "name": TEXT?, "tools_begin": TEXT?, ..., "thinking": BOOLEAN?, ..., "thoughts": WORD?, ...}, with
// the names of docs/format-vocab.md. What is missing is taken from the published template that `like` names, or empty.
// Unknown members are refused.
Error ParseChatFormat(std::string_view text, OwnedChatFormat* format);

// The same, with every member but `like`.
nlohmann::ordered_json ChatFormatJson(const ChatFormat& format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_CHAT_FORMAT_JSON_H_
