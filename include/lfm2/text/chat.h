// Renders messages to prompt text from the pieces of a chat template that an image contains, without a template engine.
#ifndef LFM2_TEXT_CHAT_H_
#define LFM2_TEXT_CHAT_H_

#include <string_view>
#include <type_traits>

#include "lfm2/base/config.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/status.h"
#include "lfm2/format/chat_format.h"
#include "lfm2/text/tool_call.h"
#include "lfm2/text/tool_list.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// The author of a message.
enum class ChatRole : uint8_t { kSystem, kUser, kAssistant, kTool };

// The name of a role in templates: "system", "user", "assistant" or "tool". Empty for an invalid value.
constexpr std::string_view RoleName(ChatRole role) {
  switch (role) {
    case ChatRole::kSystem: return "system";
    case ChatRole::kUser: return "user";
    case ChatRole::kAssistant: return "assistant";
    case ChatRole::kTool: return "tool";
  }
  return {};
}

// The inverse of RoleName. Returns false, and leaves *role unchanged, for any other text.
constexpr bool ParseRole(std::string_view name, ChatRole* role) {
  for (uint8_t i = 0; i <= static_cast<uint8_t>(ChatRole::kTool); ++i) {
    if (RoleName(static_cast<ChatRole>(i)) != name) continue;
    *role = static_cast<ChatRole>(i);
    return true;
  }
  return false;
}

// One message (turn). Owns nothing.
struct ChatMessage {
  ChatRole role;             // who speaks
  std::string_view content;  // the text of the turn
  // For an assistant message: its thoughts, and its tool calls, each as JSON. Formats that do not write them expect
  // them within `content`, as the model wrote them.
  std::string_view thinking = {};
  ToolCallList tool_calls = {};
};

// Joins a message to an answer that was generated into the context: after the <|im_end|> of the answer, or after an
// answer that was cut short.
inline constexpr std::string_view kChatAfterAnswer = "\n";
inline constexpr std::string_view kChatAfterCutAnswer = "<|im_end|>\n";

// Around the thoughts of a model.
inline constexpr std::string_view kThinkBegin = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";

// Around the tool calls of a model.
inline constexpr std::string_view kToolCallBegin = "<|tool_call_start|>";
inline constexpr std::string_view kToolCallEnd = "<|tool_call_end|>";

// A chat to render. Owns nothing.
struct ChatPrompt {
  ListRef<ChatMessage> messages;  // in order
  // The available tools, each as JSON in any spelling.
  ToolList tools = {};
  // Today's date as YYYY-MM-DD. Needed where the format writes it (writes_date) and there are tools.
  std::string_view date = {};
  // Whether the prompt ends with the beginning of an assistant message.
  bool add_generation_prompt = true;
  // Index of the first message to write: earlier ones are already in the context, and so are bos and tools if it is not
  // 0. (Thoughts are dropped only from messages that are written; those in the context keep theirs.)
  size_t first = 0;
  // The context already has a beginning: bos and tools are not written, and messages may be empty.
  bool continues = false;
  // Text that the answer begins with, after the generation prompt. Text of special tokens in it becomes these tokens.
  // The text with which every answer of the format begins precedes it, unless this text already begins with it.
  std::string_view answer = {};
  // Written first: kChatAfterAnswer or kChatAfterCutAnswer where the context ends with an answer.
  std::string_view joint = {};
};

// A part of the rendered text.
struct ChatPiece {
  std::string_view text;  // part of the prompt
  // True for text of the template, in which special tokens are recognised. False for content, in which the text of a
  // special token must stay text, or a message could end its own turn and begin another. In the content of an
  // assistant, the markers of tool calls and thoughts are template pieces, so that it becomes the tokens that the model
  // wrote.
  bool is_template;
};

