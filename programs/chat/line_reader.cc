#include "programs/chat/line_reader.h"

#include <termios.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#if defined(LFM2_HAVE_LIBEDIT)
#include <histedit.h>
#endif

namespace lfm2::tools {

namespace {

constexpr char kPrompt[] = "> ";

volatile std::sig_atomic_t line_interrupted = 0;

// Without SA_RESTART, so that the signal ends the read.
class InterruptsRead {
 public:
  InterruptsRead() {
    line_interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { line_interrupted = 1; };
    ::sigaction(SIGINT, &action, &before_);
  }
  InterruptsRead(const InterruptsRead&) = delete;
  InterruptsRead& operator=(const InterruptsRead&) = delete;
  ~InterruptsRead() { ::sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_ = {};
};

LineReader::Input ReadPlain(bool interactive, std::string* line) {
  if (interactive) std::cout << kPrompt << std::flush;
  const InterruptsRead interrupts;
  if (std::getline(std::cin, *line)) return LineReader::Input::kLine;
  if (!interactive || line_interrupted == 0) return LineReader::Input::kEnd;
  std::clearerr(stdin);
  std::cin.clear();
  std::cout << "\n" << std::flush;
  return LineReader::Input::kInterrupted;
}

}  // namespace

#if defined(LFM2_HAVE_LIBEDIT)

struct LineReader::Editor {
  Editor() {
    // Without a locale for UTF-8 the editor takes ASCII only.
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    edit = ::el_init("chat", stdin, stdout, stderr);
    history = ::history_init();
    HistEvent event;
    ::history(history, &event, H_SETSIZE, 1000);
    ::history(history, &event, H_SETUNIQUE, 1);
    const auto prompt = [](EditLine*) { return const_cast<char*>(kPrompt); };
    ::el_set(edit, EL_PROMPT, static_cast<char* (*)(EditLine*)>(prompt));
    ::el_set(edit, EL_EDITOR, "emacs");
    ::el_set(edit, EL_HIST, ::history, history);
    ::el_source(edit, nullptr);
    // While a line is edited, Ctrl-C is a key: a signal would not tell whether something is typed. So is Ctrl-Z then.
    ::el_set(edit, EL_SETTY, "-d", "-isig", nullptr);
    ::el_set(edit, EL_CLIENTDATA, this);
    const auto interrupt = [](EditLine* of, int) -> unsigned char {
      Editor* self = nullptr;
      ::el_get(of, EL_CLIENTDATA, &self);
      const LineInfo* const info = ::el_line(of);
      self->interrupted = info->lastchar == info->buffer ? Input::kInterrupted : Input::kCleared;
      return CC_EOF;
    };
    ::el_set(edit, EL_ADDFN, "chat-interrupt", "Discard the line",
             static_cast<unsigned char (*)(EditLine*, int)>(interrupt));
    ::el_set(edit, EL_BIND, "^C", "chat-interrupt", nullptr);
    const auto suspend = [](EditLine* of, int) -> unsigned char {
      ::el_set(of, EL_PREP_TERM, 0);
      ::raise(SIGTSTP);
      ::el_set(of, EL_PREP_TERM, 1);
      return CC_REDISPLAY;
    };
    ::el_set(edit, EL_ADDFN, "chat-suspend", "Suspend the program",
             static_cast<unsigned char (*)(EditLine*, int)>(suspend));
    ::el_set(edit, EL_BIND, "^Z", "chat-suspend", nullptr);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  ~Editor() {
    ::el_end(edit);
    ::history_end(history);
  }

  Input Read(std::string* line) {
    interrupted = Input::kEnd;
    int count = 0;
    const char* const typed = ::el_gets(edit, &count);
    if (typed == nullptr || count <= 0) {
      std::fputs(interrupted == Input::kEnd ? "\n" : "^C\n", stdout);
      std::fflush(stdout);
      return interrupted;
    }
    *line = typed;
    while (!line->empty() && (line->back() == '\n' || line->back() == '\r')) line->pop_back();
    HistEvent event;
    if (!line->empty()) ::history(history, &event, H_ENTER, line->c_str());
    return Input::kLine;
  }

  EditLine* edit = nullptr;
  History* history = nullptr;
  Input interrupted = Input::kEnd;
};

#else

struct LineReader::Editor {
  Input Read(std::string*) { return Input::kEnd; }
};

#endif

LineReader::LineReader() : interactive_(::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0) {
#if defined(LFM2_HAVE_LIBEDIT)
  // The editor would echo what is typed although the terminal does not.
  termios settings = {};
  const bool echoes = ::tcgetattr(STDIN_FILENO, &settings) == 0 && (settings.c_lflag & ECHO) != 0;
  if (interactive_ && echoes) editor_ = std::make_unique<Editor>();
#endif
}

LineReader::~LineReader() = default;

LineReader::Input LineReader::Read(std::string* line) {
  return editor_ == nullptr ? ReadPlain(interactive_, line) : editor_->Read(line);
}

}  // namespace lfm2::tools
