// How do I keep deadlines while a model computes?
//
// `BeginAsk` computes nothing. Each `Step` then computes one operator or one feed forward for at most
// `SessionOptions::prefill_chunk` tokens, so a small chunk makes short steps. On an RTOS, call `Step` in the task with
// the lowest priority. A loop without an operating system, like this one, lets other work run when its time has come.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static uint32_t turns = 0;
static void ControlMotor() { ++turns; }  // has to run every two milliseconds

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  options.prefill_chunk = 8;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.BeginAsk("Could you remind me in 21 minutes please.", 64));
  uint64_t due = 0;
  while (chat.is_busy()) {
    if (lfm2::posix::MonotonicNs() >= due) {
      due = lfm2::posix::MonotonicNs() + 2000000;
      ControlMotor();
    }
    LFM2_RETURN_IF_ERROR(chat.Step(Show));
  }
  std::printf("\nThe motor was controlled meanwhile: %s\n", turns > 0 ? "yes" : "no");
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
//   The motor was controlled meanwhile: yes
