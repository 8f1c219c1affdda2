// How do I continue a chat from saved messages?
//
// Pass them all to one `Add`, answers as messages of the assistant, and ask for an `Answer`. The texts are encoded and
// computed again; recipe 16 saves the computed state instead. Texts of users stay texts: a `<|im_end|>` in one does not
// end its message.

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
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  const lfm2::ChatMessage history[] = {
      {lfm2::ChatRole::kUser, "Could you heat the hallway to 17 degrees, please"},
      {lfm2::ChatRole::kAssistant, "<|tool_call_start|>[set_heating(room=\"hallway\", celsius=17)]<|tool_call_end|>"},
      {lfm2::ChatRole::kTool, "{\"ok\": true}"},
  };
  LFM2_RETURN_IF_ERROR(chat.Add(history));
  LFM2_RETURN_IF_ERROR(chat.Answer(64, Show));
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
//   I set the hallway to 17 degrees.
