// Chats as JSON, in the form of the OpenAI API and of Hugging Face's apply_chat_template.
#ifndef LFM2_PROGRAMS_TEXT_CHAT_JSON_H_
#define LFM2_PROGRAMS_TEXT_CHAT_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/text/chat.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// The messages and tools of a chat, as the texts that a ChatPrompt points to. Filled once; not copied, because views
// point into it.
class ChatJson {
 public:
  ChatJson() = default;
  ChatJson(const ChatJson&) = delete;
  ChatJson& operator=(const ChatJson&) = delete;

  // messages: [{"role", "content", "thinking"?, "tool_calls"?}, ...]. Contents other than strings are written as the
  // template of this format writes them. The Error names the message.
  Error ReadMessages(const ChatFormat& format, const nlohmann::ordered_json& messages);
  // tools: a list of objects (or of strings that hold JSON), or null.
  Error ReadTools(const nlohmann::ordered_json& tools);
  // The tools of a JSON file; none if path is empty. The Error names the file.
  Error ReadToolsFile(const std::string& path);

  // Valid while this exists.
  ChatPrompt Prompt(bool add_generation_prompt) const;

 private:
  struct Message {
    ChatRole role = ChatRole::kUser;
    std::string content;
    std::optional<std::string> thinking;
    std::optional<std::vector<std::string>> tool_calls;
    std::vector<std::string_view> tool_call_views;
  };
  Error ReadMessage(const ChatFormat& format, const nlohmann::ordered_json& json, Message* message);

  std::vector<Message> texts_;
  std::vector<ChatMessage> messages_;
  std::vector<std::string> tools_;
  std::vector<std::string_view> tool_views_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_CHAT_JSON_H_
