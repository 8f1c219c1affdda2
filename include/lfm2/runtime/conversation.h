// Conversation: a chat on top of a session. Messages in, text out.
#ifndef LFM2_RUNTIME_CONVERSATION_H_
#define LFM2_RUNTIME_CONVERSATION_H_

#include <string_view>

#include "lfm2/base/list_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/runtime/answer_options.h"
#include "lfm2/runtime/saved_state.h"
#include "lfm2/runtime/session.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/detokenizer.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/stop_matcher.h"
#include "lfm2/text/thought_tracker.h"

namespace lfm2 {

// For Conversation::Open.
struct ConversationOptions {
  // The system text, which precedes the first message. Empty: the default_system of the format, if it has one. Read
  // whenever the context begins: by the first Add or Ask, again if that call was aborted, and after a Rewind to the
  // beginning. It must stay valid until then.
  std::string_view system = {};
  // The tools that the model may call, each as JSON. Read when `system` is.
  ToolList tools = {};
  // Fields that are not set have the values that the model's publisher recommends.
  SamplerOptions sampler;
  // Whether the sink also receives the text of special tokens. Tool calls are written between <|tool_call_start|> and
  // <|tool_call_end|>.
  bool show_special = true;
  // Today's date as YYYY-MM-DD, for models whose template writes it with tools (ChatFormat::writes_date). Read when
  // `system` is; ignored without tools.
  std::string_view date = {};
  // Must outlive the conversation. nullptr: the format of the image.
  const ChatFormat* chat_format = nullptr;
};

// The context is a list of messages; the last may be an answer that can be continued. The conversation owns nothing,
// allocates nothing, and works in the session's arena. The session must outlive it, and nothing else may change the
// session meanwhile (its queries, observer and poll may be used). It can be neither copied nor moved. Not thread-safe.
class Conversation {
 public:
  constexpr Conversation() = default;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Starts at position 0 of an open session, which is reset. An open conversation is started again. Errors, after which
  // it is closed: kInvalidArgument for a null session, bad sampler options, an invalid date, or tools without a date
  // where the format writes it; kFailedPrecondition if the session is not open; kUnsupported where neither the image
  // nor the options have a chat format.
  LFM2_FUNCTION Status Open(Session* session, const ConversationOptions& options);
  // Detaches from the session, whose sequence stays as it is; an answer in progress is aborted. Closing a closed
  // conversation does nothing.
  LFM2_FUNCTION void Close();
  bool is_open() const { return session_ != nullptr; }

  // Appends messages: of the user, results of tools, or a history with answers. Nothing is computed until the next
  // answer or Compute. An answer that could have been continued ends here. Special tokens in contents stay plain text.
  // Pass a history in one call: which thoughts of its answers are kept depends on the position of its last user
  // message. An empty list only ends the answer, or starts the context with system text and tools. Errors, after which
  // nothing was appended: kFailedPrecondition if not open or busy; kInvalidArgument for an invalid role, or a system
  // message where options.system is set; kContextFull; kArenaTooSmall where a word has more bytes than fit the
  // session's text_scratch().
  LFM2_FUNCTION Status Add(const ListRef<ChatMessage>& messages);
  Status Add(const ChatMessage& message) { return Add(ListRef<ChatMessage>(&message, 1)); }
  // Computes the appended messages, so that the next answer starts sooner or a mark can be set. Errors: those of
  // Session::Prefill; the messages stay appended.
  LFM2_FUNCTION Status Compute();

