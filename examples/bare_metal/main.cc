// An assistant on a serial line, without an operating system, a heap or a C library: each line is a command, and the
// model answers with a tool call. Ctrl-D, or an empty line, ends it.
#include "board.h"
#include "console.h"
#include "model.h"

namespace {

// After the answer, a line for scripts: the ticks of the longest step, and per token of the prompt and of the answer.
lfm2::Status Answer(std::string_view command) {
  LFM2_RETURN_IF_ERROR(BeginChat());
  LFM2_RETURN_IF_ERROR(g_chat.BeginAsk(command, LFM2_ANSWER_TOKENS));
  uint64_t longest = 0, prefill = 0, decode = 0;
  uint32_t prompt_tokens = 0;
  while (g_chat.is_busy()) {
    const bool prompted = prompt_tokens > 0;
    const uint64_t begin = Ticks();
    LFM2_RETURN_IF_ERROR(g_chat.Step([](std::string_view text) { Print(text); }));
    const uint64_t ticks = Ticks() - begin;
    longest = lfm2::Max(longest, ticks);
    (prompted ? decode : prefill) += ticks;
    if (!prompted && g_session.steps_left() == 0) prompt_tokens = g_session.position();
  }
  Print("\n# ticks: longest step ");
  Print(longest);
  Print(", a token of the prompt ");
  Print(prefill / lfm2::Max<uint32_t>(prompt_tokens, 1));
  Print(", of the answer ");
  Print(decode / lfm2::Max<uint32_t>(g_chat.answer_tokens(), 1));
  Print("\n");
  return lfm2::Status();
}

}  // namespace

int Main() {
  lfm2::Status status = OpenModel();
  if (status.ok()) {
    Print("# ");
    Print(g_image.name());
    Print(", kernels ");
    Print(g_session.kernels_name());
    Print("\n");
  }
  char line[256];
  std::string_view command;
  while (status.ok() && ReadLine(line, sizeof(line), &command)) status = Answer(command);
  if (status.ok()) return 0;
  static char message[256];
  Print({message, status.Format(message, sizeof(message))});
  Print("\n");
  return 1;
}
