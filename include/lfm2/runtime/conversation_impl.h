// Definitions of Conversation's functions that add messages and generate answers.
#ifndef LFM2_RUNTIME_CONVERSATION_IMPL_H_
#define LFM2_RUNTIME_CONVERSATION_IMPL_H_

#include <cstring>

#include "lfm2/base/crc32c.h"
#include "lfm2/runtime/conversation.h"
#include "lfm2/text/chat_encoder.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

namespace conversation_internal {

// Collects the text of one token into one call of the sink, so that nothing of the token is lost if the sink returns
// false. room: text that fits it is passed on in one call.
class TextCollector {
 public:
  TextCollector(Span<std::byte> room, TextSink sink) : room_(room), sink_(sink) {}

  void operator()(std::string_view text) {
    if (text.size() > room_.size() - size_) HandOut();
    if (text.size() > room_.size()) {
      Call(text);
      return;
    }
    std::memcpy(room_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  // Whether the sink accepts more.
  bool HandOut() {
    if (size_ > 0) Call({reinterpret_cast<const char*>(room_.data()), size_});
    size_ = 0;
    return goes_on_;
  }

 private:
  void Call(std::string_view text) {
    if (goes_on_) goes_on_ = sink_(text);
  }

  Span<std::byte> room_;
  TextSink sink_;
  size_t size_ = 0;
  bool goes_on_ = true;
};

}  // namespace conversation_internal

LFM2_FUNCTION Status Conversation::Open(Session* session, const ConversationOptions& options) {
  Close();
  if (session == nullptr) return Status(StatusCode::kInvalidArgument, "Conversation::Open", "needs a session");
  if (!session->is_open()) {
    return Status(StatusCode::kFailedPrecondition, "Conversation::Open", "needs an open session");
  }
  const ChatFormat& format =
      options.chat_format == nullptr ? session->image().vocab().chat_format() : *options.chat_format;
  LFM2_RETURN_IF_ERROR(chat_internal::CheckKnown(format));
  LFM2_RETURN_IF_ERROR(chat_internal::CheckDate(format, options.tools, options.date));
  LFM2_RETURN_IF_ERROR(sampler_.Configure(options.sampler, session->image().sampling()));
  options_ = options;
  session_ = session;
  session->Reset();
  return Status();
}

LFM2_FUNCTION void Conversation::Close() {
  Abort();
  session_ = nullptr;
  options_ = ConversationOptions();
  answer_ = AnswerOptions();
  GoTo(Place());
  generated_ = forced_count_ = forced_at_ = 0;
  end_ = AnswerEnd::kStop;
}

LFM2_FUNCTION Status Conversation::CheckIdle(const char* where) const {
  if (!is_open()) return Status(StatusCode::kFailedPrecondition, where, "needs an open conversation");
  if (!is_busy_) return Status();
  return Status(StatusCode::kFailedPrecondition, where, "while an answer is in progress (call Step or Abort)");
}

// Appends the tokens of the rendered prompt to the pending ones.
LFM2_FUNCTION Status Conversation::Encode(const ChatPrompt& prompt) {
  const Span<int32_t> room = session_->token_room();
  size_t count = 0;
  const Status status = EncodeChat(Tokenizer(session_->image().vocab()), format(), prompt, false,
                                   session_->text_scratch(), room.subspan(pending_, room.size() - pending_), &count);
  if (status.code() == StatusCode::kOutputTooSmall) {
    return Status(StatusCode::kContextFull, "messages", "do not fit the context: positions needed",
                  uint64_t{session_->position()} + pending_ + count, session_->options().context_length);
  }
  LFM2_RETURN_IF_ERROR(status);
  pending_ += static_cast<uint32_t>(count);
  return Status();
}

LFM2_FUNCTION Status Conversation::EncodeMessages(const ListRef<ChatMessage>& messages) {
  ChatPrompt prompt;
  prompt.add_generation_prompt = false;
  if (tail_ == Tail::kNothing) {
    ChatMessage system = {ChatRole::kSystem, options_.system.empty() ? format().default_system : options_.system};
    const ChatMessage head = messages.empty() ? system : messages[0];
    const bool has_system = !messages.empty() && head.role == ChatRole::kSystem;
    if (has_system) {
      if (!options_.system.empty()) {
        return Status(StatusCode::kInvalidArgument, "messages", "begin with a system text, but options.system is set");
      }
      system = head;
    }
    prompt.messages = {&system, 1};
    prompt.tools = options_.tools;
    prompt.date = options_.date;
    LFM2_RETURN_IF_ERROR(Encode(prompt));
    system_tokens_ = pending_;
    prompt.tools = {};
    prompt.first = has_system ? 1 : 0;
  }
  prompt.messages = messages;
  prompt.continues = true;
  if (tail_ == Tail::kAnswer) prompt.joint = kChatAfterCutAnswer;
  LFM2_RETURN_IF_ERROR(Encode(prompt));
  tail_ = Tail::kMessage;
  token_ = kNone;
  finished_ = true;
  return Status();
}

LFM2_FUNCTION Status Conversation::Add(const ListRef<ChatMessage>& messages) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::Add"));
  const Place before = place();
  const Status status = EncodeMessages(messages);
  if (!status.ok()) GoTo(before);
  return status;
}

LFM2_FUNCTION Status Conversation::Compute() {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::Compute"));
  if (pending_ == 0) return Status();
  LFM2_RETURN_IF_ERROR(session_->Prefill({session_->token_room().data(), pending_}));
  pending_ = 0;
  return Status();
}

LFM2_FUNCTION bool Conversation::can_go_on() const {
  return is_open() && tail_ == Tail::kAnswer && !finished_ &&
         (pending_ > 0 || token_ != kNone || !session_->logits().empty());
}

LFM2_FUNCTION Status Conversation::BeginAnswer(const AnswerOptions& options) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::Answer"));
  if (!can_go_on()) {
    LFM2_RETURN_IF_ERROR(BeginNewAnswer(options));
  } else if (!options.begin.empty()) {
    return Status(StatusCode::kInvalidArgument, "options.begin", "is set, but the answer has already begun");
  } else if (pending_ > 0) {  // the messages left by DropOldest
    LFM2_RETURN_IF_ERROR(session_->Begin({session_->token_room().data(), pending_}));
    before_ = place();
    is_prompting_ = true;
  }
  answer_ = options;
  generated_ = 0;
  is_busy_ = true;
  return Status();
}