  // Generates the answer to the appended messages. Where none were appended, continues the last answer if that is
  // possible, with its stop texts and its sampler. Calls sink with whole UTF-8 characters as they are generated, and
  // not again after it has returned false. answer_end() is the reason why the answer ended. Errors: kFailedPrecondition
  // if not open or busy, or if there is nothing to answer; kInvalidArgument for options; kContextFull where the
  // beginning of the answer does not fit; those of Session::Prefill. After an error before the first token the messages
  // stay appended, and Answer may be called again. After a later error the text so far is valid, and the answer can be
  // continued.
  LFM2_FUNCTION Status Answer(const AnswerOptions& options, TextSink sink);
  // Add of one message (of the user, if only its content is given), then Answer. After an error before the first token
  // the message is not part of the context; if computing had already started, an earlier answer that could have been
  // continued can no longer be.
  LFM2_FUNCTION Status Ask(const ChatMessage& message, const AnswerOptions& options, TextSink sink);
  Status Ask(std::string_view content, const AnswerOptions& options, TextSink sink) {
    return Ask(ChatMessage{ChatRole::kUser, content}, options, sink);
  }

  // The same in steps, for programs that have other work to do in between:
  //   status = chat.BeginAsk("Turn on the light.", 64);
  //   while (status.ok() && chat.is_busy()) {
  //     status = chat.Step(sink);
  //     KeepTheMotorTurning();
  //   }
  // Texts need not outlive the call, except where AnswerOptions requires it. Nothing has been computed when the call
  // returns. Errors: those of Answer and Ask; errors of computing are returned by Step.
  LFM2_FUNCTION Status BeginAnswer(const AnswerOptions& options);
  LFM2_FUNCTION Status BeginAsk(const ChatMessage& message, const AnswerOptions& options);
  Status BeginAsk(std::string_view content, const AnswerOptions& options) {
    return BeginAsk(ChatMessage{ChatRole::kUser, content}, options);
  }
  // Computes one step of the session, or chooses one token from its logits. Errors: kFailedPrecondition if no answer is
  // in progress; those of Answer.
  LFM2_FUNCTION Status Step(TextSink sink);
  // Discards the step of the session that is in progress, and ends the answer as an error of computing would. Does
  // nothing if no answer is in progress.
  LFM2_FUNCTION void Abort();
  // Whether an answer is in progress.
  bool is_busy() const { return is_busy_; }
  // Why the last answer ended, and the number of tokens that the last or current call has generated.
  AnswerEnd answer_end() const { return end_; }
  uint32_t answer_tokens() const { return generated_; }
  // Whether Answer would continue the last answer.
  LFM2_FUNCTION bool can_go_on() const;

  // Positions that the appended messages take and that are not yet computed, and the positions that are free after
  // them.
  uint32_t pending_tokens() const { return pending_; }
  uint32_t room() const { return is_open() ? session_->options().context_length - session_->position() - pending_ : 0; }
  // Drops the oldest messages after system text and tools, from one user message up to the next, until at least
  // `positions` positions are free. The last user message and everything after it stay. The remaining messages are
  // computed again by the next answer or Compute. Errors: kFailedPrecondition if not open or busy; kContextFull, with
  // nothing dropped, where that does not free enough positions.
  LFM2_FUNCTION Status DropOldest(uint32_t positions);

  // Session::Mark and Rewind, with the state of the conversation. Stop texts, and text held back for them, are not part
  // of it. After Rewind an unfinished answer can be continued only if its next token had been chosen and not computed;
  // messages that were appended and not computed are dropped. Errors: those of the session's functions; of Mark,
  // kFailedPrecondition where appended messages are not computed.
  static constexpr uint64_t MarkBytes(const ModelConfig& config) { return sizeof(Note) + Session::MarkBytes(config); }
  LFM2_FUNCTION Status Mark(Span<std::byte> to) const;
  LFM2_FUNCTION Status Rewind(Span<const std::byte> mark);
  // Session::ForkFrom, Save and Load, with the state of the conversation: it continues as if it had never stopped,
  // including an answer that can be continued, but without its stop texts. System text and tools are part of the
  // sequence; the sampler keeps its options and continues its random sequence. Errors: those of the session's
  // functions; kFailedPrecondition if not open or busy, or where appended messages are not computed; kInvalidArgument
  // for another chat format, or a state that was not saved by a conversation. After an error of Load the conversation
  // starts again.
  LFM2_FUNCTION Status ForkFrom(const Conversation& other);
  LFM2_FUNCTION Status Save(StateSink sink) const;
  LFM2_FUNCTION Status Load(StateSource source);

