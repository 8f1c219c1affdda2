// Firmware whose model can only write valid calls of the available tools: the grammar of all calls of tools.json, which
// lfm2-grammar has compiled on a PC, is in flash. Each line is a command; the calls of the answer are shown as the
// firmware reads them. Ctrl-D, or an empty line, ends it. With FREE_ANSWERS, the same firmware without the grammar.
#include "console.h"
#include "model.h"
#if !defined(FREE_ANSWERS)
#include "calls.h"
#endif

namespace {

char g_answer[512];
size_t g_answer_bytes;

// A device would set a pin here.
void Show(const lfm2::ToolCall& call) {
  Print(call.name());
  lfm2::ToolItem item;
  for (lfm2::ToolItems items = call.arguments(); items.Next(&item);) {
    Print(" ");
    item.name.ForEach([](std::string_view text) { Print(text); });
    Print("=");
    int64_t number = 0;
    bool on = false;
    if (item.value.GetInteger(&number).ok()) {
      Print(static_cast<uint64_t>(number));
    } else if (item.value.GetBool(&on).ok()) {
      Print(on ? "on" : "off");
    } else {
      item.value.string().ForEach([](std::string_view text) { Print(text); });
    }
  }
  Print("\n");
}

lfm2::Status Obey(std::string_view command) {
  LFM2_RETURN_IF_ERROR(BeginChat());
  lfm2::AnswerOptions options(LFM2_ANSWER_TOKENS);
#if !defined(FREE_ANSWERS)
  options.constraint = &g_calls;
#endif
  g_answer_bytes = 0;
  LFM2_RETURN_IF_ERROR(g_chat.BeginAsk({lfm2::ChatRole::kUser, command}, options));
  while (g_chat.is_busy()) {
    LFM2_RETURN_IF_ERROR(g_chat.Step([](std::string_view text) {
      for (const char c : text) {
        if (g_answer_bytes < sizeof(g_answer)) g_answer[g_answer_bytes++] = c;
      }
    }));
  }
  lfm2::ToolCallReader calls({g_answer, g_answer_bytes});
  for (lfm2::ToolCall call; calls.Next(&call);) Show(call);
  return calls.status();
}

}  // namespace

int Main() {
  lfm2::Status status = OpenModel();
#if !defined(FREE_ANSWERS)
  if (status.ok()) status = OpenCalls();
#endif
  char line[256];
  std::string_view command;
  while (status.ok() && ReadLine(line, sizeof(line), &command)) status = Obey(command);
  if (status.ok()) return 0;
  static char message[256];
  Print({message, status.Format(message, sizeof(message))});
  Print("\n");
  return 1;
}
