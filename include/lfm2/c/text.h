// Text to tokens and back, chats to prompts, logits to a token. C99.
#ifndef LFM2_C_TEXT_H_
#define LFM2_C_TEXT_H_

#include "lfm2/c/image.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct lfm2_encode_options {
  bool parse_special;  // the text of special tokens becomes those: only for text that is trusted
  bool add_bos;        // begins with the bos token, where the vocabulary has one
} lfm2_encode_options;

// Scratch for texts whose longest word has max_word_bytes bytes. A word is a run of letters, of spaces or of
// punctuation; a text without them is one word.
uint64_t lfm2_encode_scratch_bytes(uint64_t max_word_bytes);
// Writes the tokens of a text to tokens[capacity] and their number to *count. options: NULL: neither. scratch: any
// alignment, used during the call only; lfm2_session_text_scratch will do. Errors: LFM2_ARENA_TOO_SMALL where a word
// needs more scratch (`limit`); LFM2_OUTPUT_TOO_SMALL where tokens do not fit (*count is how many there are).
LFM2_MUST_CHECK lfm2_status lfm2_encode(const lfm2_image* image, lfm2_text text, const lfm2_encode_options* options,
                                        void* scratch, size_t scratch_bytes, int32_t* tokens, size_t capacity,
                                        size_t* count);
// Writes the bytes of all tokens to out[capacity], exactly and without a zero, and their number to *bytes. Special
// tokens write their text, or nothing. Errors: LFM2_INVALID_ARGUMENT for an id that is no token;
// LFM2_OUTPUT_TOO_SMALL (*bytes is how many there are).
LFM2_MUST_CHECK lfm2_status lfm2_decode(const lfm2_image* image, const int32_t* tokens, size_t count, bool show_special,
                                        char* out, size_t capacity, size_t* bytes);

// Text from tokens as they are generated: whole characters, so that at most 3 bytes are held back.
LFM2_OPAQUE(lfm2_text_stream, 64, 8);
// The image outlives the stream. A stream that is open begins anew.
LFM2_MUST_CHECK lfm2_status lfm2_text_stream_open(lfm2_text_stream* stream, const lfm2_image* image, bool show_special);
// Calls sink, whose answer does not matter, with what can be shown now, perhaps in several parts, perhaps not at all.
LFM2_MUST_CHECK lfm2_status lfm2_text_stream_put(lfm2_text_stream* stream, int32_t token, lfm2_text_sink sink,
                                                 void* user);
// The end of the text: what is still held back can not become a character any more.
LFM2_MUST_CHECK lfm2_status lfm2_text_stream_flush(lfm2_text_stream* stream, lfm2_text_sink sink, void* user);

// Who speaks.
typedef uint32_t lfm2_chat_role;
enum { LFM2_ROLE_SYSTEM, LFM2_ROLE_USER, LFM2_ROLE_ASSISTANT, LFM2_ROLE_TOOL };

// One turn. Owns nothing.
typedef struct lfm2_chat_message {
  lfm2_chat_role role;
  lfm2_text content;
  // Of an assistant's turn: its thoughts, and its calls of tools, each as JSON: {"name": ..., "arguments": {...}}.
  // Formats that do not write them expect them within `content`, as the model wrote them.
  lfm2_text thinking;
  const lfm2_text* tool_calls;
  size_t tool_call_count;
} lfm2_chat_message;

// A turn of text that ends with a zero and is not copied.
static inline lfm2_chat_message lfm2_chat_message_of(lfm2_chat_role role, const char* content) {
  lfm2_chat_message message;
  memset(&message, 0, sizeof(message));
  message.role = role;
  message.content = lfm2_text_of(content);
  return message;
}

// A chat to render. Owns nothing. Zero bytes but for the messages are a whole chat.
typedef struct lfm2_chat_prompt {
  const lfm2_chat_message* messages;
  size_t message_count;
  const lfm2_text* tools;  // the model's tools, each as JSON
  size_t tool_count;
  lfm2_text date;             // YYYY-MM-DD, where the format writes it and there are tools
  bool no_generation_prompt;  // does not end with the beginning of an assistant's turn
  bool continues;             // the context has a beginning: neither bos nor tools are written; messages may be empty
  size_t first;               // messages before this one are in the context already
  lfm2_text answer;           // that the answer begins with, after what every answer of the format begins with
  lfm2_text joint;            // written first: "\n" after an answer's <|im_end|>, "<|im_end|>\n" after one cut short
} lfm2_chat_prompt;

