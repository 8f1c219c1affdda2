// Compiles grammars at run time, in memory of the caller.
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

// For all three: memory is aligned to 8 bytes, must outlive *grammar, and holds the compiled grammar at its front;
// *grammar is the argument of Grammar::Open. The source is not needed afterwards. Without recursion: deep nesting and
// large repetitions need memory. Errors, with the byte of the source as value(): kInvalidArgument for an invalid source
// or one that no text satisfies, kUnsupported for features that are not supported, kArenaTooSmall.

// GBNF, the notation of llama.cpp: the texts of the rule `root`.
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

// The tool calls between <|tool_call_start|> and <|tool_call_end|>. For an error index() is the tool, and value() a
// byte of it.
inline Status CompileTools(const ToolList& tools, const ToolsGrammarOptions& options, Span<std::byte> memory,
                           Span<const std::byte>* grammar) {
  GrammarBuilder builder(memory);
  GrammarBuilder::Rule start = 0;
  LFM2_RETURN_IF_ERROR(CompileTools(tools, options, &builder, &start));
  return builder.Finish(start, grammar);
}

}  // namespace lfm2

#endif  // LFM2_TEXT_COMPILE_GRAMMAR_H_
