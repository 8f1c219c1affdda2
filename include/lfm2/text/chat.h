// Messages to prompt text: the published chat templates of LFM2 and LFM2.5, without a template engine.
#ifndef LFM2_TEXT_CHAT_H_
#define LFM2_TEXT_CHAT_H_

#include <string_view>
#include <type_traits>

#include "lfm2/base/config.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"
#include "lfm2/text/tool_list.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Who speaks.
enum class ChatRole : uint8_t { kSystem, kUser, kAssistant, kTool };

// As the templates write it: "system", "user", "assistant" or "tool". Empty for a value that is no role.
constexpr std::string_view RoleName(ChatRole role) {
  switch (role) {
    case ChatRole::kSystem: return "system";
    case ChatRole::kUser: return "user";
    case ChatRole::kAssistant: return "assistant";
    case ChatRole::kTool: return "tool";
  }
  return {};
}

// The inverse. Returns false, and leaves *role as it is, for any other text.
constexpr bool ParseRole(std::string_view name, ChatRole* role) {
  for (uint8_t i = 0; i <= static_cast<uint8_t>(ChatRole::kTool); ++i) {
    if (RoleName(static_cast<ChatRole>(i)) != name) continue;
    *role = static_cast<ChatRole>(i);
    return true;
  }
  return false;
}

// One turn. Owns nothing.
struct ChatMessage {
  ChatRole role;
  std::string_view content;
  // Of an assistant's turn, written by the LFM2.5 template only: its thoughts, and its calls, each as name(arg=value,
  // ...). The LFM2 template expects both within `content`, as the model wrote them.
  std::string_view thinking = {};
  ListRef<std::string_view> tool_calls = {};
};

// What joins a turn to an answer that was generated into the context: after the answer's <|im_end|>, or after an answer
// that was cut short.
inline constexpr std::string_view kChatAfterAnswer = "\n";
inline constexpr std::string_view kChatAfterCutAnswer = "<|im_end|>\n";

// Around what a model thinks before it answers.
inline constexpr std::string_view kThinkBegin = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";

// A chat to render. Owns nothing.
struct ChatPrompt {
  ListRef<ChatMessage> messages;
  // The model's tools, each as JSON, however it is spelled.
  ToolList tools = {};
  // Ends with the beginning of an assistant's turn.
  bool add_generation_prompt = true;
  // Messages that are in the context already: only those from `first` on are written, and neither bos nor tools.
  // (LFM2.5 drops the thoughts of turns before the last user's. Turns in the context are not written anew and keep
  // theirs.)
  size_t first = 0;
  // The context has a beginning already: neither bos nor tools are written, and messages may be empty.
  bool continues = false;
  // Text that the answer begins with, after the generation prompt. The text of special tokens in it becomes those.
  std::string_view answer = {};
  // Written first; kChatAfterAnswer or kChatAfterCutAnswer where the context ends with an answer.
  std::string_view joint = {};
};

// A part of the rendered text.
struct ChatPiece {
  std::string_view text;
  // Written by the template: its special tokens count. Otherwise it is somebody's content, in which the text of a
  // special token should stay text, or a message could end its own turn and begin another's. Of an assistant's content,
  // the markers of tool calls and thoughts are template pieces, so that what the model wrote reads back as it was.
  bool is_template;
};

namespace chat_internal {

inline constexpr std::string_view kAssistantMarkers[] = {"<|tool_call_start|>", "<|tool_call_end|>", kThinkBegin,
                                                         kThinkEnd};

// What Python's str.strip removes.
inline bool IsStripped(uint32_t code_point) {
  return ClassOf(code_point) == CharClass::kSpace || (code_point >= 0x1c && code_point <= 0x1f);
}

inline std::string_view Strip(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    if (!IsStripped(c.code_point)) break;
    text.remove_prefix(c.length);
  }
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && IsContinuation(text[begin])) --begin;
    const Utf8Char c = ReadUtf8(TextFrom(text, begin));
    if (c.length != text.size() - begin || !IsStripped(c.code_point)) break;
    text.remove_suffix(c.length);
  }
  return text;
}

template <class Sink>
class ChatRenderer {
 public:
  ChatRenderer(ChatTemplate kind, const ChatPrompt& prompt, Sink& sink) : kind_(kind), prompt_(prompt), sink_(sink) {}

