// The constraint to the grammar of the tools' calls, which is used in flash, in place.
#ifndef LFM2_EXAMPLES_TOOL_GRAMMAR_CALLS_H_
#define LFM2_EXAMPLES_TOOL_GRAMMAR_CALLS_H_

#include "model.h"

// Put into read-only memory by grammar.S.
extern "C" const std::byte grammar_begin[];
extern "C" const std::byte grammar_end[];

constexpr lfm2::ConstraintOptions Calls() {
  lfm2::ConstraintOptions options;
  options.scope = lfm2::ConstraintScope::kCalls;
  options.tool_choice = lfm2::ToolChoice::kRequired;
  options.thoughts = false;
  // A text of this grammar can be read in one way, or in a few if names begin alike, so these limits suffice for every
  // byte of the tokens that are looked ahead.
  options.matcher.max_threads = 256;
  options.matcher.max_lists = 8;
  options.matcher.max_frames = 64;
  return options;
}

inline constexpr uint32_t kMostTokens = 65536;  // in the vocabulary of a model of this family
alignas(lfm2::kAlignment) inline std::byte g_constraint_memory[lfm2::GrammarConstraint::Bytes(Calls(), kMostTokens)];
inline lfm2::GrammarConstraint g_calls;

// To be called after OpenModel.
inline lfm2::Status OpenCalls() {
  lfm2::Grammar grammar;
  LFM2_RETURN_IF_ERROR(
      lfm2::Grammar::Open({grammar_begin, static_cast<size_t>(grammar_end - grammar_begin)}, &grammar));
  lfm2::TokenTrie trie;
  LFM2_RETURN_IF_ERROR(g_image.OpenTokenTrie(&trie));
  return g_calls.Open(g_image.vocab(), grammar, trie, Calls(), g_constraint_memory);
}

#endif  // LFM2_EXAMPLES_TOOL_GRAMMAR_CALLS_H_
