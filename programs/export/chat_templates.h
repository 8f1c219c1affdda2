// Writes chat templates in Jinja: an image keeps the pieces of a template, not its text.
#ifndef LFM2_PROGRAMS_EXPORT_CHAT_TEMPLATES_H_
#define LFM2_PROGRAMS_EXPORT_CHAT_TEMPLATES_H_

#include <string>

#include "lfm2/format/chat_format.h"

namespace lfm2::tools {

// A template that renders every chat as the library does with these pieces, and in which RecognizeChat finds them;
// empty for a format without a name.
std::string JinjaOf(const ChatFormat& format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EXPORT_CHAT_TEMPLATES_H_
