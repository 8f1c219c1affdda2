// How do I check that nothing is allocated?
//
// The library calls no allocator, throws nothing and uses no RTTI: compile your program with `-fno-exceptions
// -fno-rtti`, as this one is, and compare the heap before and after. glibc counts the bytes in use in `mallinfo2`. A
// board needs no heap at all.

#include <malloc.h>
#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static size_t HeapBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

static lfm2::Status Run(const char* path) {
  std::printf("The buffer of standard output is allocated with this line.\n");
  const size_t before = HeapBytes();
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you remind me in 21 minutes please.", 64, Show));
  std::printf("\n%zu bytes were allocated\n", HeapBytes() - before);
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
//   The buffer of standard output is allocated with this line.
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>
//   0 bytes were allocated
