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

typedef struct lfm2_conversation_options {
  lfm2_text system;  // what the model is told before the first message; read until the first add or ask has succeeded
  const lfm2_text* tools;  // that it may call, each as JSON; read as `system`
  size_t tool_count;
  lfm2_sampler_options sampler;  // what is not set is as the model's publisher recommends
  bool show_special;  // hand out the text of special tokens too, which tool calls stand between
  lfm2_text date;     // today, YYYY-MM-DD, for models whose template writes it with tools; read as `system`
  const lfm2_chat_format* chat_format;  // copied, but for its texts, which outlive the chat; NULL: that of the image
} lfm2_conversation_options;

// No system text, no tools, sampling as the model's publisher recommends, special tokens shown.
lfm2_conversation_options lfm2_conversation_options_default(void);

#define LFM2_MAX_STOP_TEXTS 8
#define LFM2_MAX_STOP_TEXT_BYTES 64

typedef struct lfm2_answer_options {
  uint32_t max_tokens;  // 0: until the model has finished or the context ends
  lfm2_text begin;      // that the answer begins with, such as "<think></think>"; not handed out; read as it begins
  // The answer ends before the first of these texts, which is not handed out. Copied when the answer begins.
  const lfm2_text* stop_texts;
  size_t stop_text_count;
  uint32_t max_thought_tokens;          // between <think> and </think>; then </think> is put there
  const lfm2_sampler_options* sampler;  // from this answer on; copied; NULL: as before
  // What the answer may be; open, outlives the answer, and follows this one only; NULL: anything.
  lfm2_constraint* constraint;
  // Handed to both functions below, which may be NULL. They are called within the caller's call and do not call the
  // conversation; what `user` points to outlives the answer.
  void* user;
  // Before each token is chosen: may change logits[count]; -infinity forbids a token.
  void (*before_choice)(void* user, float* logits, size_t count);
  // After each choice: the token and the logits that it was chosen from; NULL for tokens that are put there.
  void (*on_token)(void* user, int32_t token, const float* logits, size_t count);
} lfm2_answer_options;

// max_tokens as given, all else left out.
lfm2_answer_options lfm2_answer_options_default(uint32_t max_tokens);

// Why an answer ended.
typedef uint32_t lfm2_answer_end;
enum {
  LFM2_END_STOP,          // the model said that it is finished
  LFM2_END_STOP_TEXT,     // a stop text came
  LFM2_END_MAX_TOKENS,    // as long as was asked for; may go on
  LFM2_END_CONTEXT_FULL,  // no position is left
  LFM2_END_INTERRUPTED,   // the sink said so; may go on
  LFM2_END_CANCELLED,     // abort or the session's poll; may go on
  LFM2_END_ERROR          // the call that returned a status says why; may go on
};

// The context is a list of messages, the last of which may be an answer that can go on. The session outlives it and is
// used by nobody else meanwhile, but for queries. options: NULL: the defaults.
LFM2_OPAQUE(lfm2_conversation, 1280, 8);

// Begins at position 0 of an open session; an open conversation begins anew. Errors: LFM2_INVALID_ARGUMENT;
// LFM2_FAILED_PRECONDITION if the session is not open; LFM2_UNSUPPORTED where neither image nor options name a chat
// template. After an error it is closed.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_open(lfm2_conversation* chat, lfm2_session* session,
                                                   const lfm2_conversation_options* options);
// Gives the session back; what was begun is given up. Closing twice does nothing.
void lfm2_conversation_close(lfm2_conversation* chat);
bool lfm2_conversation_is_open(const lfm2_conversation* chat);

// Appends messages and computes nothing. Special tokens in contents stay plain text. A history is given in one call.
// None: only ends an answer that might have gone on, or begins the context with system text and tools. Errors, after
// which nothing was appended: LFM2_FAILED_PRECONDITION if not open or busy; LFM2_INVALID_ARGUMENT; LFM2_CONTEXT_FULL;
// LFM2_ARENA_TOO_SMALL where a word is longer than the session's max_word_bytes.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_add(lfm2_conversation* chat, const lfm2_chat_message* messages,
                                                  size_t count);
// Computes what was added, so that the next answer begins sooner, or a mark can be set. Errors:
// lfm2_session_prefill's; the messages stay added.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_compute(lfm2_conversation* chat);

// Generates the answer to what was added or, where nothing was, goes on with the last one. Calls sink with whole
// characters as they come, never again once it said false. Errors: LFM2_FAILED_PRECONDITION if not open or busy, or
// where there is nothing to answer; LFM2_INVALID_ARGUMENT for options; LFM2_CONTEXT_FULL; lfm2_session_prefill's. After
// an error before the first token the messages stay added; after a later one the answer may go on.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_answer(lfm2_conversation* chat, const lfm2_answer_options* options,
                                                     lfm2_text_sink sink, void* user);
// Add of a message, then answer. After an error before the first token the message was not added.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_ask(lfm2_conversation* chat, const lfm2_chat_message* message,
                                                  const lfm2_answer_options* options, lfm2_text_sink sink, void* user);
// The same in steps: begin, and step while it is busy. Nothing has been computed when begin returns.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_begin_answer(lfm2_conversation* chat, const lfm2_answer_options* options);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_begin_ask(lfm2_conversation* chat, const lfm2_chat_message* message,
                                                        const lfm2_answer_options* options);
// One step of the session, or the choice of one token from its logits.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_step(lfm2_conversation* chat, lfm2_text_sink sink, void* user);
// Gives up the step that is under way, and with it the answer. Does nothing where nothing was begun.
void lfm2_conversation_abort(lfm2_conversation* chat);
// Whether an answer that was begun has not ended.
bool lfm2_conversation_is_busy(const lfm2_conversation* chat);
// Of the answer that ended last: why; of that or the current one: tokens generated so far.
lfm2_answer_end lfm2_conversation_answer_end(const lfm2_conversation* chat);
uint32_t lfm2_conversation_answer_tokens(const lfm2_conversation* chat);
// Whether answer would go on with the last answer.
bool lfm2_conversation_can_go_on(const lfm2_conversation* chat);

// Positions that what was added and not computed takes, and those that are free after it.
uint32_t lfm2_conversation_pending_tokens(const lfm2_conversation* chat);
uint32_t lfm2_conversation_room(const lfm2_conversation* chat);
// Forgets the oldest messages after system text and tools until at least `positions` are free; the last one stays.
// Errors: LFM2_FAILED_PRECONDITION; LFM2_CONTEXT_FULL, with nothing forgotten, where that does not make as much room.
LFM2_MUST_CHECK lfm2_status lfm2_conversation_drop_oldest(lfm2_conversation* chat, uint32_t positions);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_CONVERSATION_H_
