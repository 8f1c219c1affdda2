// Grammars compiled at run time, in memory of the caller.
#ifndef LFM2_TEXT_COMPILE_GRAMMAR_H_
#define LFM2_TEXT_COMPILE_GRAMMAR_H_

#include <string_view>

#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/gbnf.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema.h"
#include "lfm2/text/tool_list.h"
#include "lfm2/text/tools_grammar.h"

namespace lfm2 {

// All three: memory, aligned to 8 bytes, holds the compiled grammar afterwards, at its front, and must outlive it;
// *grammar is what Grammar::Open takes. The source is not needed any more. Without recursion: what is nested deeply or
// repeated often needs memory. Errors, with the byte of the source as value(): kInvalidArgument for a source that is
// wrong or that no text satisfies, kUnsupported for what cannot be done, kArenaTooSmall.

// GBNF, the notation of llama.cpp: the texts of its rule `root`.
inline Status CompileGbnf(std::string_view text, Span<std::byte> memory, Span<const std::byte>* grammar) {
  return GbnfCompiler(text, memory).Run(grammar);
}

// The JSON texts that a JSON schema allows.
inline Status CompileJsonSchema(std::string_view schema, const JsonSchemaOptions& options, Span<std::byte> memory,
                                Span<const std::byte>* grammar) {
  GrammarBuilder builder(memory);
  GrammarBuilder::Rule start = 0;
  LFM2_RETURN_IF_ERROR(CompileJsonSchema(schema, options, &builder, &start));
  return builder.Finish(start, grammar);
}

// Calls of tools, as they stand between <|tool_call_start|> and <|tool_call_end|>. Of an error index() is the tool, and
// value() a byte of it.
inline Status CompileTools(const ToolList& tools, const ToolsGrammarOptions& options, Span<std::byte> memory,
                           Span<const std::byte>* grammar) {
  GrammarBuilder builder(memory);
  GrammarBuilder::Rule start = 0;
  LFM2_RETURN_IF_ERROR(CompileTools(tools, options, &builder, &start));
  return builder.Finish(start, grammar);
}

}  // namespace lfm2

#endif  // LFM2_TEXT_COMPILE_GRAMMAR_H_
