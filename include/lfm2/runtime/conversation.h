// A chat on top of a session: messages in, text out.
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

struct ConversationOptions {
  // What the model is told before the first message; empty: the default_system of the format, if it has one. Read
  // whenever the context begins: by the first Add or Ask, by the next one where that was given up, and after a Rewind
  // to the begin.
  std::string_view system = {};
  // The tools it may call, each as JSON. Read as `system`.
  ToolList tools = {};
  // What is not set is as the model's publisher recommends.
  SamplerOptions sampler;
  // Hand out the text of special tokens too: tool calls stand between <|tool_call_start|> and <|tool_call_end|>.
  bool show_special = true;
  // Today, YYYY-MM-DD, for models whose template writes it with tools (ChatFormat::writes_date). Read as `system`; not
  // looked at without tools.
  std::string_view date = {};
  // Outlives the conversation; null: that of the image.
  const ChatFormat* chat_format = nullptr;
};

// The context is a list of messages, the last of which may be an answer that can go on. Owns nothing and allocates
// nothing; works in the session's arena. The session outlives it and is used by nobody else meanwhile (its queries,
// observer and poll are free). Neither copied nor moved. Not thread-safe.
class Conversation {
 public:
  constexpr Conversation() = default;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Begins at position 0 of an open session; an open conversation begins anew. Errors: kInvalidArgument for no session,
  // sampler options, a date that is none, or tools without a date where the format writes it; kFailedPrecondition if
  // the session is not open; kUnsupported where neither the image nor the options have a chat format. After an error it
  // is closed.
  LFM2_FUNCTION Status Open(Session* session, const ConversationOptions& options);
  // Gives the session back, as it is; what was begun is given up. Closing twice does nothing.
  LFM2_FUNCTION void Close();
  bool is_open() const { return session_ != nullptr; }

  // Appends messages: of a person, results of tools, or a history with answers. Nothing is computed until the next
  // answer or Compute. An answer that might have gone on ends here. Special tokens in contents stay plain text. A
  // history is given in one call: which thoughts of its answers stay depends on where its last user's message is. None:
  // only ends the answer, or begins the context with system text and tools. Errors, after which nothing was appended:
  // kFailedPrecondition if not open or busy; kInvalidArgument for a role that does not exist, or a system text where
  // options.system is one; kContextFull; kArenaTooSmall where a word has more bytes than the session's text_scratch()
  // has room for.
  LFM2_FUNCTION Status Add(const ListRef<ChatMessage>& messages);
  Status Add(const ChatMessage& message) { return Add(ListRef<ChatMessage>(&message, 1)); }
  // Computes what was added, so that the next answer begins sooner, or a mark can be set. Errors: Session::Prefill's;
  // the messages stay added.
  LFM2_FUNCTION Status Compute();

  // Generates the answer to what was added or, where nothing was, goes on with the last one if that may go on; such an
  // answer keeps its stop texts and its sampler. Calls sink with whole characters as they come, never again once it
  // said false. answer_end() says why it ended. Errors: kFailedPrecondition if not open or busy, or where there is
  // nothing to answer; kInvalidArgument for options; kContextFull where the beginning of the answer does not fit;
  // Session::Prefill's. After an error before the first token the messages stay added and the answer may be asked for
  // again; after a later one what was handed out stands, and the answer may go on.
  LFM2_FUNCTION Status Answer(const AnswerOptions& options, TextSink sink);
  // Add of a message, without a role a person's, then Answer. After an error before the first token the message was not
  // added; if something was computed by then, an answer that might have gone on has ended all the same.
  LFM2_FUNCTION Status Ask(const ChatMessage& message, const AnswerOptions& options, TextSink sink);
  Status Ask(std::string_view content, const AnswerOptions& options, TextSink sink) {
    return Ask(ChatMessage{ChatRole::kUser, content}, options, sink);
  }

