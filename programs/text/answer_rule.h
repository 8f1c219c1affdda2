// A constraint of answers as command lines and requests name it, with the memory that it needs.
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

// Memory that is aligned as the library wants it.
struct alignas(kAlignment) AlignedLine {
  std::byte bytes[kAlignment];
};

// The tokens of a model as a trie. Opened once for all constraints, which it outlives.
class TokenTrieMemory {
 public:
  // image: addressable, outlives the trie. That of the image is used in place; where there is none it is built.
  Error Open(const Image& image);
  const TokenTrie& trie() const { return trie_; }

 private:
  std::vector<AlignedLine> memory_;
  TokenTrie trie_;
};

// One constraint. Opening it again replaces what it was.
class AnswerRule {
 public:
  // most_grammar_bytes: that the grammar may take while it is compiled.
  explicit AnswerRule(uint64_t most_grammar_bytes = uint64_t{1} << 30) : grammar_(most_grammar_bytes) {}
  AnswerRule(const AnswerRule&) = delete;
  AnswerRule& operator=(const AnswerRule&) = delete;

  // The whole answer is JSON by this schema. vocab and trie outlive the rule.
  Error OpenSchema(const Vocab& vocab, const TokenTrie& trie, std::string_view schema);
  // The whole answer is JSON, an object.
  Error OpenAnyObject(const Vocab& vocab, const TokenTrie& trie);
  // The whole answer is by this grammar, in GBNF.
  Error OpenGrammar(const Vocab& vocab, const TokenTrie& trie, std::string_view gbnf);
  // Calls are those of the tools. choice: auto, none, required or the name of a tool. parallel: one list may have
  // several calls.
  Error OpenTools(const Vocab& vocab, const TokenTrie& trie, const ToolList& tools, const std::string& choice,
                  bool parallel = true);

  // nullptr where nothing was opened.
  AnswerConstraint* get() { return constraint_.is_open() ? &constraint_ : nullptr; }

 private:
  Error OpenConstraint(const Vocab& vocab, const TokenTrie& trie, const ConstraintOptions& options);

  CompiledGrammar grammar_;
  std::vector<AlignedLine> memory_;
  GrammarConstraint constraint_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_ANSWER_RULE_H_
