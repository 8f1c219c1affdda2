// How do I get the same answer every time?
//
// Set the sampler's `seed`: the same model, prompt, options and seed give the same tokens with the same kernels,
// whatever the number of threads, the chunk size or the storage. With `temperature` 0 no random number is used at all.
// `AnswerOptions::sampler` sets options for an answer and the following ones; `ConversationOptions::sampler` sets them
// for a whole chat.

#include <cstdio>
#include <string>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static lfm2::Status AskWithSeed(uint64_t seed, std::string* answer) {
  lfm2::SamplerOptions sampler;
  sampler.temperature = 1.0f;
  sampler.seed = seed;
  lfm2::AnswerOptions options(64);
  options.sampler = &sampler;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, {}));
  return chat.Ask("I am cold.", options, [&](std::string_view text) { answer->append(text); });
}

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  std::string first, second;
  LFM2_RETURN_IF_ERROR(AskWithSeed(42, &first));
  LFM2_RETURN_IF_ERROR(AskWithSeed(42, &second));
  std::printf("The answers are %s.\n", first == second ? "the same" : "different");
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
