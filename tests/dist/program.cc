// For each model image on the command line: sixteen greedy tokens, and a checksum over the bits of all their logits;
// the first also answers a command. Compiled against the split headers and against the single file, which must give the
// same results. LFM2_HEADER is the header to include.
#include LFM2_HEADER
#if defined(LFM2_SPLIT)
#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"
#endif

#include <cstdio>

size_t OtherUnit();

namespace {

alignas(lfm2::kAlignment) std::byte g_arena[16 << 20];

struct Model {
  lfm2::posix::MappedFile file;
  lfm2::Image image;
  lfm2::Session session;

  lfm2::Status Open(const char* path) {
    LFM2_RETURN_IF_ERROR(file.Open(path));
    LFM2_RETURN_IF_ERROR(image.Open(file));
    lfm2::SessionOptions options;
    options.context_length = 512;
    return session.Open(image, options, g_arena);
  }
};

lfm2::Status Answer(const char* path) {
  Model model;
  LFM2_RETURN_IF_ERROR(model.Open(path));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  lfm2::Conversation chat;
  LFM2_RETURN_IF_ERROR(chat.Open(&model.session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you heat the hallway to 17 degrees, please", 64, [](std::string_view text) {
    std::printf("%.*s", static_cast<int>(text.size()), text.data());
  }));
  std::puts("");
  return lfm2::Status();
}

lfm2::Status Compute(const char* path) {
  Model model;
  LFM2_RETURN_IF_ERROR(model.Open(path));
  int32_t prompt[24] = {1};
  for (int32_t i = 1; i < 24; ++i) prompt[i] = 40 + 11 * i;
  LFM2_RETURN_IF_ERROR(model.session.Prefill(prompt));
  uint32_t sum = 0;
  for (int i = 0; i < 16; ++i) {
    const lfm2::Span<const float> logits = model.session.logits();
    size_t best = 0;
    for (size_t token = 0; token < logits.size(); ++token) {
      sum = sum * 31 + lfm2::BitCast<uint32_t>(logits[token]);
      if (logits[token] > logits[best]) best = token;
    }
    std::printf("%zu ", best);
    LFM2_RETURN_IF_ERROR(model.session.Decode(static_cast<int32_t>(best)));
  }
  std::printf("%08x\n", sum);
  return lfm2::Status();
}

}  // namespace

int main(int argc, char** argv) {
  lfm2::Status status = argc > 1 ? Answer(argv[1]) : lfm2::Status();
  for (int i = 1; i < argc && status.ok(); ++i) status = Compute(argv[i]);
  char message[256] = "";
  if (!status.ok()) status.Format(message, sizeof(message));
  std::printf("%s%zu\n", message, OtherUnit());
  return status.ok() ? 0 : 1;
}
