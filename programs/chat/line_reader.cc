#include "programs/chat/line_reader.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#if defined(LFM2_HAVE_LIBEDIT)
#include <editline/readline.h>
#endif

namespace lfm2::tools {

LineReader::LineReader() : interactive_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
#if defined(LFM2_HAVE_LIBEDIT)
  if (interactive_) using_history();
#endif
}

bool LineReader::Read(const char* prompt, std::string* line) {
#if defined(LFM2_HAVE_LIBEDIT)
  if (interactive_) {
    char* typed = readline(prompt);
    if (typed == nullptr) return false;
    *line = typed;
    if (!line->empty()) add_history(typed);
    std::free(typed);
    return true;
  }
#endif
  if (interactive_) std::cout << prompt << std::flush;
  return static_cast<bool>(std::getline(std::cin, *line));
}

}  // namespace lfm2::tools
