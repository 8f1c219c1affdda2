// How do I speed up answers that repeat what is in the context?
//
// With `draft_tokens` a session guesses the next tokens from what the sequence repeats, and computes them together with
// the token that it decodes anyway. The results are the same bits. It measures with your clock whether guessing pays,
// and makes no guesses where it does not. Edited texts and repeated calls gain, free prose hardly does.

#include <cstdio>
#include <string>

#include "lfm2.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static lfm2::Status AskThrice(uint32_t draft_tokens, std::string* answers) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  options.draft_tokens = draft_tokens;
  options.now_ns = lfm2::posix::MonotonicNs;
  session.Close();
  LFM2_RETURN_IF_ERROR(session.Open(image, options, arena));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  for (int i = 0; i < 3; ++i) {
    LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64,
                                  [&](std::string_view text) { answers->append(text); }));
  }
  const lfm2::DraftStatistics drafts = session.draft_statistics();
  std::fprintf(stderr, "%llu tokens guessed, %llu of them right\n", static_cast<unsigned long long>(drafts.drafted),
               static_cast<unsigned long long>(drafts.accepted));
  return lfm2::Status();
}

static lfm2::Status Run(const char* path) {
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  std::string without, with;
  LFM2_RETURN_IF_ERROR(AskThrice(0, &without));
  LFM2_RETURN_IF_ERROR(AskThrice(8, &with));
  std::printf("The answers are %s.\n", without == with ? "the same" : "different");
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
//   The answers are the same.
