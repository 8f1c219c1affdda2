// A chat on top of a session: turns in, text out.
#ifndef LFM2_RUNTIME_CONVERSATION_H_
#define LFM2_RUNTIME_CONVERSATION_H_

#include <string_view>

#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/runtime/session.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/chat_encoder.h"
#include "lfm2/text/detokenizer.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

struct ConversationOptions {
  // What the model is told before the first turn; may be empty. Read by the first Prompt.
  std::string_view system = {};
  // The tools it may call, each as JSON. Read by the first Prompt.
  Span<const std::string_view> tools = {};
  SamplerOptions sampler;
  // Hand out the text of special tokens too: tool calls stand between <|tool_call_start|> and <|tool_call_end|>.
  bool show_special = true;
  // kNone: the one that the image names.
  ChatTemplate chat_template = ChatTemplate::kNone;
};

// Takes text; false: no more.
using TextSink = FunctionRef<bool(std::string_view text)>;

// Why an answer ended.
enum class AnswerEnd : uint8_t {
  kStop,         // the model said that it is finished
  kMaxTokens,    // as long as was asked for
  kInterrupted,  // the sink said so
};

// Owns nothing and allocates nothing; works in the session's arena. The session outlives it and is used by nobody else
// meanwhile. Not thread-safe.
class Conversation {
 public:
  // Begins at position 0 of an open session. Errors: kFailedPrecondition if the session is not open; kUnsupported where
  // neither the image nor the options name a chat template; kInvalidArgument for sampler options.
  Status Open(Session* session, const ConversationOptions& options) {
    if (!session->is_open()) {
      return Status(StatusCode::kFailedPrecondition, "Conversation::Open", "the session is not open");
    }
    const ChatTemplate named = session->image().vocab().chat_template();
    const ChatTemplate kind = options.chat_template == ChatTemplate::kNone ? named : options.chat_template;
    if (kind == ChatTemplate::kNone) {
      return Status(StatusCode::kUnsupported, "chat template",
                    "is not named by the image; pack it with --template, or set options.chat_template");
    }
    LFM2_RETURN_IF_ERROR(sampler_.Configure(options.sampler));
    options_ = options;
    options_.chat_template = kind;
    session_ = session;
    token_ = kNone;
    is_busy_ = false;
    session->Reset();
    return Status();
  }

  // Appends a turn of "user" or "tool" and the beginning of the answer, and computes them. Special tokens in `content`
  // stay plain text. On an error nothing was appended: kContextFull (limit() is the context), kArenaTooSmall where a
  // word is longer than options.max_word_bytes, kFailedPrecondition if not open or busy.
  Status Prompt(std::string_view role, std::string_view content) {
    LFM2_RETURN_IF_ERROR(BeginPrompt(role, content));
    return session_->Finish();
  }

  // Generates the answer to what was prompted: at most max_tokens tokens. Calls sink(std::string_view) with whole UTF-8
  // characters as they come; a sink that returns bool ends the answer by returning false. *end (may be null) says why
  // it ended, *tokens (may be null) how many were generated. kContextFull where the context ends first, and the
  // session's errors: what was handed out until then stands, and behind an error of reading another call goes on.
  Status Generate(uint32_t max_tokens, TextSink sink, AnswerEnd* end = nullptr, uint32_t* tokens = nullptr) {
    LFM2_RETURN_IF_ERROR(BeginAnswer(max_tokens));
    Status status;
    while (status.ok() && is_busy()) status = Advance(true, sink);
    if (end != nullptr) *end = end_;
    if (tokens != nullptr) *tokens = generated_;
    return status;
  }

  // Prompt("user", content), then Generate.
  Status Ask(std::string_view content, uint32_t max_tokens, TextSink sink) {
    LFM2_RETURN_IF_ERROR(Prompt("user", content));
    return Generate(max_tokens, sink);
  }