LFM2_FUNCTION Status Conversation::BeginNewAnswer(const AnswerOptions& options) {
  if (tail_ != Tail::kMessage) {
    return Status(StatusCode::kFailedPrecondition, "Conversation::Answer",
                  "nothing to answer (call Add) and no answer to continue");
  }
  const Place before = place();
  ChatPrompt prompt;
  prompt.continues = true;
  prompt.answer = options.begin;
  Status status = Encode(prompt);
  // Everything is checked before anything changes: if BeginAsk fails, an earlier answer can still be continued.
  if (status.ok() && options.sampler != nullptr) status = Sampler::Check(*options.sampler);
  if (status.ok()) status = stops_.SetTexts(options.stop_texts);
  if (status.ok() && options.constraint != nullptr) status = options.constraint->Begin(format().answer, options.begin);
  if (status.ok() && options.sampler != nullptr) {
    status = sampler_.Configure(*options.sampler, session_->image().sampling());
  }
  if (status.ok()) status = session_->Begin({session_->token_room().data(), pending_});
  if (!status.ok()) {
    GoTo(before);
    return status;
  }
  before_ = before;
  stream_ = TextStream(session_->image().vocab(), options_.show_special);
  thoughts_ = ThoughtTracker();
  // A thought that begins in both counts once.
  thoughts_.PutText(format().answer);
  thoughts_.PutText(options.begin);
  forced_count_ = forced_at_ = 0;
  is_prompting_ = true;
  return Status();
}

