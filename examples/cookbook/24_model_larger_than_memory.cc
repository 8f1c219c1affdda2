// How do I run a model that is larger than memory?
//
// Open it as a `posix::DirectFile`. The experts of a mixture then stay on the drive, and those that a token needs are
// read into slots of the arena. A larger arena has more slots, and fewer experts have to be read; the results are the
// same bits. `MakePlan` computes the number of slots, and `Session::statistics()` counts what was read.
// docs/streaming.md has figures.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/direct_file.h"

alignas(lfm2::kRecordAlignment) static std::byte arena[4 << 20];
static lfm2::posix::DirectFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status AskWith(size_t arena_bytes) {
  lfm2::SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 8;
  session.Close();
  image.Close();
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, {arena, arena_bytes}, &image, &session));
  const lfm2::Plan plan = lfm2::MakePlan(image.config(), session.options(), lfm2::StreamShapeOf(image));
  std::printf("%zu KB of arena, %u slots for %u experts: ", arena_bytes / 1024, plan.slots.total,
              image.config().moe_layers() * image.config().experts);
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, Show));
  const lfm2::StreamStatistics read = session.statistics();
  std::fprintf(stderr, "%llu uses found in memory, %llu read, %llu bytes\n", static_cast<unsigned long long>(read.hits),
               static_cast<unsigned long long>(read.misses), static_cast<unsigned long long>(read.bytes));
  std::printf("\n");
  return lfm2::Status();
}

static lfm2::Status Run(const char* path) {
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(AskWith(2304 << 10));
  LFM2_RETURN_IF_ERROR(AskWith(4096 << 10));
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
//   2304 KB of arena, 8 slots for 128 experts: <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
//   4096 KB of arena, 72 slots for 128 experts: <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