  // The same in steps, for programs that have something else to do in between:
  //   status = chat.BeginAsk("user", content, 64);
  //   while (status.ok() && chat.is_busy()) {
  //     status = chat.Step(sink);
  //     KeepTheMotorTurning();
  //   }
  // `content` need not outlive the call, and nothing has been computed when it returns. Errors: Prompt's. Where reading
  // fails before the first token, the turn was not appended and is begun anew.
  Status BeginAsk(std::string_view role, std::string_view content, uint32_t max_tokens) {
    LFM2_RETURN_IF_ERROR(BeginPrompt(role, content));
    StartAnswer(max_tokens);
    return Status();
  }
  // The answer alone, to what was prompted, or the rest of one that an error of reading has ended. Errors:
  // kFailedPrecondition if not open or busy, or where there is nothing to answer.
  Status BeginAnswer(uint32_t max_tokens) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    if (session_->logits().empty() && token_ == kNone) {
      return Status(StatusCode::kFailedPrecondition, "Conversation::Generate", "nothing was prompted");
    }
    StartAnswer(max_tokens);
    return Status();
  }
  // One step of the session, or the choice of one token from its logits. Errors: Generate's; kFailedPrecondition where
  // nothing was begun.
  Status Step(TextSink sink) {
    if (is_busy()) return Advance(false, sink);
    return Status(StatusCode::kFailedPrecondition, "Conversation::Step", "nothing was begun");
  }
  // Whether an answer that was begun has not ended.
  bool is_busy() const { return is_busy_; }
  // Of the answer that ended last: why, and of that or the current one: tokens generated so far.
  AnswerEnd answer_end() const { return end_; }
  uint32_t answer_tokens() const { return generated_; }

 private:
  Status CheckOpen() const {
    if (session_ == nullptr) return Status(StatusCode::kFailedPrecondition, "Conversation", "is not open");
    if (is_busy_) return Status(StatusCode::kFailedPrecondition, "Conversation", "is busy with an answer");
    return Status();
  }

  static constexpr int32_t kNone = -1;

  Status BeginPrompt(std::string_view role, std::string_view content) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    const bool begins = session_->position() == 0;
    ChatRole parsed = ChatRole::kUser;
    if (!ParseRole(role, &parsed)) {
      return Status(StatusCode::kInvalidArgument, "role", "is not \"user\" or \"tool\"");
    }
    const ChatMessage messages[] = {{ChatRole::kSystem, options_.system}, {parsed, content}};
    ChatPrompt prompt;
    prompt.messages = messages;
    prompt.tools = options_.tools;
    prompt.first = begins ? 0 : 1;
    if (!begins) prompt.joint = kChatAfterCutAnswer;  // the token that ended the answer is not in the context
    const Span<int32_t> room = session_->token_room();
    size_t count = 0;
    const Status encoded = EncodeChat(Tokenizer(session_->image().vocab()), options_.chat_template, prompt, false,
                                      session_->text_scratch(), room, &count);
    if (encoded.code() == StatusCode::kOutputTooSmall) {
      return Status(StatusCode::kContextFull, "prompt", "does not fit the context: tokens", count, room.size());
    }
    LFM2_RETURN_IF_ERROR(encoded);
    LFM2_RETURN_IF_ERROR(session_->Begin({room.data(), count}));
    token_ = kNone;
    return Status();
  }

  void StartAnswer(uint32_t max_tokens) {
    stream_ = TextStream(session_->image().vocab(), options_.show_special);
    max_tokens_ = max_tokens;
    generated_ = 0;
    end_ = AnswerEnd::kMaxTokens;
    is_busy_ = true;
  }

  // One step of the session, or all that are left; where there are none, the choice of a token.
  Status Advance(bool whole, TextSink sink) {
    const auto show = [&](std::string_view text) {
      if (!sink(text)) Stop(AnswerEnd::kInterrupted);
    };
    const Status status = session_->steps_left() == 0 ? ChooseToken() : whole ? session_->Finish() : session_->Step();
    if (!status.ok()) Stop(end_);
    if (status.ok() && token_ != kNone && session_->steps_left() == 0) {
      const int32_t token = token_;
      token_ = kNone;
      ++generated_;
      stream_.Put(token, show);
    }
    if (!is_busy_) stream_.Flush(show);
    return status;
  }

  // Begins to compute what comes behind the token, or ends the answer. A token that could not be computed is the next
  // one of a later call, too.
  Status ChooseToken() {
    if (generated_ == max_tokens_) {
      Stop(AnswerEnd::kMaxTokens);
      return Status();
    }
    if (token_ == kNone) {
      int32_t token = 0;
      LFM2_RETURN_IF_ERROR(sampler_.Sample(session_->logits(), session_->tokens(), session_->text_scratch(), &token));
      if (session_->image().vocab().IsStop(token)) {
        Stop(AnswerEnd::kStop);
        return Status();
      }
      token_ = token;
    }
    return session_->Begin({&token_, 1});
  }
  void Stop(AnswerEnd end) {
    end_ = end;
    is_busy_ = false;
  }

  Session* session_ = nullptr;
  ConversationOptions options_;
  Sampler sampler_;
  TextStream stream_;
  int32_t token_ = kNone;  // chosen, and not yet in the sequence
  uint32_t max_tokens_ = 0;
  uint32_t generated_ = 0;
  AnswerEnd end_ = AnswerEnd::kStop;
  bool is_busy_ = false;
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_CONVERSATION_H_
