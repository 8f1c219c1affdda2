// Home control over a serial line: the model turns a sentence into a tool call, the firmware executes it within the
// limits of the devices, and the model reports what was done. Ctrl-D, or an empty line, ends it.
#include "console.h"
#include "house.h"
#include "model.h"

namespace {

// The model's last answer; it is shown while it is written only if it is meant for the user.
char g_answer[512];
size_t g_answer_bytes;

lfm2::Status Listen() {
  g_answer_bytes = 0;
  return g_chat.Answer(64, [](std::string_view text) {
    for (const char c : text) {
      if (g_answer_bytes < sizeof(g_answer)) g_answer[g_answer_bytes++] = c;
    }
  });
}

lfm2::Status Obey(std::string_view command) {
  LFM2_RETURN_IF_ERROR(BeginChat());
  LFM2_RETURN_IF_ERROR(g_chat.Add({lfm2::ChatRole::kUser, command}));
  LFM2_RETURN_IF_ERROR(Listen());
  // The model reports only after it has all results, including errors for malformed calls.
  lfm2::ToolCallReader calls({g_answer, g_answer_bytes});
  bool called = false;
  for (lfm2::ToolCall call; calls.Next(&call); called = true) {
    LFM2_RETURN_IF_ERROR(g_chat.Add({lfm2::ChatRole::kTool, Act(call)}));
  }
  if (!calls.status().ok()) LFM2_RETURN_IF_ERROR(g_chat.Add({lfm2::ChatRole::kTool, kRefused}));
  if (called || !calls.status().ok()) LFM2_RETURN_IF_ERROR(Listen());
  Print({g_answer, g_answer_bytes});
  Print("\n");
  return lfm2::Status();
}

}  // namespace

int Main() {
  lfm2::Status status = OpenModel();
  char line[256];
  std::string_view command;
  while (status.ok() && ReadLine(line, sizeof(line), &command)) {
    status = Obey(command);
    // If a sentence was too long, the next one may fit.
    if (status.code() == lfm2::StatusCode::kContextFull || status.code() == lfm2::StatusCode::kArenaTooSmall) {
      Print("That was too long.\n");
      status = lfm2::Status();
    }
  }
  if (status.ok()) return 0;
  static char message[256];
  Print({message, status.Format(message, sizeof(message))});
  Print("\n");
  return 1;
}
