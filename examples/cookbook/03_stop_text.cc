// How do I end an answer at a certain word?
//
// Give up to eight `stop_texts`. The answer ends before the first of them, even where it spans several tokens, and no
// part of it reaches the sink. `answer_end()` says why an answer has ended. The texts are copied when the answer
// begins.

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
  const std::string_view stops[] = {"(", "\n"};
  lfm2::AnswerOptions answer(64);
  answer.stop_texts = stops;
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", answer, Show));
  std::printf("\nended by a stop text: %s\n", chat.answer_end() == lfm2::AnswerEnd::kStopText ? "yes" : "no");
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
//   <|tool_call_start|>[start_timer
//   ended by a stop text: yes
