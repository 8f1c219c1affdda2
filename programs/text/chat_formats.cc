#include "programs/text/chat_formats.h"

#include <array>
#include <cstring>

namespace lfm2::tools {

namespace {

ChatFormat Lfm2() {
  ChatFormat f;
  f.name = "lfm2";
  f.tools_joint = "\n";
  f.tools_begin = "List of tools: <|tool_list_start|>[";
  f.tools_end = "]<|tool_list_end|>";
  f.response_begin = "<|tool_response_start|>";
  f.response_end = "<|tool_response_end|>";
  return f;
}

void AddCalls(ChatFormat* f) {
  f->calls_begin = "<|tool_call_start|>[";
  f->calls_end = "]<|tool_call_end|>";
  f->calls = ChatCalls::kAfterContent;
}

ChatFormat Lfm2V2() {
  ChatFormat f = Lfm2();
  f.name = "lfm2_v2";
  f.contents = ChatContents::kJsonOrEmpty;
  AddCalls(&f);
  return f;
}

ChatFormat Lfm2_5KeepPast() {
  ChatFormat f;
  f.name = "lfm2_5_keep_past";
  f.tools_joint = "\n";
  f.tools_begin = "List of tools: [";
  f.tools_end = "]";
  f.thoughts = ChatThoughts::kLastAnswer;
  return f;
}

ChatFormat Lfm2_5() {
  ChatFormat f = Lfm2_5KeepPast();
  f.name = "lfm2_5";
  f.thoughts = ChatThoughts::kAfterLastUser;
  f.flags = kChatThinking | kChatReasoning;
  f.contents = ChatContents::kParts;
  AddCalls(&f);
  return f;
}

ChatFormat Lfm2_5Raw() {
  ChatFormat f = Lfm2_5();
  f.name = "lfm2_5_raw";
  f.flags = kChatThinking | kChatGivenEmpty;
  f.quotes = ChatQuotes::kPlain;
  f.lists = ChatNesting::kPython;
  f.contents = ChatContents::kPartObjects;
  return f;
}

ChatFormat Lfm2_5Date() {
  ChatFormat f = Lfm2_5Raw();
  f.name = "lfm2_5_date";
  f.tools_joint = "\n\n";
  f.date_begin = "Today's date: ";
  f.date_end = "\n\n";
  return f;
}

ChatFormat Lfm2_5Think() {
  ChatFormat f = Lfm2_5();
  f.name = "lfm2_5_think";
  f.answer = "<think>";
  return f;
}

}  // namespace

Span<const ChatFormat> KnownChatFormats() {
  static const std::array<ChatFormat, 7> kFormats = {Lfm2(),       Lfm2V2(),         Lfm2_5(),     Lfm2_5Raw(),
                                                     Lfm2_5Date(), Lfm2_5KeepPast(), Lfm2_5Think()};
  return {kFormats.data(), kFormats.size()};
}

const ChatFormat* FindChatFormat(std::string_view name) {
  for (const ChatFormat& format : KnownChatFormats()) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::string KnownChatNames() {
  std::string names;
  for (const ChatFormat& format : KnownChatFormats()) {
    if (!names.empty()) names += ", ";
    names += format.name;
  }
  return names;
}

bool SamePieces(const ChatFormat& a, const ChatFormat& b) {
  for (uint32_t i = 1; i < kChatTextCount; ++i) {
    if (a.*kChatTexts[i] != b.*kChatTexts[i]) return false;
  }
  return a.flags == b.flags && a.thoughts == b.thoughts && a.calls == b.calls && a.quotes == b.quotes &&
         a.lists == b.lists && a.objects == b.objects && a.contents == b.contents;
}

std::string ChatFormatBytes(const ChatFormat& format) {
  if (format.name.empty()) return std::string();
  ChatHeader h{};
  h.flags = format.flags;
  h.thoughts = static_cast<uint8_t>(format.thoughts);
  h.calls = static_cast<uint8_t>(format.calls);
  h.quotes = static_cast<uint8_t>(format.quotes);
  h.lists = static_cast<uint8_t>(format.lists);
  h.objects = static_cast<uint8_t>(format.objects);
  h.contents = static_cast<uint8_t>(format.contents);
  std::string texts;
  for (uint32_t i = 0; i < kChatTextCount; ++i) {
    const std::string_view text = format.*kChatTexts[i];
    h.text_bytes[i] = static_cast<uint16_t>(text.size());
    texts += text;
  }
  std::string bytes(sizeof(h), '\0');
  std::memcpy(bytes.data(), &h, sizeof(h));
  return bytes + texts;
}

}  // namespace lfm2::tools
