// How do I get JSON by a schema, and nothing else?
//
// Compile the schema to a grammar, open a `GrammarConstraint` on it, and pass that to the answer: all tokens that
// cannot lead to valid JSON are then forbidden. An answer that ends with `kStop` is valid; one that `max_tokens` cut
// off is the beginning of a valid one. The form is certain, the values are still the model's: the small one has learnt
// calls, not JSON, and guesses. docs/constrained.md has the details.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;
alignas(lfm2::kAlignment) static std::byte scratch[64 << 10], memory[256 << 10];
static lfm2::GrammarConstraint constraint;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  constexpr std::string_view kSchema = R"({"type": "object", "properties": {
      "room": {"enum": ["hallway", "kitchen"]}, "celsius": {"type": "integer", "minimum": 5, "maximum": 30}},
      "required": ["room", "celsius"], "additionalProperties": false})";
  lfm2::Span<const std::byte> compiled;
  lfm2::Grammar grammar;
  LFM2_RETURN_IF_ERROR(lfm2::CompileJsonSchema(kSchema, {}, scratch, &compiled));
  LFM2_RETURN_IF_ERROR(lfm2::Grammar::Open(compiled, &grammar));
  lfm2::Span<std::byte> rest;
  lfm2::TokenTrie trie;
  LFM2_RETURN_IF_ERROR(lfm2::OpenTokenTrie(image, memory, &rest, &trie));
  LFM2_RETURN_IF_ERROR(constraint.Open(image.vocab(), grammar, trie, {}, rest));
  lfm2::AnswerOptions answer(64);
  answer.constraint = &constraint;
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you heat the hallway to 17 degrees, please", answer, Show));
  std::printf("\ncomplete: %s\n", chat.answer_end() == lfm2::AnswerEnd::kStop ? "yes" : "no");
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
//   {"celsius": 23, "room": "hallway"}
//   complete: yes