  void Run(std::string_view bos) {
    const ListRef<ChatMessage>& messages = prompt_.messages;
    size_t from = prompt_.first;
    Template(prompt_.joint);
    if (from == 0 && !prompt_.continues) {
      Template(bos);
      const ChatMessage head = messages[0];
      const bool has_system = head.role == ChatRole::kSystem;
      System(has_system ? head.content : std::string_view());
      if (has_system) from = 1;
    }
    size_t after_last_user = 0;
    for (size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].role == ChatRole::kUser) after_last_user = i + 1;
    }
    for (size_t i = from; i < messages.size(); ++i) Message(messages[i], i >= after_last_user);
    if (prompt_.add_generation_prompt) {
      Template("<|im_start|>assistant\n");
      Template(prompt_.answer);
    }
  }

 private:
  void Template(std::string_view text) {
    if (!text.empty()) sink_(ChatPiece{text, true});
  }
  void Content(std::string_view text) {
    if (!text.empty()) sink_(ChatPiece{text, false});
  }

  void Tools() {
    for (size_t i = 0; i < prompt_.tools.size(); ++i) {
      if (i > 0) Template(", ");
      static_cast<void>(prompt_.tools.Spell(i, [&](std::string_view piece) { Content(piece); }));  // checked
    }
  }

  void System(std::string_view content) {
    if (content.empty() && prompt_.tools.empty()) return;
    const bool marked = kind_ == ChatTemplate::kLfm2;
    Template("<|im_start|>system\n");
    Content(content);
    if (!prompt_.tools.empty()) {
      if (!content.empty()) Template("\n");
      Template(marked ? "List of tools: <|tool_list_start|>[" : "List of tools: [");
      Tools();
      Template(marked ? "]<|tool_list_end|>" : "]");
    }
    Template("<|im_end|>\n");
  }

  void Message(const ChatMessage& message, bool keep_thinking) {
    Template("<|im_start|>");
    Template(RoleName(message.role));
    Template("\n");
    if (message.role == ChatRole::kAssistant) {
      Assistant(message, keep_thinking);
    } else if (message.role == ChatRole::kTool && kind_ == ChatTemplate::kLfm2) {
      Template("<|tool_response_start|>");
      Content(message.content);
      Template("<|tool_response_end|>");
    } else {
      Content(message.content);
    }
    Template("<|im_end|>\n");
  }

  void Assistant(const ChatMessage& message, bool keep_thinking) {
    if (kind_ == ChatTemplate::kLfm2) {
      AssistantContent(message.content);
      return;
    }
    std::string_view content = message.content;
    if (keep_thinking && !message.thinking.empty()) {
      Template(kThinkBegin);
      Content(message.thinking);
      Template(kThinkEnd);
    }
    if (!keep_thinking) {
      const size_t end = content.rfind(kThinkEnd);
      if (end != std::string_view::npos) content = Strip(TextFrom(content, end + kThinkEnd.size()));
    }
    AssistantContent(content);
    if (!message.tool_calls.empty()) {
      Template("<|tool_call_start|>[");
      for (size_t i = 0; i < message.tool_calls.size(); ++i) {
        if (i > 0) Template(", ");
        Content(message.tool_calls[i]);
      }
      Template("]<|tool_call_end|>");
    }
  }

  void AssistantContent(std::string_view content) {
    size_t begin = 0;
    for (size_t at = 0; at < content.size();) {
      const std::string_view marker = MarkerAt(TextFrom(content, at));
      if (marker.empty()) {
        ++at;
        continue;
      }
      Content(TextPart(content, begin, at - begin));
      Template(marker);
      at += marker.size();
      begin = at;
    }
    Content(TextFrom(content, begin));
  }

  static std::string_view MarkerAt(std::string_view text) {
    if (text[0] != '<') return {};
    for (const std::string_view marker : kAssistantMarkers) {
      if (text.size() >= marker.size() && TextPart(text, 0, marker.size()) == marker) return marker;
    }
    return {};
  }

  ChatTemplate kind_;
  const ChatPrompt& prompt_;
  Sink& sink_;
};

inline Status CheckTools(const ToolList& tools) {
  for (size_t i = 0; i < tools.size(); ++i) LFM2_RETURN_IF_ERROR(tools.Spell(i, [](std::string_view) {}));
  return Status();
}

}  // namespace chat_internal

// Calls sink(ChatPiece) with the parts of the prompt, in order, none of them empty; together they are exactly what the
// published template writes. bos: the text of the bos token. Errors, before anything is written: kUnsupported for
// kNone; kInvalidArgument for a chat without messages, a role that is none (index() is its message), `first` beyond
// the messages, or a tool that is no JSON (index() is the tool, value() the byte).
template <class Sink>
Status RenderChat(ChatTemplate kind, std::string_view bos, const ChatPrompt& prompt, Sink&& sink) {
  if (kind != ChatTemplate::kLfm2 && kind != ChatTemplate::kLfm2_5) {
    return Status(StatusCode::kUnsupported, "chat template",
                  "is not known: this model has none that the library renders");
  }
  if (prompt.messages.empty() && !prompt.continues) {
    return Status(StatusCode::kInvalidArgument, "chat", "has no messages");
  }
  if (prompt.first > prompt.messages.size()) {
    return Status(StatusCode::kInvalidArgument, "chat.first", "is beyond the messages", prompt.first,
                  prompt.messages.size());
  }
  for (size_t i = 0; i < prompt.messages.size(); ++i) {
    const ChatRole role = prompt.messages[i].role;
    if (!RoleName(role).empty()) continue;
    return Status(StatusCode::kInvalidArgument, "chat message", "has a role that is none", static_cast<uint8_t>(role),
                  static_cast<uint8_t>(ChatRole::kTool))
        .At(static_cast<uint32_t>(i));
  }
  if (prompt.first == 0) LFM2_RETURN_IF_ERROR(chat_internal::CheckTools(prompt.tools));
  chat_internal::ChatRenderer<std::remove_reference_t<Sink>>(kind, prompt, sink).Run(bos);
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_TEXT_CHAT_H_
