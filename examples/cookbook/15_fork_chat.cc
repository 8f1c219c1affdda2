// How do I continue a chat in two ways?
//
// `ForkFrom` makes a conversation a copy of another one, at the cost of copying its keys and values; nothing is
// computed again. Each continues by itself. Both sessions need the same model and `kv_cache`; their contexts, chunks
// and kernels may differ.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arenas[2][2 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session sessions[2];
static lfm2::Conversation chats[2];

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 256;
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  for (int i = 0; i < 2; ++i) {
    LFM2_RETURN_IF_ERROR(sessions[i].Open(image, options, arenas[i]));
    LFM2_RETURN_IF_ERROR(chats[i].Open(&sessions[i], greedy));
  }
  LFM2_RETURN_IF_ERROR(chats[0].Ask("Could you heat the hallway to 17 degrees, please", 64, Show));
  LFM2_RETURN_IF_ERROR(chats[1].ForkFrom(chats[0]));
  const std::string_view next[] = {"make the garage light orange, please",
                                   "Could you unlock the door of the porch, please."};
  for (int i = 0; i < 2; ++i) {
    std::printf("\n%u tokens so far, then ", sessions[i].position());
    LFM2_RETURN_IF_ERROR(chats[i].Ask(next[i], 64, Show));
  }
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
//   <|tool_call_start|>[set_heating(room="hallway", celsius=17)]<|tool_call_end|>
//   33 tokens so far, then <|tool_call_start|>[set_color(room="garage", color="orange")]<|tool_call_end|>
//   33 tokens so far, then <|tool_call_start|>[lock_door(room="porch", locked=False)]<|tool_call_end|>
