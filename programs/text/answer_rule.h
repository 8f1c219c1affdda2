// A constraint on answers from a command line or a request, with its memory.
#ifndef LFM2_PROGRAMS_TEXT_ANSWER_RULE_H_
#define LFM2_PROGRAMS_TEXT_ANSWER_RULE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/format/image.h"
#include "lfm2/format/vocab.h"
#include "lfm2/text/grammar_constraint.h"
#include "lfm2/text/tool_list.h"
#include "programs/base/error.h"
#include "programs/text/compile_grammar.h"

namespace lfm2::tools {

// Memory with the alignment that the library requires.
struct alignas(kAlignment) AlignedLine {
  std::byte bytes[kAlignment];
};

// The tokens of a model as a trie. Opened once for all constraints, and outlives them.
class TokenTrieMemory {
 public:
  // image: addressable, outlives the trie. The trie in the image is used in place; if it has none, one is built.
  Error Open(const Image& image);
  const TokenTrie& trie() const { return trie_; }

 private:
  std::vector<AlignedLine> memory_;
  TokenTrie trie_;
};

// One constraint. Opening it again replaces it.
class AnswerRule {
 public:
  // most_grammar_bytes: memory that compiling the grammar may use.
  explicit AnswerRule(uint64_t most_grammar_bytes = uint64_t{1} << 30) : grammar_(most_grammar_bytes) {}
  AnswerRule(const AnswerRule&) = delete;
  AnswerRule& operator=(const AnswerRule&) = delete;

  // The whole answer is JSON that matches this schema. vocab and trie outlive the rule.
  Error OpenSchema(const Vocab& vocab, const TokenTrie& trie, std::string_view schema);
  // The whole answer is a JSON object.
  Error OpenAnyObject(const Vocab& vocab, const TokenTrie& trie);
  // The whole answer matches this grammar, in GBNF.
  Error OpenGrammar(const Vocab& vocab, const TokenTrie& trie, std::string_view gbnf);
  // Tool calls in the answer are valid calls of the tools. choice: auto, none, required or the name of a tool.
  // parallel: one list may have several calls.
  Error OpenTools(const Vocab& vocab, const TokenTrie& trie, const ToolList& tools, const std::string& choice,
                  bool parallel = true);

  // nullptr if nothing was opened.
  AnswerConstraint* get() { return constraint_.is_open() ? &constraint_ : nullptr; }

 private:
  Error OpenConstraint(const Vocab& vocab, const TokenTrie& trie, const ConstraintOptions& options);

  CompiledGrammar grammar_;
  std::vector<AlignedLine> memory_;
  GrammarConstraint constraint_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_ANSWER_RULE_H_
