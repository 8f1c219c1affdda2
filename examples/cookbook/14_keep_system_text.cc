// How do I avoid computing the system text again for each question?
//
// `Add` without messages begins the context with the system text and the tools, `Compute` computes them, and `Mark`
// notes the place. `Rewind` goes back there before each question, so that only the question is computed. A mark holds
// the state of the convolutions: `MarkBytes(config)` bytes, a few kilobytes here. Keys and values stay where they are.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;
static std::byte mark[16 << 10];

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions told;
  told.sampler.temperature = 0.0f;
  told.system = "You control a house. Answer with a call of a tool.";
  LFM2_RETURN_IF_ERROR(chat.Open(&session, told));
  LFM2_RETURN_IF_ERROR(chat.Add(lfm2::ListRef<lfm2::ChatMessage>()));
  LFM2_RETURN_IF_ERROR(chat.Compute());
  LFM2_RETURN_IF_ERROR(chat.Mark(mark));
  std::printf("%u positions of system text\n", session.position());
  const std::string_view questions[] = {"Could you remind me in 21 minutes please.",
                                        "make the garage light orange, please"};
  for (const std::string_view question : questions) {
    LFM2_RETURN_IF_ERROR(chat.Rewind(mark));
    LFM2_RETURN_IF_ERROR(chat.Add({lfm2::ChatRole::kUser, question}));
    std::printf("%u tokens to compute: ", chat.pending_tokens());
    LFM2_RETURN_IF_ERROR(chat.Answer(64, Show));
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
//   31 positions of system text
//   15 tokens to compute: <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
//   12 tokens to compute: <|tool_call_start|>[set_color(room="garage", color="orange")]<|tool_call_end|>
