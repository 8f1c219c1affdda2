// Chat templates in Jinja, written anew: an image keeps which template a model has, not its text.
#ifndef LFM2_TOOLS_EXPORT_CHAT_TEMPLATES_H_
#define LFM2_TOOLS_EXPORT_CHAT_TEMPLATES_H_

#include <string>

#include "lfm2/format/vocab.h"

namespace lfm2::tools {

// Renders every chat as the published template does, and is recognised as `kind` by RecognizeChatTemplate; empty for
// kNone.
std::string JinjaOf(ChatTemplate kind);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EXPORT_CHAT_TEMPLATES_H_
