// Prints the answer to a command, and a sum over the bits of all logits behind it: compiled against the split headers
// and against the single file, whose results have to be the same. LFM2_HEADER is what it includes.
#include LFM2_HEADER
#if defined(LFM2_SPLIT)
#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"
#endif

#include <cstdio>

size_t OtherUnit();

namespace {

alignas(lfm2::kAlignment) std::byte g_arena[4 << 20];
lfm2::Image g_image;
lfm2::Session g_session;

lfm2::Status Run(const char* path, uint32_t* sum) {
  static lfm2::posix::MappedFile file;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(g_image.Open(file));
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(g_session.Open(g_image, options, g_arena));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  lfm2::Conversation chat;
  LFM2_RETURN_IF_ERROR(chat.Open(&g_session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you heat the hallway to 17 degrees, please", 64, [](std::string_view text) {
    std::printf("%.*s", static_cast<int>(text.size()), text.data());
  }));
  for (const float logit : g_session.logits()) *sum = *sum * 31 + lfm2::BitCast<uint32_t>(logit);
  return lfm2::Status();
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t sum = 0;
  const lfm2::Status status = Run(argc > 1 ? argv[1] : "", &sum);
  char message[256] = "";
  if (!status.ok()) status.Format(message, sizeof(message));
  std::printf("%s\n%08x %zu\n", message, sum, OtherUnit());
  return status.ok() ? 0 : 1;
}
