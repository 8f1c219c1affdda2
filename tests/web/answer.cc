// Answers commands as the page's module does, on this machine: answer MODEL.lfm2 < COMMANDS
// Each line of standard input is a command, each line of standard output the ids of the answer's tokens, as JSON.
#include <cstdio>
#include <iostream>
#include <string>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

namespace {

alignas(lfm2::kAlignment) std::byte g_arena[4 << 20];
lfm2::posix::MappedFile g_file;
lfm2::Image g_image;
lfm2::Session g_session;
lfm2::Conversation g_chat;

lfm2::Status Open(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 1024;
  LFM2_RETURN_IF_ERROR(g_file.Open(path));
  return lfm2::OpenModel(g_file, options, g_arena, &g_image, &g_session);
}

lfm2::Status Answer(const std::string& command) {
  lfm2::ConversationOptions options;
  options.sampler.temperature = 0.0f;
  options.sampler.repetition_penalty = 1.0f;
  LFM2_RETURN_IF_ERROR(g_chat.Open(&g_session, options));
  lfm2::AnswerOptions answer(64);
  const char* separator = "[";
  answer.context = &separator;
  answer.on_token = [](void* context, int32_t token, lfm2::Span<const float>) {
    const char** const before = static_cast<const char**>(context);
    std::printf("%s%d", *before, token);
    *before = ",";
  };
  LFM2_RETURN_IF_ERROR(g_chat.Ask(command, answer, [](std::string_view) {}));
  std::puts("]");
  return lfm2::Status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  lfm2::Status status = Open(argv[1]);
  for (std::string line; status.ok() && std::getline(std::cin, line);) status = Answer(line);
  if (status.ok()) return 0;
  char message[256];
  status.Format(message, sizeof(message));
  std::fprintf(stderr, "answer: %s\n", message);
  return 1;
}
