// chat: chats with a model in a terminal, or answers one prompt.
#include "programs/chat/chat_program.h"
#include "programs/chat/options.h"
#include "programs/console/command_line.h"

int main(int argc, char** argv) {
  lfm2::tools::ChatOptions options;
  int exit_code = 0;
  if (!lfm2::tools::ParseChatOptions(argc, argv, &options, &exit_code)) return exit_code;
  lfm2::tools::ChatProgram program(options);
  return lfm2::tools::Finish("chat", program.Run());
}
