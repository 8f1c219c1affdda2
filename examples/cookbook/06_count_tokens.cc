// How many tokens does a text have?
//
// `Tokenizer::Encode` writes the tokens of a text and their number; where they do not fit it returns `kOutputTooSmall`,
// and still the number. A message has more tokens than its text, because the chat template adds some: `Add` encodes
// without computing, after which `pending_tokens()` and `room()` say how many positions are taken and free.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  constexpr std::string_view kText = "Could you remind me in 21 minutes please.";
  const lfm2::Tokenizer tokenizer(image.vocab());
  size_t count = 0;
  LFM2_RETURN_IF_ERROR(tokenizer.Encode(kText, {}, session.text_scratch(), session.token_room(), &count));
  std::printf("%zu bytes are %zu tokens\n", kText.size(), count);
  LFM2_RETURN_IF_ERROR(chat.Add({lfm2::ChatRole::kUser, kText}));
  std::printf("as the first message %u tokens, and %u positions are left\n", chat.pending_tokens(), chat.room());
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
//   41 bytes are 10 tokens
//   as the first message 16 tokens, and 496 positions are left