 private:
  static constexpr int32_t kNone = -1;
  // What the context, including appended messages, ends with.
  enum class Tail : uint8_t {
    kNothing,
    kMessage,
    kAnswer,  // without the token that ended it
  };
  // State of the conversation besides the sequence of the session.
  struct Note {
    uint32_t version;
    uint32_t system_tokens;
    uint64_t random;
    int32_t token;
    Tail tail;
    uint8_t finished;
    uint8_t held_bytes;
    uint8_t chat_format;  // check sum of its pieces
    char held[4];
    uint32_t thought_tokens;
    uint8_t thought_matched;
    uint8_t inside_thought;
    uint16_t zero;
    uint32_t crc;  // CRC-32C of the fields before
  };
  static_assert(sizeof(Note) == 40, "no padding, and the same on every machine");
  // What Add and BeginAnswer change, to be restored after an error.
  struct Place {
    uint32_t pending = 0;
    uint32_t system_tokens = 0;
    int32_t token = kNone;
    Tail tail = Tail::kNothing;
    bool finished = false;
  };

  const ChatFormat& format() const {
    return options_.chat_format == nullptr ? session_->image().vocab().chat_format() : *options_.chat_format;
  }
  LFM2_FUNCTION Status CheckIdle(const char* where) const;
  LFM2_FUNCTION Status CheckComputed(const char* where) const;
  LFM2_FUNCTION Status Encode(const ChatPrompt& prompt);
  LFM2_FUNCTION Status EncodeMessages(const ListRef<ChatMessage>& messages);
  LFM2_FUNCTION Status BeginNewAnswer(const AnswerOptions& options);
  LFM2_FUNCTION Status Advance(bool whole, TextSink sink);
  LFM2_FUNCTION Status Choose(TextSink sink);
  LFM2_FUNCTION Status Force();
  LFM2_FUNCTION Status Emit(TextSink sink);
  LFM2_FUNCTION void End(AnswerEnd end, TextSink sink);
  LFM2_FUNCTION void GiveUp(AnswerEnd end);
  LFM2_FUNCTION Note MakeNote() const;
  LFM2_FUNCTION Status CheckNote(const Note& note) const;
  LFM2_FUNCTION void TakeNote(const Note& note);
  Place place() const { return {pending_, system_tokens_, token_, tail_, finished_}; }
  void GoTo(const Place& place) {
    pending_ = place.pending;
    system_tokens_ = place.system_tokens;
    token_ = place.token;
    tail_ = place.tail;
    finished_ = place.finished;
  }

  Session* session_ = nullptr;
  ConversationOptions options_;
  AnswerOptions answer_;
  Sampler sampler_;
  TextStream stream_;
  StopMatcher stops_;
  ThoughtTracker thoughts_;
  int32_t forced_[kMaxThinkEndTokens] = {};  // tokens that are inserted, not chosen
  uint32_t forced_count_ = 0;
  uint32_t forced_at_ = 0;
  int32_t token_ = kNone;       // chosen, not yet in the sequence
  uint32_t run_ = 1;            // tokens computed together: token_ and those that a constraint has appended
  uint32_t pending_ = 0;        // ids after session_->position() that are not computed
  uint32_t system_tokens_ = 0;  // positions of bos, system text and tools
  uint32_t generated_ = 0;
  Place before_;  // restored if computing the prompt of an answer fails
  Tail tail_ = Tail::kNothing;
  AnswerEnd end_ = AnswerEnd::kStop;
  bool finished_ = false;  // the last answer cannot be continued
  bool is_busy_ = false;
  bool is_prompting_ = false;  // appended messages are being computed
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_CONVERSATION_H_
