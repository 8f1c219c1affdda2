// Lines that a person types, with editing and history on a terminal.
#ifndef LFM2_PROGRAMS_CHAT_LINE_READER_H_
#define LFM2_PROGRAMS_CHAT_LINE_READER_H_

#include <cstdint>
#include <memory>
#include <string>

namespace lfm2::tools {

// Reads standard input. On a terminal, if the build found libedit, lines can be edited and recalled.
class LineReader {
 public:
  enum class Input : uint8_t {
    kLine,
    kCleared,      // Ctrl-C while something was typed, which is discarded
    kInterrupted,  // Ctrl-C at an empty prompt; without libedit, at any prompt
    kEnd,          // Ctrl-D, or the end of the input
  };

  LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  // Whether a person is at a terminal, which shows a prompt.
  bool interactive() const { return interactive_; }
  // *line: the next line, without its end.
  Input Read(std::string* line);

 private:
  struct Editor;

  bool interactive_;
  std::unique_ptr<Editor> editor_;  // null without libedit or without a terminal
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CHAT_LINE_READER_H_
