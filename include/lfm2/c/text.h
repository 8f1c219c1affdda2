// Text to tokens and back, chats to prompts, logits to tokens. C99.
#ifndef LFM2_C_TEXT_H_
#define LFM2_C_TEXT_H_

#include "lfm2/c/image.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// How a text is encoded.
typedef struct lfm2_encode_options {
  bool parse_special;  // recognise the text of special tokens: for trusted text only
  bool add_bos;        // begin with the bos token, if the vocabulary has one
} lfm2_encode_options;

// Bytes of scratch for texts whose longest word has max_word_bytes bytes. A word is a run of letters, of white space or
// of punctuation; the size of the text is always enough.
uint64_t lfm2_encode_scratch_bytes(uint64_t max_word_bytes);
// Writes the tokens of a text to tokens[capacity] and their number to *count. options: NULL: neither. scratch: any
// alignment, used during the call only; lfm2_session_text_scratch can be used. Errors: LFM2_ARENA_TOO_SMALL where a
// word needs more scratch (`limit`); LFM2_OUTPUT_TOO_SMALL where the tokens do not fit (*count is their number).
LFM2_MUST_CHECK lfm2_status lfm2_encode(const lfm2_image* image, lfm2_text text, const lfm2_encode_options* options,
                                        void* scratch, size_t scratch_bytes, int32_t* tokens, size_t capacity,
                                        size_t* count);
// Writes the exact bytes of all tokens to out[capacity], without a zero, and their number to *bytes. Special tokens
// give their text, or nothing. Errors: LFM2_INVALID_ARGUMENT for an id that is not a token; LFM2_OUTPUT_TOO_SMALL
// (*bytes is their number).
LFM2_MUST_CHECK lfm2_status lfm2_decode(const lfm2_image* image, const int32_t* tokens, size_t count, bool show_special,
                                        char* out, size_t capacity, size_t* bytes);

// Converts tokens to text as they are generated: whole characters, so that up to 3 bytes are held back.
LFM2_OPAQUE(lfm2_text_stream, 64, 8);
// The image must outlive the stream. An open stream is started again.
LFM2_MUST_CHECK lfm2_status lfm2_text_stream_open(lfm2_text_stream* stream, const lfm2_image* image, bool show_special);
// Calls sink, whose result is ignored, with the text that is complete, in any number of parts.
LFM2_MUST_CHECK lfm2_status lfm2_text_stream_put(lfm2_text_stream* stream, int32_t token, lfm2_text_sink sink,
                                                 void* user);
// Ends the text: bytes still held back become U+FFFD.
LFM2_MUST_CHECK lfm2_status lfm2_text_stream_flush(lfm2_text_stream* stream, lfm2_text_sink sink, void* user);

// The author of a message.
typedef uint32_t lfm2_chat_role;
enum { LFM2_ROLE_SYSTEM, LFM2_ROLE_USER, LFM2_ROLE_ASSISTANT, LFM2_ROLE_TOOL };

// One message (turn). Owns nothing.
typedef struct lfm2_chat_message {
  lfm2_chat_role role;  // who speaks
  lfm2_text content;    // the text of the turn
  // For an assistant message: its thoughts, and its tool calls, each as JSON: {"name": ..., "arguments": {...}}.
  // Formats that do not write them expect them within `content`, as the model wrote them.
  lfm2_text thinking;
  const lfm2_text* tool_calls;
  size_t tool_call_count;
} lfm2_chat_message;

// A message with the text of a zero-terminated string, which is not copied.
static inline lfm2_chat_message lfm2_chat_message_of(lfm2_chat_role role, const char* content) {
  lfm2_chat_message message;
  memset(&message, 0, sizeof(message));
  message.role = role;
  message.content = lfm2_text_of(content);
  return message;
}

// A chat to render. Owns nothing. All other fields may be zero.
typedef struct lfm2_chat_prompt {
  const lfm2_chat_message* messages;  // in order
  size_t message_count;               // of messages
  const lfm2_text* tools;             // the available tools, each as JSON
  size_t tool_count;                  // of tools
  lfm2_text date;                     // YYYY-MM-DD, where the format writes it and there are tools
  bool no_generation_prompt;          // do not end with the beginning of an assistant message
  bool continues;                     // the context already has bos and tools; messages may be empty
  size_t first;                       // messages before this one are already in the context
  lfm2_text answer;                   // beginning of the answer, after that of every answer of the format
  lfm2_text joint;  // written first: "\n" after the <|im_end|> of an answer, "<|im_end|>\n" after one cut short
} lfm2_chat_prompt;

