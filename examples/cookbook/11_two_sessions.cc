// How do I run two chats on one copy of the weights?
//
// Open one `Image`, and one `Session` for each chat with an arena of its own. Nothing writes to the image, so the
// sessions may compute at the same time on two threads. (An image whose experts are read from a drive serves one
// session.)

#include <cstdio>
#include <string>
#include <thread>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

static lfm2::posix::MappedFile file;
static lfm2::Image image;

struct Chat {
  alignas(lfm2::kAlignment) std::byte arena[1 << 20];
  lfm2::Session session;
  lfm2::Conversation conversation;
  std::string answer;
  lfm2::Status status;
};
static Chat chats[2];

static lfm2::Status Ask(std::string_view question, Chat* chat) {
  lfm2::SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 16;
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat->session.Open(image, options, chat->arena));
  LFM2_RETURN_IF_ERROR(chat->conversation.Open(&chat->session, greedy));
  return chat->conversation.Ask(question, 64, [&](std::string_view text) { chat->answer.append(text); });
}

static lfm2::Status Run(const char* path) {
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  std::thread other([] { chats[1].status = Ask("make the garage light orange, please", &chats[1]); });
  chats[0].status = Ask("Could you remind me in 21 minutes please.", &chats[0]);
  other.join();
  for (const Chat& chat : chats) {
    LFM2_RETURN_IF_ERROR(chat.status);
    std::printf("%s\n", chat.answer.c_str());
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