// Takes a part of a rendered prompt. is_template: its special tokens count; otherwise it is somebody's content.
typedef void (*lfm2_chat_sink)(void* user, const char* text, size_t bytes, bool is_template);
// Calls sink with the parts of the prompt as the published template writes it. bos: the text of the bos token. Errors,
// before anything is written: LFM2_UNSUPPORTED for a format without a name; LFM2_INVALID_ARGUMENT.
LFM2_MUST_CHECK lfm2_status lfm2_chat_render(const lfm2_chat_format* format, lfm2_text bos,
                                             const lfm2_chat_prompt* prompt, lfm2_chat_sink sink, void* user);
uint64_t lfm2_chat_scratch_bytes(uint64_t max_word_bytes);
// Writes the tokens of the rendered prompt to tokens[capacity] and their number to *count. Contents become no special
// token whatever their text, unless content_specials says that they are trusted. format: NULL: that of the image.
// Errors: those of lfm2_chat_render and lfm2_encode.
LFM2_MUST_CHECK lfm2_status lfm2_chat_encode(const lfm2_image* image, const lfm2_chat_format* format,
                                             const lfm2_chat_prompt* prompt, bool content_specials, void* scratch,
                                             size_t scratch_bytes, int32_t* tokens, size_t capacity, size_t* count);

// What nobody has set: as the model's publisher recommends (lfm2_image_sampling). What that leaves out is as Liquid AI
// recommends for LFM2: temperature 0.3, min_p 0.15, repetition_penalty 1.05; but top_k, top_p and min_p are off where
// it recommends anything. LFM2_UNSET_COUNT in top_k.
#define LFM2_UNSET (-1e30f)
#define LFM2_UNSET_COUNT 0xffffffffu

// The likeliest token always, whatever the model recommends: temperature 0 and repetition_penalty 1.
typedef struct lfm2_sampler_options {
  float temperature;         // 0: the largest logit, always. Else 0.001 .. 100
  uint32_t top_k;            // only the top_k likeliest tokens; 0: all
  float top_p;               // only the likeliest tokens that together have this probability, in (0, 1]
  float min_p;               // only tokens at least min_p times as likely as the likeliest, in [0, 1]
  float repetition_penalty;  // 0.0625 .. 16; 1: unchanged
  uint64_t seed;
} lfm2_sampler_options;

// Nothing set, seed 0.
lfm2_sampler_options lfm2_sampler_options_default(void);
// What the publisher of a model recommends; what it does not say is not set. Errors: LFM2_FAILED_PRECONDITION if not
// open; LFM2_INVALID_ARGUMENT.
LFM2_MUST_CHECK lfm2_status lfm2_image_sampling(const lfm2_image* image, lfm2_sampler_options* options);

// Chooses the next token. Zero bytes are a sampler with the defaults.
LFM2_OPAQUE(lfm2_sampler, 128, 8);
// Takes the options and begins the random sequence of their seed. It knows no model: what is not set is as for one that
// recommends nothing. LFM2_INVALID_ARGUMENT names the option.
LFM2_MUST_CHECK lfm2_status lfm2_sampler_configure(lfm2_sampler* sampler, const lfm2_sampler_options* options);
// Scratch for logits of so many tokens.
uint64_t lfm2_sampler_scratch_bytes(uint64_t vocab_size);
// logits[logit_count]; -infinity forbids a token. history: tokens so far, for the repetition penalty. scratch: any
// alignment. Errors: LFM2_ARENA_TOO_SMALL; LFM2_INVALID_ARGUMENT for a NaN or +infinity, logits that forbid everything,
// and ids that are no token.
LFM2_MUST_CHECK lfm2_status lfm2_sampler_sample(lfm2_sampler* sampler, const float* logits, size_t logit_count,
                                                const int32_t* history, size_t history_count, void* scratch,
                                                size_t scratch_bytes, int32_t* token);
// Where the random sequence is, to be kept and, after configure, set again.
LFM2_MUST_CHECK lfm2_status lfm2_sampler_random_state(const lfm2_sampler* sampler, uint64_t* state);
LFM2_MUST_CHECK lfm2_status lfm2_sampler_set_random_state(lfm2_sampler* sampler, uint64_t state);

// The natural logarithm of the probability that logits[count] give a token. A NaN for an id that is no token, for NULL,
// and for logits that hold a NaN or +infinity or allow no token.
float lfm2_log_probability(const float* logits, size_t count, int32_t token);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_TEXT_H_
