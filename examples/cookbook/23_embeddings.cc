// How do I compare texts by their meaning?
//
// `Session::PrefillHidden` returns the hidden state of each token after the final norm, and computes no logits. The
// mean over the tokens of a text is an embedding, and the cosine of two of them says how similar the texts are.
// Embeddings are useful for texts of the kind that the model was trained on; for this one those are commands to a
// house.

#include <cmath>
#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;

constexpr size_t kMaxHidden = 2048;
struct Embedding {
  double values[kMaxHidden] = {};
};

static lfm2::Status Embed(std::string_view text, Embedding* out) {
  session.Reset();
  lfm2::Span<int32_t> ids = session.token_room();
  size_t count = 0;
  LFM2_RETURN_IF_ERROR(lfm2::Tokenizer(image.vocab()).Encode(text, {}, session.text_scratch(), ids, &count));
  return session.PrefillHidden(ids.subspan(0, count), [&](uint32_t, lfm2::Span<const float> hidden) {
    for (size_t i = 0; i < hidden.size() && i < kMaxHidden; ++i) out->values[i] += static_cast<double>(hidden[i]);
  });
}

static double Cosine(const Embedding& a, const Embedding& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < kMaxHidden; ++i) {
    ab += a.values[i] * b.values[i];
    aa += a.values[i] * a.values[i];
    bb += b.values[i] * b.values[i];
  }
  return ab / std::sqrt(aa * bb);
}

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  const std::string_view texts[] = {"unlock the door of the porch", "turn on the light in the kitchen",
                                    "set a timer for 5 minutes"};
  static Embedding query, others[3];
  LFM2_RETURN_IF_ERROR(Embed("switch off the lamp in the office", &query));
  size_t closest = 0;
  for (size_t i = 0; i < 3; ++i) {
    LFM2_RETURN_IF_ERROR(Embed(texts[i], &others[i]));
    if (Cosine(query, others[i]) > Cosine(query, others[closest])) closest = i;
  }
  std::printf("closest: %.*s\n", static_cast<int>(texts[closest].size()), texts[closest].data());
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
//   closest: turn on the light in the kitchen
