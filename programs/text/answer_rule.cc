#include "programs/text/answer_rule.h"

#include "lfm2/runtime/open_token_trie.h"

namespace lfm2::tools {

namespace {

constexpr std::string_view kAnyObject = R"({"type": "object"})";

// Grows to at least so many bytes.
Span<std::byte> Allocate(uint64_t bytes, std::vector<AlignedLine>* memory) {
  memory->resize(static_cast<size_t>(DivideUp<uint64_t>(bytes, sizeof(AlignedLine))));
  return {reinterpret_cast<std::byte*>(memory->data()), memory->size() * sizeof(AlignedLine)};
}

}  // namespace

Error TokenTrieMemory::Open(const Image& image) {
  Span<std::byte> rest;
  return Error::From(OpenTokenTrie(image, Allocate(TokenTrieMemoryBytes(image), &memory_), &rest, &trie_));
}

Error AnswerRule::OpenConstraint(const Vocab& vocab, const TokenTrie& trie, const ConstraintOptions& options) {
  const Span<std::byte> memory = Allocate(GrammarConstraint::Bytes(options, vocab.size()), &memory_);
  return Error::From(constraint_.Open(vocab, grammar_.grammar(), trie, options, memory));
}

Error AnswerRule::OpenSchema(const Vocab& vocab, const TokenTrie& trie, std::string_view schema) {
  LFM2_RETURN_IF_FAILED(grammar_.FromJsonSchema(schema));
  return OpenConstraint(vocab, trie, ConstraintOptions());
}

Error AnswerRule::OpenAnyObject(const Vocab& vocab, const TokenTrie& trie) {
  return OpenSchema(vocab, trie, kAnyObject);
}

Error AnswerRule::OpenGrammar(const Vocab& vocab, const TokenTrie& trie, std::string_view gbnf) {
  LFM2_RETURN_IF_FAILED(grammar_.FromGbnf(gbnf));
  return OpenConstraint(vocab, trie, ConstraintOptions());
}

Error AnswerRule::OpenTools(const Vocab& vocab, const TokenTrie& trie, const ToolList& tools, const std::string& choice,
                            bool parallel) {
  ConstraintOptions options;
  options.scope = ConstraintScope::kCalls;
  const bool is_name = choice != "auto" && choice != "none" && choice != "required";
  if (tools.empty()) return Error::Of("there are no tools to choose from");
  if (choice == "none") options.tool_choice = ToolChoice::kNone;
  if (choice == "required" || is_name) options.tool_choice = ToolChoice::kRequired;
  ToolsGrammarOptions calls;
  calls.parallel = parallel;
  if (is_name) calls.only = choice;
  LFM2_RETURN_IF_FAILED(grammar_.FromTools(tools, calls));
  return OpenConstraint(vocab, trie, options);
}

}  // namespace lfm2::tools
