// How do I cancel an answer, and continue it later?
//
// A session asks its `Poll` between the steps of a call, many times per token. When the poll returns `false`, the call
// returns `kCancelled` and the step is given up. What the sink has received stays in the context, so another `Answer`
// continues where this one stopped. Here the sink plays the part of a button.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static bool pressed = false;
static bool GoOn(void*) { return !pressed; }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  lfm2::Poll poll;
  poll.go_on = GoOn;
  session.SetPoll(&poll);
  const lfm2::Status status = chat.Ask("Could you remind me in 21 minutes please.", 64, [](std::string_view text) {
    Show(text);
    pressed = text.find("timer") != std::string_view::npos;
  });
  if (status.code() != lfm2::StatusCode::kCancelled) return status;
  std::printf("\ncancelled after %u tokens\n", chat.answer_tokens());
  pressed = false;
  LFM2_RETURN_IF_ERROR(chat.Answer(64, Show));
  std::printf("\n");
  session.SetPoll(nullptr);
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
//   cancelled after 3 tokens
//   (minutes=21)]<|tool_call_end|>
