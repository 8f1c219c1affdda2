// How do I make one program for all x86-64 or 64-bit Arm processors?
//
// Compile without `-march` and define `LFM2_DYNAMIC_DISPATCH` where the library is compiled; in CMake that is
// `lfm2_add_library(NAME DYNAMIC_DISPATCH)`. `Session::Open` then chooses the best kernels for the processor,
// `kernels_name()` returns their instruction set, and `cpu_target` requests others. Logits of two instruction sets
// differ in their last bits; answers hardly ever do.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  for (const lfm2::CpuTarget target : {lfm2::CpuTarget::kBaseline, lfm2::CpuTarget::kAutomatic}) {
    lfm2::SessionOptions options;
    options.context_length = 512;
    options.cpu_target = target;
    session.Close();
    LFM2_RETURN_IF_ERROR(session.Open(image, options, arena));
    std::fprintf(stderr, "computed by %s: ", session.kernels_name());
    lfm2::ConversationOptions greedy;
    greedy.sampler.temperature = 0.0f;
    LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
    LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, Show));
    std::printf("\n");
  }
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
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
