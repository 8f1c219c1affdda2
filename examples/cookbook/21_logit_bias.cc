// How do I forbid or favour tokens, or choose them myself?
//
// `AnswerOptions::before_choice` may change the logits before each token is chosen: add a bias, or set the logit of a
// token to minus infinity to forbid it. To choose tokens yourself, forbid all but your choice. Below a `Conversation`,
// the same logits are `Session::mutable_logits()`. Here the model is asked to unlock a door, and can only lock it.

#include <cmath>
#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static void OnlyLock(void*, lfm2::Span<float> logits) {
  for (size_t i = 0; i < logits.size(); ++i) {
    const std::string_view text = image.vocab().TokenBytes(static_cast<int32_t>(i));
    if (text.find("False") != std::string_view::npos) logits[i] = -INFINITY;  // or add a bias
  }
}

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  lfm2::AnswerOptions answer(24);
  answer.before_choice = OnlyLock;
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you unlock the door of the porch, please.", answer, Show));
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
//   <|tool_call_start|>[lock_door(room="porch", locked=True)]<|tool_call_end|>
