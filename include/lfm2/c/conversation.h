// A chat on top of a session: messages in, text out. C99.
#ifndef LFM2_C_CONVERSATION_H_
#define LFM2_C_CONVERSATION_H_

#include "lfm2/c/constraint.h"
#include "lfm2/c/session.h"
#include "lfm2/c/text.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// For lfm2_conversation_open.
typedef struct lfm2_conversation_options {
  lfm2_text system;              // precedes the first message; must stay valid until the first add or ask has succeeded
  const lfm2_text* tools;        // that may be called, each as JSON; valid as long as `system`
  size_t tool_count;             // of tools
  lfm2_sampler_options sampler;  // fields not set: as the model's publisher recommends
  bool show_special;             // also pass on special tokens, such as those around tool calls
  lfm2_text date;                // today, YYYY-MM-DD, for templates that write it with tools; valid as long as `system`
  const lfm2_chat_format* chat_format;  // copied; its texts must outlive the chat; NULL: of the image
} lfm2_conversation_options;

// No system text, no tools, sampling as the model's publisher recommends, special tokens shown.
lfm2_conversation_options lfm2_conversation_options_default(void);

// Bounds of lfm2_answer_options.stop_texts.
#define LFM2_MAX_STOP_TEXTS 8
#define LFM2_MAX_STOP_TEXT_BYTES 64

// Of one answer.
typedef struct lfm2_answer_options {
  uint32_t max_tokens;  // 0: until the model ends the answer or the context is full
  lfm2_text begin;      // of the answer, such as "<think></think>"; not passed on; read when the answer begins
  // The answer ends before the first of these texts, which is not passed on. Copied when the answer begins.
  const lfm2_text* stop_texts;
  size_t stop_text_count;
  uint32_t max_thought_tokens;          // between <think> and </think>; then </think> is inserted
  const lfm2_sampler_options* sampler;  // from this answer on; copied; NULL: no change
  // Restricts the answer. Open; must outlive the answer, and follows only this one. NULL: no restriction.
  lfm2_constraint* constraint;
  // Passed to both functions below, which may be NULL. They are called during the call of the caller, and must not call
  // the conversation; what `user` points to must outlive the answer.
  void* user;
  // Before each token is chosen: may change logits[count]; -infinity forbids a token.
  void (*before_choice)(void* user, float* logits, size_t count);
  // After each choice: the token and the logits that it was chosen from; NULL for inserted tokens.
  void (*on_token)(void* user, int32_t token, const float* logits, size_t count);
} lfm2_answer_options;

// max_tokens as given; everything else unset.
lfm2_answer_options lfm2_answer_options_default(uint32_t max_tokens);

// Why an answer ended.
typedef uint32_t lfm2_answer_end;
enum {
  LFM2_END_STOP,          // the model ended it
  LFM2_END_STOP_TEXT,     // at a stop text
  LFM2_END_MAX_TOKENS,    // max_tokens were generated; can be continued
  LFM2_END_CONTEXT_FULL,  // no position is free
  LFM2_END_INTERRUPTED,   // the sink returned false; can be continued
  LFM2_END_CANCELLED,     // by abort or the session's poll; can be continued
  LFM2_END_ERROR          // see the returned status; it may be possible to continue
};

// The context is a list of messages; the last may be an answer that can be continued. The session must outlive the
// conversation, and nothing else may change it meanwhile.
LFM2_OPAQUE(lfm2_conversation, 1280, 8);

// Starts at position 0 of an open session; an open conversation is started again. options: NULL: the defaults. Errors,
// after which it is closed: LFM2_INVALID_ARGUMENT; LFM2_FAILED_PRECONDITION if the session is not open;
// LFM2_UNSUPPORTED where neither the image nor the options have a chat template.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_open(lfm2_conversation* chat, lfm2_session* session,
                                                   const lfm2_conversation_options* options);
// Detaches from the session; an answer in progress is aborted. Closing a closed conversation does nothing.
void lfm2_conversation_close(lfm2_conversation* chat);
bool lfm2_conversation_is_open(const lfm2_conversation* chat);

// Appends messages and computes nothing. Special tokens in contents stay plain text. Pass a history in one call. An
// empty list only ends an answer that could have been continued, or starts the context with system text and tools.
// Errors, after which nothing was appended: LFM2_FAILED_PRECONDITION if not open or busy; LFM2_INVALID_ARGUMENT;
// LFM2_CONTEXT_FULL; LFM2_ARENA_TOO_SMALL where a word is longer than the session's max_word_bytes.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_add(lfm2_conversation* chat, const lfm2_chat_message* messages,
                                                  size_t count);
// Computes the appended messages, so that the next answer starts sooner or a mark can be set. Errors: those of
// lfm2_session_prefill; the messages stay appended.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_compute(lfm2_conversation* chat);

// Generates the answer to the appended messages. Where none were appended, continues the last answer. Calls sink with
// whole characters as they are generated, and not again after it has returned false. Errors: LFM2_FAILED_PRECONDITION
// if not open or busy, or if there is nothing to answer; LFM2_INVALID_ARGUMENT for options; LFM2_CONTEXT_FULL; those of
// lfm2_session_prefill. After an error before the first token the messages stay appended; after a later one the answer
// can be continued.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_answer(lfm2_conversation* chat, const lfm2_answer_options* options,
                                                     lfm2_text_sink sink, void* user);
// Add of one message, then answer. After an error before the first token the message is not part of the context.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_ask(lfm2_conversation* chat, const lfm2_chat_message* message,
                                                  const lfm2_answer_options* options, lfm2_text_sink sink, void* user);
// The same in steps: begin, then step while it is busy. Nothing has been computed when begin returns.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_begin_answer(lfm2_conversation* chat, const lfm2_answer_options* options);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_begin_ask(lfm2_conversation* chat, const lfm2_chat_message* message,
                                                        const lfm2_answer_options* options);
// Computes one step of the session, or chooses one token from its logits.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_step(lfm2_conversation* chat, lfm2_text_sink sink, void* user);
// Discards the step in progress, and ends the answer. Does nothing if no answer is in progress.
void lfm2_conversation_abort(lfm2_conversation* chat);
// Whether an answer is in progress.
bool lfm2_conversation_is_busy(const lfm2_conversation* chat);
// Why the last answer ended, and the number of tokens that the last or current call has generated.
lfm2_answer_end lfm2_conversation_answer_end(const lfm2_conversation* chat);
uint32_t lfm2_conversation_answer_tokens(const lfm2_conversation* chat);
// Whether answer would continue the last answer.
bool lfm2_conversation_can_go_on(const lfm2_conversation* chat);

// Positions that the appended messages take and that are not yet computed, and the positions that are free after them.
uint32_t lfm2_conversation_pending_tokens(const lfm2_conversation* chat);
uint32_t lfm2_conversation_room(const lfm2_conversation* chat);
// Drops the oldest messages after system text and tools until at least `positions` positions are free; the last user
// message stays. Errors: LFM2_FAILED_PRECONDITION; LFM2_CONTEXT_FULL, with nothing dropped, where that does not free
// enough positions.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_drop_oldest(lfm2_conversation* chat, uint32_t positions);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_CONVERSATION_H_