// Receives a part of a rendered prompt. is_template: special tokens in it are recognised; otherwise it is content.
typedef void (*lfm2_chat_sink)(void* user, const char* text, size_t bytes, bool is_template);
// Calls sink with the parts of the prompt, as the published template writes it. bos: the text of the bos token. Errors,
// before anything is written: LFM2_UNSUPPORTED for a format without a name; LFM2_INVALID_ARGUMENT.
LFM2_MUST_CHECK lfm2_status lfm2_chat_render(const lfm2_chat_format* format, lfm2_text bos,
                                             const lfm2_chat_prompt* prompt, lfm2_chat_sink sink, void* user);
uint64_t lfm2_chat_scratch_bytes(uint64_t max_word_bytes);
// Writes the tokens of the rendered prompt to tokens[capacity] and their number to *count. Text in contents never
// becomes a special token, unless content_specials is set, for trusted contents. format: NULL: that of the image.
// Errors: those of lfm2_chat_render and lfm2_encode.
LFM2_MUST_CHECK lfm2_status lfm2_chat_encode(const lfm2_image* image, const lfm2_chat_format* format,
                                             const lfm2_chat_prompt* prompt, bool content_specials, void* scratch,
                                             size_t scratch_bytes, int32_t* tokens, size_t capacity, size_t* count);

// Marks a field as not set: it has the value that the model's publisher recommends (lfm2_image_sampling). If the model
// recommends nothing, Liquid AI's recommendation for LFM2 is used: temperature 0.3, min_p 0.15, repetition_penalty
// 1.05. If it recommends anything, missing top_k, top_p and min_p are off. For top_k it is LFM2_UNSET_COUNT.
#define LFM2_UNSET (-1e30f)
#define LFM2_UNSET_COUNT 0xffffffffu

// For greedy decoding with any model, set temperature to 0 and repetition_penalty to 1.
typedef struct lfm2_sampler_options {
  float temperature;         // 0: always the largest logit; otherwise 0.001 .. 100
  uint32_t top_k;            // only the top_k likeliest tokens; 0: all
  float top_p;               // only the likeliest tokens that together have this probability, in (0, 1]
  float min_p;               // only tokens at least min_p times as likely as the likeliest, in [0, 1]
  float repetition_penalty;  // 0.0625 .. 16; 1: unchanged
  uint64_t seed;             // of the random sequence
} lfm2_sampler_options;

// No field set, seed 0.
lfm2_sampler_options lfm2_sampler_options_default(void);
// The recommendation of the model's publisher; other fields are not set. Errors: LFM2_FAILED_PRECONDITION if not open;
// LFM2_INVALID_ARGUMENT.
LFM2_MUST_CHECK lfm2_status lfm2_image_sampling(const lfm2_image* image, lfm2_sampler_options* options);

// Chooses the next token. Zero bytes are a sampler with the defaults.
LFM2_OPAQUE(lfm2_sampler, 128, 8);
// Sets the options and starts the random sequence of their seed. A sampler is independent of any model: fields not set
// are as for a model that recommends nothing. Errors: LFM2_INVALID_ARGUMENT, with the name of the option.
LFM2_MUST_CHECK lfm2_status lfm2_sampler_configure(lfm2_sampler* sampler, const lfm2_sampler_options* options);
// Bytes of scratch for logits of so many tokens.
uint64_t lfm2_sampler_scratch_bytes(uint64_t vocab_size);
// logits[logit_count]; -infinity forbids a token. history: tokens so far, for the repetition penalty. scratch: any
// alignment. Errors: LFM2_ARENA_TOO_SMALL; LFM2_INVALID_ARGUMENT for a NaN or +infinity, logits that forbid every
// token, and ids that are not tokens.
LFM2_MUST_CHECK lfm2_status lfm2_sampler_sample(lfm2_sampler* sampler, const float* logits, size_t logit_count,
                                                const int32_t* history, size_t history_count, void* scratch,
                                                size_t scratch_bytes, int32_t* token);
// The state of the random sequence, which can be saved and restored after configure.
LFM2_MUST_CHECK lfm2_status lfm2_sampler_random_state(const lfm2_sampler* sampler, uint64_t* state);
LFM2_MUST_CHECK lfm2_status lfm2_sampler_set_random_state(lfm2_sampler* sampler, uint64_t state);

// The natural logarithm of the probability of a token by logits[count]. NaN for an id that is not a token, for NULL,
// and for logits that contain a NaN or +infinity or forbid every token.
float lfm2_log_probability(const float* logits, size_t count, int32_t token);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_TEXT_H_
