// What do I do when the context is full?
//
// `room()` returns the number of free positions. `DropOldest` removes the oldest messages after the system text and the
// tools until as many positions are free as you need; the next answer computes the remaining ones again. A message that
// does not fit is refused with `kContextFull`, and nothing has changed then.

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
  lfm2::SessionOptions options;
  options.context_length = 80;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  const std::string_view questions[] = {"Could you remind me in 21 minutes please.",
                                        "make the garage light orange, please",
                                        "Could you unlock the door of the porch, please."};
  for (const std::string_view question : questions) {
    if (chat.room() < 45) {
      const uint32_t before = chat.room();
      LFM2_RETURN_IF_ERROR(chat.DropOldest(45));
      std::printf("(%u positions were free, now %u)\n", before, chat.room());
    }
    LFM2_RETURN_IF_ERROR(chat.Ask(question, 24, Show));
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
//   <|tool_call_start|>[set_color(room="garage", color="orange")]<|tool_call_end|>
//   (21 positions were free, now 50)
//   <|tool_call_start|>[lock_door(room="porch", locked=False)]<|tool_call_end|>
