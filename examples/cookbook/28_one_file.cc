// How do I use the library as one file?
//
// Every build makes `dist/lfm2_bundled.h`, which contains the library and the parts of Highway that it needs. Copy it
// next to your program and compile with `-std=c++17 -O2 -march=native`. `LFM2_POSIX` adds files and threads.
// `LFM2_TENSOR_TYPES`, a mask of the weight types of your model, makes the program smaller and quicker to compile.

#define LFM2_POSIX
#define LFM2_TENSOR_TYPES 0x29  // F32, Q4_0 and Q6_K
#include <cstdio>

#include "lfm2_bundled.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, Show));
  std::printf("\n");
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
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
