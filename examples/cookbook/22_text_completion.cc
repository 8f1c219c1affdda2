// How do I write the prompt myself, without the chat template?
//
// Use the parts that a `Conversation` is made of. `Tokenizer` makes tokens of the text, `Session::Prefill` computes
// them, a `Sampler`, or a few lines of your own, chooses the next token from the logits, and `TextStream` makes whole
// characters of it. `parse_special` turns the text of special tokens into those tokens: only for text that you trust.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  constexpr std::string_view kPrompt =
      "<|im_start|>user\nCould you remind me in 21 minutes please.<|im_end|>\n<|im_start|>assistant\n";
  lfm2::EncodeOptions trusted;
  trusted.parse_special = true;
  trusted.add_bos = image.vocab().add_bos();
  lfm2::Span<int32_t> ids = session.token_room();
  size_t count = 0;
  LFM2_RETURN_IF_ERROR(lfm2::Tokenizer(image.vocab()).Encode(kPrompt, trusted, session.text_scratch(), ids, &count));
  LFM2_RETURN_IF_ERROR(session.Prefill(ids.subspan(0, count)));

  lfm2::SamplerOptions greedy;
  greedy.temperature = 0.0f;
  lfm2::Sampler sampler;
  LFM2_RETURN_IF_ERROR(sampler.Configure(greedy, image.sampling()));
  lfm2::TextStream stream(image.vocab(), true);
  for (int i = 0; i < 32; ++i) {
    int32_t token = 0;
    LFM2_RETURN_IF_ERROR(sampler.Sample(session.logits(), session.tokens(), session.text_scratch(), &token));
    if (image.vocab().IsStop(token)) break;
    stream.Put(token, Show);
    LFM2_RETURN_IF_ERROR(session.Decode(token));
  }
  stream.Flush(Show);
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
