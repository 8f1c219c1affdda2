// How do I make the arena smaller?
//
// Three options decide most of its size: `context_length`, the positions of prompt and answer; `prefill_chunk`, the
// tokens computed together, where fewer only make long prompts slower; and `kv_cache`, whose 8-bit type takes about
// half of the default's memory. An arena that is too small is refused, and the message has the number of bytes that are
// needed.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[140 << 10];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static void Report(const char* what, const lfm2::SessionOptions& options) {
  std::printf("%-18s %4zu KB\n", what, lfm2::ArenaBytes(image.config(), options) / 1024);
}

static lfm2::Status Run(const char* path) {
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  lfm2::SessionOptions options;
  Report("defaults", options);
  options.context_length = 128;
  Report("128 positions", options);
  options.prefill_chunk = 4;
  Report("chunks of 4 tokens", options);
  options.kv_cache = lfm2::KvCacheType::kInt8;
  Report("8-bit KV cache", options);
  const lfm2::Status refused = session.Open(image, options, {arena, 100 << 10});
  std::printf("%s: %llu KB are needed\n", lfm2::Status::CodeName(refused.code()),
              static_cast<unsigned long long>(refused.limit() / 1024));
  LFM2_RETURN_IF_ERROR(session.Open(image, options, arena));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, Show));
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
//   defaults           5504 KB
//   128 positions      1521 KB
//   chunks of 4 tokens  196 KB
//   8-bit KV cache      136 KB
//   arena too small: 136 KB are needed
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
