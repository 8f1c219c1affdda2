// How a model's messages become a prompt: the pieces of its chat template, as stored in an image
// (docs/format-vocab.md).
#ifndef LFM2_FORMAT_CHAT_FORMAT_H_
#define LFM2_FORMAT_CHAT_FORMAT_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"

namespace lfm2 {

// In which of an assistant's turns thoughts are kept. The values of all enums here are part of the image format.
enum class ChatThoughts : uint8_t {
  kAsWritten = 0,      // contents are not examined
  kAfterLastUser = 1,  // in turns after the last user's
  kLastAnswer = 2,     // in the last turn of the assistant
};

// Where an assistant's turn has its tool calls.
enum class ChatCalls : uint8_t { kNotWritten = 0, kAfterContent = 1, kBeforeContent = 2 };

// How a text is written that is an argument of a call.
enum class ChatQuotes : uint8_t {
  kEscaped = 0,  // 'text', where \ ' and line breaks become \\ \' \n \r
  kPlain = 1,    // 'text', unescaped
  kDouble = 2,   // "text", unescaped
};

// How a list or an object is written that is an argument of a call.
enum class ChatNesting : uint8_t {
  kJson = 0,    // as Python's json.dumps(value, ensure_ascii=False)
  kPython = 1,  // as Python's repr(value)
};

// How message contents that are not texts are written, for chats in JSON; the library itself accepts texts only.
enum class ChatContents : uint8_t {
  kJson = 0,         // written as JSON
  kJsonOrEmpty = 1,  // the same, but null is empty
  kParts = 2,        // the parts of a list are concatenated: texts, <image>, anything else as JSON
  kPartObjects = 3,  // the same, but a part that is not an object is written as JSON
};

// Bits of ChatFormat::flags.
inline constexpr uint8_t kChatThinking = 1;        // `thinking` of a message is written
inline constexpr uint8_t kChatReasoning = 2;       // also under the names `reasoning` and `reasoning_content`
inline constexpr uint8_t kChatGivenEmpty = 4;      // thoughts and lists of calls are written if present, even if empty
inline constexpr uint8_t kChatDefaultIfEmpty = 8;  // default_system also replaces an empty system text
inline constexpr uint8_t kChatFlags = 15;

// The pieces; empty ones are not written. Each turn is <|im_start|>ROLE, a line feed, its text, <|im_end|> and a line
// feed. Owns nothing: the format of an image is valid as long as that is open.
struct ChatFormat {
  std::string_view name;            // of the template; empty if a model has none
  std::string_view default_system;  // the system text of chats without one
  std::string_view tools_joint;     // between system text and what follows it
  std::string_view date_begin;      // around the date (YYYY-MM-DD), which is written with tools unless this is empty
  std::string_view date_end;        // see date_begin
  std::string_view tools_begin;     // around the tools, which are separated by ", "
  std::string_view tools_end;       // see tools_begin
  std::string_view response_begin;  // around the content of a tool's turn
  std::string_view response_end;    // see response_begin
  std::string_view calls_begin;     // around calls, name(argument=value, ...), which are separated by ", "
  std::string_view calls_end;       // see calls_begin
  std::string_view answer;          // the beginning of every answer
  uint8_t flags = 0;                // kChatThinking and the like
  ChatThoughts thoughts = ChatThoughts::kAsWritten;  // which thoughts stay
  ChatCalls calls = ChatCalls::kNotWritten;          // where calls are written
  ChatQuotes quotes = ChatQuotes::kEscaped;          // how arguments are spelled that are texts
  ChatNesting lists = ChatNesting::kJson;            // that are lists
  ChatNesting objects = ChatNesting::kJson;          // that are objects
  ChatContents contents = ChatContents::kJson;       // for programs whose chats are JSON

  // Whether a flag is set; whether the day is written with tools.
  constexpr bool has(uint8_t flag) const { return (flags & flag) != 0; }
  constexpr bool writes_date() const { return !date_begin.empty(); }
};

// The texts, in the order of an image.
inline constexpr std::string_view ChatFormat::*kChatTexts[] = {
    &ChatFormat::name,         &ChatFormat::default_system, &ChatFormat::tools_joint, &ChatFormat::date_begin,
    &ChatFormat::date_end,     &ChatFormat::tools_begin,    &ChatFormat::tools_end,   &ChatFormat::response_begin,
    &ChatFormat::response_end, &ChatFormat::calls_begin,    &ChatFormat::calls_end,   &ChatFormat::answer};
inline constexpr uint32_t kChatTextCount = sizeof(kChatTexts) / sizeof(kChatTexts[0]);
inline constexpr uint32_t kMaxChatTextBytes = 0xffff;

// The first bytes; the texts follow, one after another.
struct ChatHeader {
  uint8_t flags;
  uint8_t thoughts;
  uint8_t calls;
  uint8_t quotes;
  uint8_t lists;
  uint8_t objects;
  uint8_t contents;
  uint8_t reserved;
  uint16_t text_bytes[kChatTextCount];
};
static_assert(sizeof(ChatHeader) == 32, "the format fixes this");

static_assert(offsetof(ChatFormat, contents) - offsetof(ChatFormat, flags) == offsetof(ChatHeader, contents) &&
                  sizeof(ChatContents) == 1,
              "ReadChatFormat copies them as bytes");

// Reads the pieces from the bytes of an image into a default *out; without bytes there is no template. Errors: kCorrupt
// for sizes that do not add up or a missing name, kUnsupported for a flag or a value that this version does not have;
// value() is the offset of the first wrong byte.
inline Status ReadChatFormat(Span<const std::byte> bytes, ChatFormat* out) {
  if (bytes.empty()) return Status();
  const char* const text = reinterpret_cast<const char*>(bytes.data());
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  constexpr uint8_t kLimits[offsetof(ChatHeader, text_bytes)] = {kChatFlags, 2, 2, 2, 1, 1, 3, 0};
  size_t i = 0, at = sizeof(ChatHeader);
  if (bytes.size() >= at) {
    while (i < sizeof(kLimits) && byte(i) <= kLimits[i]) ++i;
    std::memcpy(&out->flags, text, offsetof(ChatHeader, reserved));
  }
  const bool is_known = bytes.size() < at || i == sizeof(kLimits);
  for (; is_known && i >= sizeof(kLimits) && i < sizeof(ChatHeader); i += 2) {
    const size_t size = byte(i) | static_cast<size_t>(byte(i + 1)) << 8;
    if (size > bytes.size() - at) break;
    out->*kChatTexts[(i - sizeof(kLimits)) / 2] = {text + at, size};
    at += size;
  }
  if (i == sizeof(ChatHeader) && at == bytes.size() && !out->name.empty()) return Status();
  return Status(is_known ? StatusCode::kCorrupt : StatusCode::kUnsupported, "vocabulary.chat",
                "is damaged or of another version (pack the model again): byte", i);
}

}  // namespace lfm2

#endif  // LFM2_FORMAT_CHAT_FORMAT_H_
