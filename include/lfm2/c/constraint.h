// What an answer may be: grammars, JSON schemas and lists of tools. C99.
#ifndef LFM2_C_CONSTRAINT_H_
#define LFM2_C_CONSTRAINT_H_

#include "lfm2/c/image.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// What of an answer the grammar describes: all of it, or what stands between <|tool_call_start|> and
// <|tool_call_end|>, the rest being free.
enum { LFM2_CONSTRAIN_ANSWER, LFM2_CONSTRAIN_CALLS };
// Whether an answer has calls, of LFM2_CONSTRAIN_CALLS: as the model decides, none, or certainly.
enum { LFM2_TOOLS_AUTO, LFM2_TOOLS_NONE, LFM2_TOOLS_REQUIRED };

typedef struct lfm2_constraint_options {
  uint32_t scope;        // LFM2_CONSTRAIN_*
  uint32_t tool_choice;  // LFM2_TOOLS_*
  bool thoughts;         // a thought, which is free, may come first
  bool canonical;        // where the text is certain, its tokens are those of the tokenizer, and are not chosen
  uint32_t max_threads;  // ways to read a text at once, over all bytes of a token
  uint32_t max_frames;   // rules that wait for others
  uint32_t max_lists;    // 1 to 253, 288 bytes each: with more of them, masks are faster
} lfm2_constraint_options;

// All of the answer, thoughts, canonical tokens, and the sizes of GrammarMatcherOptions.
lfm2_constraint_options lfm2_constraint_options_default(void);

typedef struct lfm2_tools_grammar_options {
  lfm2_text only;      // calls of the tool of this name; empty: of all
  bool one_call;       // exactly one call; otherwise one or several in a list
  bool json;           // calls as JSON, in place of name(argument=value)
  bool double_quotes;  // texts in double quotes only, not in single ones; JSON has no others
} lfm2_tools_grammar_options;

// Compile a grammar in GBNF, a JSON schema, or tools, each as JSON, in `memory`, aligned to 8 bytes; 64 KB are enough
// for most. *grammar and *grammar_bytes are where in it the result is; it may be copied, to an alignment of 4, and lies
// in flash just as well: lfm2-grammar writes the same. options: NULL: all tools, several calls in Python's form.
// Errors: LFM2_INVALID_ARGUMENT and LFM2_UNSUPPORTED for what is wrong with the source, with its byte as `value` and of
// tools the number as `index`; LFM2_ARENA_TOO_SMALL.
LFM2_MUST_CHECK lfm2_status lfm2_compile_gbnf(lfm2_text source, void* memory, size_t memory_bytes, const void** grammar,
                                              size_t* grammar_bytes);
LFM2_MUST_CHECK lfm2_status lfm2_compile_json_schema(lfm2_text schema, void* memory, size_t memory_bytes,
                                                     const void** grammar, size_t* grammar_bytes);
LFM2_MUST_CHECK lfm2_status lfm2_compile_tools(const lfm2_text* tools, size_t tool_count,
                                               const lfm2_tools_grammar_options* options, void* memory,
                                               size_t memory_bytes, const void** grammar, size_t* grammar_bytes);

// Follows one answer at a time: lfm2_answer_options.constraint.
LFM2_OPAQUE(lfm2_constraint, 512, 8);

// Bytes of memory that a constraint takes for an image: with the token trie where the image has none that is
// addressable. options: NULL: the defaults.
LFM2_MUST_CHECK lfm2_status lfm2_constraint_memory_bytes(const lfm2_image* image,
                                                         const lfm2_constraint_options* options, size_t* bytes);
// grammar: compiled, checked here, aligned to 4. memory: aligned to 64 bytes, to 4096 where the image is streamed; then
// no session may be open on it. Image, grammar and memory outlive the constraint. What is open begins anew. Errors:
// LFM2_INVALID_ARGUMENT; LFM2_CORRUPT for a grammar; LFM2_ARENA_TOO_SMALL; LFM2_UNSUPPORTED for calls where the
// vocabulary has no tokens that stand around them; what the device reports.
LFM2_MUST_CHECK lfm2_status lfm2_constraint_open(lfm2_constraint* constraint, const lfm2_image* image,
                                                 const void* grammar, size_t grammar_bytes,
                                                 const lfm2_constraint_options* options, void* memory,
                                                 size_t memory_bytes);
bool lfm2_constraint_is_open(const lfm2_constraint* constraint);
// Whether the answer so far is a whole one. False while closed.
bool lfm2_constraint_is_complete(lfm2_constraint* constraint);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_CONSTRAINT_H_