LFM2_FUNCTION Status Conversation::BeginAsk(const ChatMessage& message, const AnswerOptions& options) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Conversation::Ask"));
  const Place before = place();
  LFM2_RETURN_IF_ERROR(Add(message));
  const Status status = BeginAnswer(options);
  if (status.ok()) {
    before_ = before;
    before_.finished = true;  // an earlier answer can no longer be continued
  } else {
    GoTo(before);
  }
  return status;
}

LFM2_FUNCTION Status Conversation::Answer(const AnswerOptions& options, TextSink sink) {
  LFM2_RETURN_IF_ERROR(BeginAnswer(options));
  while (is_busy_) LFM2_RETURN_IF_ERROR(Advance(true, sink));
  return Status();
}

LFM2_FUNCTION Status Conversation::Ask(const ChatMessage& message, const AnswerOptions& options, TextSink sink) {
  LFM2_RETURN_IF_ERROR(BeginAsk(message, options));
  while (is_busy_) LFM2_RETURN_IF_ERROR(Advance(true, sink));
  return Status();
}

LFM2_FUNCTION Status Conversation::Step(TextSink sink) {
  if (is_busy_) return Advance(false, sink);
  return Status(StatusCode::kFailedPrecondition, "Conversation::Step", "no answer is in progress");
}

LFM2_FUNCTION void Conversation::Abort() {
  if (!is_busy_) return;
  session_->Abort();
  GiveUp(AnswerEnd::kCancelled);
}

// Ends the answer where it is. Messages whose computing failed stay appended.
LFM2_FUNCTION void Conversation::GiveUp(AnswerEnd end) {
  if (is_prompting_) GoTo(before_);
  is_prompting_ = is_busy_ = false;
  end_ = end;
}

// One step of the session, or all remaining ones; if none are left, the choice of a token.
LFM2_FUNCTION Status Conversation::Advance(bool whole, TextSink sink) {
  const bool computes = session_->steps_left() > 0 || is_prompting_;
  Status status = !computes                              ? Choose(sink)
                  : whole || session_->steps_left() == 0 ? session_->Finish()
                                                         : session_->Step();
  if (status.ok() && computes && session_->steps_left() == 0) {
    if (is_prompting_) {
      GoTo({0, system_tokens_, token_, Tail::kAnswer, false});
      is_prompting_ = false;
    } else {
      status = Emit(sink);
    }
  }
  if (!status.ok()) GiveUp(status.code() == StatusCode::kCancelled ? AnswerEnd::kCancelled : AnswerEnd::kError);
  return status;
}

