// Pieces of an unpublished chat template, within the text of a template.
#ifndef LFM2_PROGRAMS_TEXT_DESCRIBED_CHAT_H_
#define LFM2_PROGRAMS_TEXT_DESCRIBED_CHAT_H_

#include <string>

#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// A Jinja comment with the pieces, which are tried when the template is packed again; empty for a published template,
// whatever its default system text.
std::string DescriptionOf(const ChatFormat& format);

// The pieces in the comment of a template. Returns false if it has none.
bool FindDescription(const std::string& jinja, OwnedChatFormat* format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_DESCRIBED_CHAT_H_
