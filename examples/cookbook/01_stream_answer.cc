// How do I show an answer while it is being generated?
//
// `Conversation::Ask` calls a sink with each piece of text as soon as its token is chosen. A piece is always whole
// UTF-8 characters, so it can go to a screen or a socket as it is. A sink that returns `bool` ends the answer by
// returning `false`. This one writes a bar after each piece.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, [](std::string_view text) {
    std::printf("%.*s|", static_cast<int>(text.size()), text.data());
    std::fflush(stdout);
  }));
  std::printf("\n%u tokens\n", chat.answer_tokens());
  return lfm2::Status();
}

int main(int argc, char** argv) {
  const lfm2::Status status = Run(argc > 1 ? argv[1] : "build/release/models/home.lfm2");
  char message[256];
  status.Format(message, sizeof(message));
  if (!status.ok()) std::fprintf(stderr, "%s\n", message);
  return status.ok() ? 0 : 1;
}

// Prints:
//   <|tool_call_start|>|[start|_timer|(minutes|=|21|)|]|<|tool_call_end|>|
//   9 tokens
