// Lines that a person types, with editing and history on a terminal.
#ifndef LFM2_PROGRAMS_CHAT_LINE_READER_H_
#define LFM2_PROGRAMS_CHAT_LINE_READER_H_

#include <string>

namespace lfm2::tools {

// Reads standard input. On a terminal, where the build found libedit, lines can be edited and recalled.
class LineReader {
 public:
  LineReader();
  bool interactive() const { return interactive_; }
  // The next line without its end; false at the end of the input. The prompt is shown on a terminal only.
  bool Read(const char* prompt, std::string* line);

 private:
  bool interactive_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CHAT_LINE_READER_H_