// Chooses the next token and starts computing it, or ends the answer. A token whose computing fails is kept for the
// next call.
LFM2_FUNCTION Status Conversation::Choose(TextSink sink) {
  if (answer_.max_tokens > 0 && generated_ == answer_.max_tokens) {
    End(AnswerEnd::kMaxTokens, sink);
    return Status();
  }
  const Vocab& vocab = session_->image().vocab();
  run_ = 1;
  if (token_ == kNone) {
    if (forced_at_ == forced_count_ && thoughts_.inside() && thoughts_.tokens_inside() >= answer_.max_thought_tokens) {
      forced_count_ = static_cast<uint32_t>(ThinkEndTokens(vocab, forced_));
      forced_at_ = 0;
    }
    Span<float> logits;
    if (forced_at_ < forced_count_) {
      token_ = forced_[forced_at_++];
    } else if (answer_.constraint != nullptr) {
      size_t count = 0;
      LFM2_RETURN_IF_ERROR(answer_.constraint->Force({&token_, 1}, &count));
      if (count == 0) token_ = kNone;
    }
    if (token_ == kNone) {
      logits = session_->mutable_logits();
      if (answer_.before_choice != nullptr) answer_.before_choice(answer_.context, logits);
      int32_t token = 0;
      Status status;
      if (answer_.constraint != nullptr) status = answer_.constraint->Restrict(logits);
      if (status.ok()) status = sampler_.Sample(logits, session_->tokens(), session_->text_scratch(), &token);
      // Another call could not choose a token either.
      finished_ = !status.ok();
      LFM2_RETURN_IF_ERROR(status);
      token_ = token;
    }
    if (answer_.on_token != nullptr) answer_.on_token(answer_.context, token_, logits);
  }
  if (vocab.IsStop(token_)) {
    token_ = kNone;
    End(AnswerEnd::kStop, sink);
  } else if (session_->token_room().empty()) {
    // The text of a last token needs no position.
    LFM2_RETURN_IF_ERROR(Emit(sink));
    if (is_busy_) {
      End(AnswerEnd::kContextFull, sink);
    } else if (!finished_) {
      finished_ = true;
      end_ = AnswerEnd::kContextFull;
    }
  } else {
    const int32_t* tokens = &token_;
    if (answer_.constraint != nullptr) {
      LFM2_RETURN_IF_ERROR(Force());
      tokens = session_->token_room().data();
    }
    LFM2_RETURN_IF_ERROR(session_->Begin({tokens, run_}));
    // Already computed, if the session had guessed it.
    if (session_->steps_left() == 0) return Emit(sink);
  }
  return Status();
}

// Appends the tokens that must follow the chosen one, to be computed with it: as many as may be generated and have a
// position; none where a stop text could occur between them.
LFM2_FUNCTION Status Conversation::Force() {
  Span<int32_t> room = session_->token_room();
  room[0] = token_;
  // Keeps a step short.
  constexpr size_t kMostAtOnce = 32;
  size_t most = answer_.stop_texts.empty() ? Min(room.size(), kMostAtOnce) : 1;
  if (answer_.max_tokens > 0) most = Min<size_t>(most, answer_.max_tokens - generated_);
  size_t count = 0;
  if (most > 1) {
    LFM2_RETURN_IF_ERROR(answer_.constraint->ForceAfter(token_, room.subspan(1, most - 1), &count));
  }
  run_ = 1 + static_cast<uint32_t>(count);
  return Status();
}

// Passes on the text of the token, or of all tokens that were computed together.
LFM2_FUNCTION Status Conversation::Emit(TextSink sink) {
  const Span<const int32_t> all = session_->tokens();
  conversation_internal::TextCollector out(session_->text_scratch(), sink);
  for (uint32_t left = run_; left > 0; --left) {
    const int32_t token = run_ == 1 ? token_ : all[all.size() - left];
    if (left < run_ && answer_.on_token != nullptr) answer_.on_token(answer_.context, token, {});
    ++generated_;
    thoughts_.Put(session_->image().vocab().TokenBytes(token));
    if (answer_.constraint != nullptr) LFM2_RETURN_IF_ERROR(answer_.constraint->Advance(token));
    stream_.Put(token, [&](std::string_view text) { stops_.Put(text, out); });
  }
  token_ = kNone;
  run_ = 1;
  if (!out.HandOut()) {
    is_busy_ = false;
    end_ = AnswerEnd::kInterrupted;
  }
  if (stops_.found() == StopMatcher::kNone) return Status();
  finished_ = true;
  is_busy_ = false;
  end_ = AnswerEnd::kStopText;
  return Status();
}

// Ends the answer and passes on text that was held back: all of it or, if the answer can be continued, whole characters
// only.
LFM2_FUNCTION void Conversation::End(AnswerEnd end, TextSink sink) {
  conversation_internal::TextCollector out(session_->text_scratch(), sink);
  finished_ = end != AnswerEnd::kMaxTokens;
  if (finished_) stream_.Flush([&](std::string_view text) { stops_.Put(text, out); });
  stops_.Flush(out);
  static_cast<void>(out.HandOut());
  is_busy_ = false;
  end_ = end;
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_CONVERSATION_IMPL_H_