  // The same in steps, for programs that have something else to do in between:
  //   status = chat.BeginAsk("Turn on the light.", 64);
  //   while (status.ok() && chat.is_busy()) {
  //     status = chat.Step(sink);
  //     KeepTheMotorTurning();
  //   }
  // Texts need not outlive the call, but for what `options` say; nothing has been computed when it returns. Errors: of
  // Answer and Ask, and those of computing from Step.
  LFM2_FUNCTION Status BeginAnswer(const AnswerOptions& options);
  LFM2_FUNCTION Status BeginAsk(const ChatMessage& message, const AnswerOptions& options);
  Status BeginAsk(std::string_view content, const AnswerOptions& options) {
    return BeginAsk(ChatMessage{ChatRole::kUser, content}, options);
  }
  // One step of the session, or the choice of one token from its logits. kFailedPrecondition where nothing was begun.
  LFM2_FUNCTION Status Step(TextSink sink);
  // Gives up the step of the session that is under way, and with it the answer: as after an error of computing. Does
  // nothing where nothing was begun.
  LFM2_FUNCTION void Abort();
  // Whether an answer that was begun has not ended.
  bool is_busy() const { return is_busy_; }
  // Of the answer that ended last: why, and of that or the current one: tokens generated so far.
  AnswerEnd answer_end() const { return end_; }
  uint32_t answer_tokens() const { return generated_; }
  // Whether Answer would go on with the last answer.
  LFM2_FUNCTION bool can_go_on() const;

  // Positions that what was added and not computed takes, and those that are free after it.
  uint32_t pending_tokens() const { return pending_; }
  uint32_t room() const { return is_open() ? session_->options().context_length - session_->position() - pending_ : 0; }
  // Forgets the oldest messages after system text and tools, from a person's message to the next person's, until at
  // least `positions` are free; the last one and what follows it stay. What remains is computed anew by the next answer
  // or Compute. Errors: kFailedPrecondition if not open or busy; kContextFull, with nothing forgotten, where that does
  // not make as much room.
  LFM2_FUNCTION Status DropOldest(uint32_t positions);

  // Session::Mark and Rewind with what the conversation knows beside the sequence. Stop texts are not part of it, nor
  // text that was held back for them. After Rewind an answer that was under way can go on only where a token had been
  // chosen and not computed; messages that were added and not computed are forgotten. Errors: theirs; of Mark,
  // kFailedPrecondition where messages were added and not computed.
  static constexpr uint64_t MarkBytes(const ModelConfig& config) { return sizeof(Note) + Session::MarkBytes(config); }
  LFM2_FUNCTION Status Mark(Span<std::byte> to) const;
  LFM2_FUNCTION Status Rewind(Span<const std::byte> mark);
  // Session::ForkFrom, Save and Load with what the conversation knows beside the sequence: it goes on as if it had
  // never stopped, also an answer that may go on, but without its stop texts. System text and tools are in the
  // sequence; the sampler keeps its options and continues the random sequence. Errors: theirs; kFailedPrecondition if
  // not open or busy, or where messages were added and not computed; kInvalidArgument for another chat format or a
  // state that is of no conversation. After an error of Load the conversation begins anew.
  LFM2_FUNCTION Status ForkFrom(const Conversation& other);
  LFM2_FUNCTION Status Save(StateSink sink) const;
  LFM2_FUNCTION Status Load(StateSource source);

 private:
  static constexpr int32_t kNone = -1;
  // What the context, and after it what was added, ends with.
  enum class Tail : uint8_t {
    kNothing,
    kMessage,
    kAnswer,  // the token that ended it is not in the context
  };
  // What the conversation knows beside the sequence of the session.
  struct Note {
    uint32_t version;
    uint32_t system_tokens;
    uint64_t random;
    int32_t token;
    Tail tail;
    uint8_t finished;
    uint8_t held_bytes;
    uint8_t chat_format;  // of a check sum of its pieces
    char held[4];
    uint32_t thought_tokens;
    uint8_t thought_matched;
    uint8_t inside_thought;
    uint16_t zero;
    uint32_t crc;  // CRC-32C of the fields before
  };
  static_assert(sizeof(Note) == 40, "no padding, and the same on every machine");
  // What Add and BeginAnswer change, to be put back.
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
  int32_t forced_[kMaxThinkEndTokens] = {};  // tokens that are put there and not chosen
  uint32_t forced_count_ = 0;
  uint32_t forced_at_ = 0;
  int32_t token_ = kNone;       // chosen, and not yet in the sequence
  uint32_t run_ = 1;            // tokens computed together: token_, and those that a constraint has put after it
  uint32_t pending_ = 0;        // ids after session_->position() that were added and not computed
  uint32_t system_tokens_ = 0;  // positions of bos, system text and tools
  uint32_t generated_ = 0;
  Place before_;  // the answer that was begun, as long as its prompt is being computed
  Tail tail_ = Tail::kNothing;
  AnswerEnd end_ = AnswerEnd::kStop;
  bool finished_ = false;  // the last answer cannot go on
  bool is_busy_ = false;
  bool is_prompting_ = false;  // what was added is being computed
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_CONVERSATION_H_
