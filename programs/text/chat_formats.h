// The chat templates of published models, as the pieces that an image stores.
#ifndef LFM2_PROGRAMS_TEXT_CHAT_FORMATS_H_
#define LFM2_PROGRAMS_TEXT_CHAT_FORMATS_H_

#include <string>
#include <string_view>

#include "lfm2/base/span.h"
#include "lfm2/format/chat_format.h"

namespace lfm2::tools {

// All published templates: lfm2, lfm2_v2, lfm2_5, lfm2_5_raw, lfm2_5_date, lfm2_5_keep_past and lfm2_5_think.
Span<const ChatFormat> KnownChatFormats();

// Null if no published template has the name.
const ChatFormat* FindChatFormat(std::string_view name);

// Their names with commas between them, for people.
std::string KnownChatNames();

// A format that owns its texts.
class OwnedChatFormat {
 public:
  OwnedChatFormat() = default;
  OwnedChatFormat(const ChatFormat& format) : style_(format) {
    for (uint32_t i = 0; i < kChatTextCount; ++i) texts_[i] = format.*kChatTexts[i];
  }

  // Valid until this is changed or destroyed.
  ChatFormat view() const {
    ChatFormat format = style_;
    for (uint32_t i = 0; i < kChatTextCount; ++i) format.*kChatTexts[i] = texts_[i];
    return format;
  }
  bool has_name() const { return !texts_[0].empty(); }

 private:
  ChatFormat style_;
  std::string texts_[kChatTextCount];
};

// Whether two formats write the same prompts: everything but their names is equal.
bool SamePieces(const ChatFormat& a, const ChatFormat& b);

// In the layout of docs/format-vocab.md; empty without a name. Every text has at most kMaxChatTextBytes.
std::string ChatFormatBytes(const ChatFormat& format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_CHAT_FORMATS_H_
