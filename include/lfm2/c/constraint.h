// Restricts answers to grammars, JSON schemas and tool calls. C99.
#ifndef LFM2_C_CONSTRAINT_H_
#define LFM2_C_CONSTRAINT_H_

#include "lfm2/c/image.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// The part of an answer that the grammar describes: all of it, or the text between <|tool_call_start|> and
// <|tool_call_end|>, with the rest unrestricted.
enum { LFM2_CONSTRAIN_ANSWER, LFM2_CONSTRAIN_CALLS };
// For LFM2_CONSTRAIN_CALLS, whether an answer has calls: as the model decides, never, or always.
enum { LFM2_TOOLS_AUTO, LFM2_TOOLS_NONE, LFM2_TOOLS_REQUIRED };

// For lfm2_constraint_open.
typedef struct lfm2_constraint_options {
  uint32_t scope;        // LFM2_CONSTRAIN_*
  uint32_t tool_choice;  // LFM2_TOOLS_*
  bool thoughts;         // a thought, which is not restricted, may come first
  bool canonical;        // certain text is encoded by the tokenizer, and its tokens are not sampled
  uint32_t max_threads;  // ways to read a text at the same time, over all bytes of a token
  uint32_t max_frames;   // rules that wait for a call to return
  uint32_t max_lists;    // 1 to 253, 288 bytes each: with more of them, masks are faster
} lfm2_constraint_options;

// The whole answer, with thoughts, canonical tokens, and the capacities of GrammarMatcherOptions.
lfm2_constraint_options lfm2_constraint_options_default(void);

// For lfm2_compile_tools.
typedef struct lfm2_tools_grammar_options {
  lfm2_text only;      // name of the only tool to be called; empty: any
  bool one_call;       // exactly one call; otherwise a list of one or more
  bool json;           // calls as JSON, in place of name(argument=value)
  bool double_quotes;  // strings in double quotes only; for JSON this is always so
} lfm2_tools_grammar_options;

// Compile a grammar in GBNF, a JSON schema, or tools (each as JSON) in `memory`, aligned to 8 bytes; 64 KB are enough
// for most. *grammar and *grammar_bytes are the result, within `memory`. It may be copied to any address aligned to 4
// bytes, and may be stored in flash: lfm2-grammar writes the same bytes. options: NULL: all tools, lists of calls in
// Python's form. Errors: LFM2_INVALID_ARGUMENT and LFM2_UNSUPPORTED for the source, with its byte as `value` and, for
// tools, the tool as `index`; LFM2_ARENA_TOO_SMALL.
LFM2_MUST_CHECK lfm2_status lfm2_compile_gbnf(lfm2_text source, void* memory, size_t memory_bytes, const void** grammar,
                                              size_t* grammar_bytes);
LFM2_MUST_CHECK lfm2_status lfm2_compile_json_schema(lfm2_text schema, void* memory, size_t memory_bytes,
                                                     const void** grammar, size_t* grammar_bytes);
LFM2_MUST_CHECK lfm2_status lfm2_compile_tools(const lfm2_text* tools, size_t tool_count,
                                               const lfm2_tools_grammar_options* options, void* memory,
                                               size_t memory_bytes, const void** grammar, size_t* grammar_bytes);

// Restricts one answer at a time: lfm2_answer_options.constraint.
LFM2_OPAQUE(lfm2_constraint, 512, 8);

// Bytes of memory that a constraint needs for an image, including the token trie unless the image has an addressable
// one. options: NULL: the defaults.
LFM2_MUST_CHECK lfm2_status lfm2_constraint_memory_bytes(const lfm2_image* image,
                                                         const lfm2_constraint_options* options, size_t* bytes);
// grammar: compiled; checked here; aligned to 4 bytes. memory: aligned to 64 bytes or, where the image is streamed, to
// 4096; then no session may be open on the image. Image, grammar and memory must outlive the constraint. An open
// constraint is opened again. Errors: LFM2_INVALID_ARGUMENT; LFM2_CORRUPT for a grammar; LFM2_ARENA_TOO_SMALL;
// LFM2_UNSUPPORTED for calls where the vocabulary has no tokens for their markers; errors of the device.
LFM2_MUST_CHECK lfm2_status lfm2_constraint_open(lfm2_constraint* constraint, const lfm2_image* image,
                                                 const void* grammar, size_t grammar_bytes,
                                                 const lfm2_constraint_options* options, void* memory,
                                                 size_t memory_bytes);
bool lfm2_constraint_is_open(const lfm2_constraint* constraint);
// Whether the answer so far is complete. False while closed.
bool lfm2_constraint_is_complete(lfm2_constraint* constraint);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_CONSTRAINT_H_
