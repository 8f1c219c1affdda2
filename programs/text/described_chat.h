// Pieces that no published chat template has, within a template's text.
#ifndef LFM2_PROGRAMS_TEXT_DESCRIBED_CHAT_H_
#define LFM2_PROGRAMS_TEXT_DESCRIBED_CHAT_H_

#include <string>

#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// A comment of Jinja with the pieces, which are tried when the template is packed again; empty for a published
// template's, whatever its default system text.
std::string DescriptionOf(const ChatFormat& format);

// The pieces that a template's comment has. Returns false where it has none.
bool FindDescription(const std::string& jinja, OwnedChatFormat* format);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_DESCRIBED_CHAT_H_