namespace chat_internal {

inline constexpr std::string_view kAssistantMarkers[] = {kToolCallBegin, kToolCallEnd, kThinkBegin, kThinkEnd};

// The characters that Python's str.strip removes.
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

inline bool StartsWith(std::string_view text, std::string_view begin) {
  return text.size() >= begin.size() && TextPart(text, 0, begin.size()) == begin;
}

template <class Sink>
class ChatRenderer {
 public:
  ChatRenderer(const ChatFormat& format, const ChatPrompt& prompt, Sink& sink)
      : format_(format), prompt_(prompt), sink_(sink) {}

  void Run(std::string_view bos) {
    const ListRef<ChatMessage>& messages = prompt_.messages;
    size_t from = prompt_.first;
    Template(prompt_.joint);
    if (from == 0 && !prompt_.continues) {
      Template(bos);
      const ChatMessage head = messages[0];
      const bool has_system = head.role == ChatRole::kSystem;
      const bool is_default = !has_system || (head.content.empty() && format_.has(kChatDefaultIfEmpty));
      System(is_default ? format_.default_system : head.content);
      if (has_system) from = 1;
    }
    // Index of the first message that keeps its thoughts.
    size_t stay = 0;
    const bool by_user = format_.thoughts == ChatThoughts::kAfterLastUser;
    for (size_t i = 0; i < messages.size() && format_.thoughts != ChatThoughts::kAsWritten; ++i) {
      if (messages[i].role == (by_user ? ChatRole::kUser : ChatRole::kAssistant)) stay = i;
    }
    for (size_t i = from; i < messages.size(); ++i) Message(messages[i], i >= stay);
    if (prompt_.add_generation_prompt) {
      Template("<|im_start|>assistant\n");
      if (!StartsWith(prompt_.answer, format_.answer)) Template(format_.answer);
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
    if (format_.writes_date()) {
      Template(format_.date_begin);
      Template(prompt_.date);
      Template(format_.date_end);
    }
    Template(format_.tools_begin);
    for (size_t i = 0; i < prompt_.tools.size(); ++i) {
      if (i > 0) Template(", ");
      static_cast<void>(prompt_.tools.Spell(i, [&](std::string_view piece) { Content(piece); }));  // checked
    }
    Template(format_.tools_end);
  }

  void System(std::string_view content) {
    if (content.empty() && prompt_.tools.empty()) return;
    Template("<|im_start|>system\n");
    Content(content);
    if (!prompt_.tools.empty()) {
      if (!content.empty()) Template(format_.tools_joint);
      Tools();
    }
    Template("<|im_end|>\n");
  }

  void Message(const ChatMessage& message, bool keep_thinking) {
    Template("<|im_start|>");
    Template(RoleName(message.role));
    Template("\n");
    if (message.role == ChatRole::kAssistant) {
      Assistant(message, keep_thinking);
    } else {
      const bool is_response = message.role == ChatRole::kTool;
      if (is_response) Template(format_.response_begin);
      Content(message.content);
      if (is_response) Template(format_.response_end);
    }
    Template("<|im_end|>\n");
  }

  void Assistant(const ChatMessage& message, bool keep_thinking) {
    const bool given_empty = format_.has(kChatGivenEmpty);
    const bool thinks = !message.thinking.empty() || (given_empty && message.thinking.data() != nullptr);
    std::string_view content = message.content;
    if (keep_thinking && thinks && format_.has(kChatThinking)) {
      Template(kThinkBegin);
      Content(message.thinking);
      Template(kThinkEnd);
    }
    if (!keep_thinking) {
      const size_t end = content.rfind(kThinkEnd);
      if (end != std::string_view::npos) content = Strip(TextFrom(content, end + kThinkEnd.size()));
    }
    const bool calls = !message.tool_calls.empty() || (given_empty && message.tool_calls.is_given());
    if (calls && format_.calls == ChatCalls::kBeforeContent) Calls(message.tool_calls);
    AssistantContent(content);
    if (calls && format_.calls == ChatCalls::kAfterContent) Calls(message.tool_calls);
  }

  void Calls(const ToolCallList& calls) {
    Template(format_.calls_begin);
    for (size_t i = 0; i < calls.size(); ++i) {
      if (i > 0) Template(", ");
      static_cast<void>(calls.Spell(i, format_, [&](std::string_view piece) { Content(piece); }));  // checked
    }
    Template(format_.calls_end);
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
      if (StartsWith(text, marker)) return marker;
    }
    return {};
  }

