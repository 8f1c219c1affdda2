// Firmware that leaves out weight types and token guesses: the small model answers if its types are included, and
// missing features are refused by name.
#include <cstdio>
#include <cstring>

#include "lfm2.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/mapped_file.h"

namespace {

lfm2::Image image;

#if LFM2_TENSOR_TYPES == 0x29  // F32, Q4_0 and Q6_K

constexpr size_t kArenaSize = size_t{16} << 20;
alignas(lfm2::kAlignment) std::byte arena[kArenaSize];
lfm2::Session session;

bool RefusesDrafts() {
  lfm2::SessionOptions options;
  options.draft_tokens = 4;
  options.now_ns = lfm2::posix::MonotonicNs;
  const lfm2::Status status = session.Open(image, options, {arena, kArenaSize});
  char text[256];
  status.Format(text, sizeof(text));
  std::puts(text);
  return status.code() == lfm2::StatusCode::kUnsupported && std::strstr(text, "LFM2_NO_DRAFTS") != nullptr;
}

bool Answers() {
  lfm2::SessionOptions options;
  options.context_length = 256;
  lfm2::Conversation chat;
  static char answer[256];
  static size_t size = 0;
  lfm2::Status status = session.Open(image, options, {arena, kArenaSize});
  if (status.ok()) status = chat.Open(&session, {});
  if (status.ok()) {
    status = chat.Ask("Could you remind me in 21 minutes please.", 64, [](std::string_view text) {
      const size_t room = sizeof(answer) - 1 - size, n = text.size() < room ? text.size() : room;
      std::memcpy(answer + size, text.data(), n);
      size += n;
    });
  }
  std::puts(answer);
  return status.ok() && std::strcmp(answer, "<|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>") == 0;
}

bool Check(const lfm2::Status& opened) { return opened.ok() && RefusesDrafts() && Answers(); }

#else  // without Q4_0

static_assert(!lfm2::IsCompiled(lfm2::TensorType::kQ4_0));

bool Check(const lfm2::Status& opened) {
  char text[256];
  opened.Format(text, sizeof(text));
  std::puts(text);
  return opened.code() == lfm2::StatusCode::kUnsupported && std::strstr(text, "LFM2_TENSOR_TYPES") != nullptr;
}

#endif

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tensor_types MODEL.lfm2\n");
    return 2;
  }
  lfm2::posix::MappedFile file;
  const lfm2::Status status = file.Open(argv[1]);
  return status.ok() && Check(image.Open(file)) ? 0 : 1;
}
