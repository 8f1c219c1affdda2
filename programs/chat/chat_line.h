// What a line means that a person types: a message, or one of the program's commands.
#ifndef LFM2_PROGRAMS_CHAT_CHAT_LINE_H_
#define LFM2_PROGRAMS_CHAT_CHAT_LINE_H_

#include <cstdint>
#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

struct ChatLine {
  enum class Kind : uint8_t {
    kNothing,  // white space only
    kMessage,
    kHelp,
    kTool,
    kRegenerate,
    kContinue,
    kReset,
    kSystem,
    kSave,
    kLoad,
    kStats,
    kQuit,
  };
  Kind kind = Kind::kNothing;
  std::string text;  // of a message; what follows a command
};

// The Error refuses an unknown command, and one without the text that it needs or with one that it does not.
Error ParseChatLine(const std::string& typed, ChatLine* line);

// Whether a text is empty or white space only.
bool IsBlank(const std::string& text);

// All commands, a line each.
std::string ChatHelp();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CHAT_CHAT_LINE_H_
