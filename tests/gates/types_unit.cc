// One of the three units: LFM2_GATE_UNIT is its name.
#include "lfm2.h"

#include "tests/gates/types.h"

namespace {

TypeSizes Sizes() { return {sizeof(lfm2::Session), sizeof(lfm2::Image), sizeof(lfm2::Conversation)}; }

void Open(const lfm2::Image& image, std::byte* arena, size_t arena_size, lfm2::Session* session, lfm2::Status* status) {
  lfm2::SessionOptions options;
  options.context_length = 256;
  *status = session->Open(image, options, {arena, arena_size});
}

const char* KernelsName(const lfm2::Session& session) { return session.kernels_name(); }

void Ask(lfm2::Session* session, lfm2::Conversation* chat, char* text, size_t text_size, lfm2::Status* status) {
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  *status = chat->Open(session, greedy);
  if (!status->ok()) return;
  size_t size = 0;
  *status = chat->Ask("Could you remind me in 21 minutes please.", 64, [&](std::string_view part) {
    for (size_t i = 0; i < part.size() && size + 1 < text_size; ++i) text[size++] = part[i];
  });
  text[size] = '\0';
}

int32_t Next(lfm2::Session* session, const int32_t* tokens, size_t count, lfm2::Status* status) {
  *status = session->Prefill({tokens, count});
  const lfm2::Span<const float> logits = session->logits();
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) best = logits[i] > logits[best] ? i : best;
  return static_cast<int32_t>(best);
}

}  // namespace

extern const TypesUnit LFM2_GATE_UNIT = {Sizes, Open, KernelsName, Ask, Next};
