// Recognises the chat template of a checkpoint.
#ifndef LFM2_PROGRAMS_PACK_RECOGNIZE_CHAT_H_
#define LFM2_PROGRAMS_PACK_RECOGNIZE_CHAT_H_

#include <string>

#include "programs/base/error.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// The pieces of a template in Jinja, found by what it writes: those of the published template that writes every one of
// ChatProbes alike, with the system text that this one has by default. bos, eos: the texts of these tokens. Refuses any
// other: the Error names the nearest published template, the chat and the first difference.
Error RecognizeChat(const std::string& jinja, const std::string& bos, const std::string& eos, OwnedChatFormat* format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_RECOGNIZE_CHAT_H_
