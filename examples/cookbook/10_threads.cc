// How do I compute with several threads?
//
// The library starts no threads: it gives its work to an `Executor`. On Linux that is a `posix::ThreadPool`, for which
// `Open(0)` means as many threads as the process may keep cores busy. On an RTOS, write an `Executor` of your own,
// whose `run` calls a function once for each index, in any tasks, and returns when all calls have returned. The results
// are the same bits for every number of threads.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::posix::ThreadPool pool;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(pool.Open(2));  // of which one is the caller's
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session, pool.executor()));
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
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