  const ChatFormat& format_;
  const ChatPrompt& prompt_;
  Sink& sink_;
};

LFM2_NOINLINE inline Status CheckKnown(const ChatFormat& format) {
  if (!format.name.empty()) return Status();
  return Status(StatusCode::kUnsupported, "chat template",
                "is unknown: the image has none (pack it with --template, or set a chat format)");
}

// Checks the date, which is needed where the format writes it and there are tools.
LFM2_NOINLINE inline Status CheckDate(const ChatFormat& format, const ToolList& tools, std::string_view date) {
  if (tools.empty() || (date.empty() ? !format.writes_date() : tools.IsDay(date))) return Status();
  return Status(StatusCode::kInvalidArgument, "date", "is not YYYY-MM-DD, which this template needs to write tools");
}

// Checks the texts that precede the messages.
inline Status CheckHead(const ChatFormat& format, const ChatPrompt& prompt) {
  const ToolList& tools = prompt.tools;
  for (size_t i = 0; i < tools.size(); ++i) LFM2_RETURN_IF_ERROR(tools.Spell(i, [](std::string_view) {}));
  return CheckDate(format, tools, prompt.date);
}

inline Status CheckMessage(const ChatFormat& format, const ChatMessage& message) {
  if (RoleName(message.role).empty()) {
    return Status(StatusCode::kInvalidArgument, "chat message", "has an invalid role",
                  static_cast<uint8_t>(message.role), static_cast<uint8_t>(ChatRole::kTool));
  }
  if (message.role != ChatRole::kAssistant || format.calls == ChatCalls::kNotWritten) return Status();
  for (size_t i = 0; i < message.tool_calls.size(); ++i) {
    LFM2_RETURN_IF_ERROR(message.tool_calls.Spell(i, format, [](std::string_view) {}));
  }
  return Status();
}

}  // namespace chat_internal

// Calls sink(ChatPiece) with the non-empty parts of the prompt, in order; concatenated, they are exactly what the
// published template writes. bos: the text of the bos token. Errors, before anything is written: kUnsupported for a
// format without a name; kInvalidArgument for a chat without messages, an invalid role or an invalid tool call (index()
// is the message), `first` beyond the messages, a tool that is not JSON (index() is the tool; for tools and calls
// value() is the byte), or no date where the format writes one.
template <class Sink>
Status RenderChat(const ChatFormat& format, std::string_view bos, const ChatPrompt& prompt, Sink&& sink) {
  LFM2_RETURN_IF_ERROR(chat_internal::CheckKnown(format));
  if (prompt.messages.empty() && !prompt.continues) {
    return Status(StatusCode::kInvalidArgument, "chat", "has no messages");
  }
  if (prompt.first > prompt.messages.size()) {
    return Status(StatusCode::kInvalidArgument, "chat.first", "is beyond the messages", prompt.first,
                  prompt.messages.size());
  }
  for (size_t i = 0; i < prompt.messages.size(); ++i) {
    const Status status = chat_internal::CheckMessage(format, prompt.messages[i]);
    if (!status.ok()) return Status(status).At(static_cast<uint32_t>(i));
  }
  if (prompt.first == 0 && !prompt.continues) LFM2_RETURN_IF_ERROR(chat_internal::CheckHead(format, prompt));
  chat_internal::ChatRenderer<std::remove_reference_t<Sink>>(format, prompt, sink).Run(bos);
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_TEXT_CHAT_H_
