// How sure is the model of its answer?
//
// `AnswerOptions::on_token` gets each token with the logits that it was chosen from, and `LogProbability` computes the
// natural logarithm of its probability from them, before any option of the sampler. The least probable token of an
// answer is a simple measure: where it is low, an assistant can ask again.

#include <cmath>
#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static void KeepLeast(void* context, int32_t token, lfm2::Span<const float> logits) {
  double* const least = static_cast<double*>(context);
  if (logits.empty()) return;
  const double probability = std::exp(static_cast<double>(lfm2::LogProbability(logits, token)));
  if (probability < *least) *least = probability;
}

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  for (const std::string_view question : {"Could you remind me in 21 minutes please.", "It is rather dark in here."}) {
    double least = 1;
    lfm2::AnswerOptions answer(64);
    answer.on_token = KeepLeast;
    answer.context = &least;
    LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
    LFM2_RETURN_IF_ERROR(chat.Ask(question, answer, Show));
    std::printf(" %s\n", least > 0.8 ? "(sure)" : "(not sure)");
    std::fprintf(stderr, "%.3f\n", least);
  }
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
//   <|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|> (sure)
//   The opposite of small is big. (not sure)
