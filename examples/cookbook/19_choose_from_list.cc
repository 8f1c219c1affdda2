// How do I let the model choose from a list?
//
// Write the list as alternatives of a GBNF grammar, and hold the answer to it. `begin` may hold the start of the
// answer, which is not shown: here the model is to choose a tool, so the answer begins as a call. What is certain of a
// word is not chosen token by token.

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
  lfm2::Span<const std::byte> compiled;
  lfm2::Grammar grammar;
  constexpr std::string_view kTools = R"(root ::= "[start_timer" | "[set_heating" | "[lock_door")";
  LFM2_RETURN_IF_ERROR(lfm2::CompileGbnf(kTools, scratch, &compiled));
  LFM2_RETURN_IF_ERROR(lfm2::Grammar::Open(compiled, &grammar));
  lfm2::Span<std::byte> rest;
  lfm2::TokenTrie trie;
  LFM2_RETURN_IF_ERROR(lfm2::OpenTokenTrie(image, memory, &rest, &trie));
  LFM2_RETURN_IF_ERROR(constraint.Open(image.vocab(), grammar, trie, {}, rest));
  lfm2::AnswerOptions answer(64);
  answer.begin = lfm2::kToolCallBegin;
  answer.constraint = &constraint;
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you unlock the door of the porch, please.", answer, Show));
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
//   [lock_door
