// The chat page, programs/server/page.html, which the build embeds in the program.
#ifndef LFM2_PROGRAMS_SERVER_PAGE_H_
#define LFM2_PROGRAMS_SERVER_PAGE_H_

#include <string_view>

namespace lfm2::tools {

std::string_view ChatPage();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_PAGE_H_
