// A chat on top of a session: turns in, text out.
#if defined(LFM2_RUNTIME_CONVERSATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_RUNTIME_CONVERSATION_INL_H_
#undef LFM2_RUNTIME_CONVERSATION_INL_H_
#else
#define LFM2_RUNTIME_CONVERSATION_INL_H_
#endif

#include <string_view>
#include <type_traits>

#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/runtime/session-inl.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/chat_encoder.h"
#include "lfm2/text/detokenizer.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/tokenizer.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

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

// Why an answer ended.
enum class AnswerEnd : uint8_t {
  kStop,         // the model said that it is finished
  kMaxTokens,    // as long as was asked for
  kInterrupted,  // the sink said so
};

// Owns nothing and allocates nothing; works in the session's arena. The session outlives it and is used by nobody else
// meanwhile. Not thread-safe.
template <class Kernels>
class BasicConversation {
 public:
  // Begins at position 0 of an open session. Errors: kFailedPrecondition if the session is not open; kUnsupported where
  // neither the image nor the options name a chat template; kInvalidArgument for sampler options.
  Status Open(BasicSession<Kernels>* session, const ConversationOptions& options) {
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
    session->Reset();
    return Status();
  }

  // Appends a turn of "user" or "tool" and the beginning of the answer, and computes them. Special tokens in `content`
  // stay plain text. On an error nothing was appended: kContextFull (limit() is the context), kArenaTooSmall where a
  // word is longer than options.max_word_bytes, kFailedPrecondition if not open.
  Status Prompt(std::string_view role, std::string_view content) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    const bool begins = session_->position() == 0;
    const ChatMessage messages[] = {{"system", options_.system}, {role, content}};
    ChatPrompt prompt;
    prompt.messages = messages;
    prompt.tools = options_.tools;
    prompt.first = begins ? 0 : 1;
    if (!begins) prompt.joint = kChatAfterCutAnswer;  // the token that ended the answer is not in the context
    const Span<int32_t> room = session_->token_room();
    size_t count = 0;
    LFM2_RETURN_IF_ERROR(EncodeChat(Tokenizer(session_->image().vocab()), options_.chat_template, prompt, false,
                                    session_->text_scratch(), room, &count));
    return session_->Prefill({room.data(), count});
  }

  // Generates the answer to what was prompted: at most max_tokens tokens. Calls sink(std::string_view) with whole UTF-8
  // characters as they come; a sink that returns bool ends the answer by returning false. *end (may be null) says why
  // it ended, *tokens (may be null) how many were generated. kContextFull where the context ends first: what was handed
  // out until then stands.
  template <class Sink>
  Status Generate(uint32_t max_tokens, Sink&& sink, AnswerEnd* end = nullptr, uint32_t* tokens = nullptr) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    if (session_->position() == 0) {
      return Status(StatusCode::kFailedPrecondition, "Conversation::Generate", "nothing was prompted");
    }
    const Vocab& vocab = session_->image().vocab();
    TextStream stream(vocab, options_.show_special);
    bool wanted = true;
    const auto show = [&](std::string_view text) {
      if constexpr (std::is_same_v<decltype(sink(text)), bool>) {
        wanted = sink(text) && wanted;
      } else {
        sink(text);
      }
    };
    AnswerEnd why = AnswerEnd::kMaxTokens;
    Status status;
    uint32_t count = 0;
    while (status.ok() && count < max_tokens) {
      int32_t token = 0;
      status = sampler_.Sample(session_->logits(), session_->tokens(), session_->text_scratch(), &token);
      if (status.ok() && vocab.IsStop(token)) {
        why = AnswerEnd::kStop;
        break;
      }
      if (status.ok()) status = session_->Decode(token);
      if (!status.ok()) break;
      ++count;
      stream.Put(token, show);
      if (!wanted) {
        why = AnswerEnd::kInterrupted;
        break;
      }
    }
    stream.Flush(show);
    if (end != nullptr) *end = why;
    if (tokens != nullptr) *tokens = count;
    return status;
  }

  // Prompt("user", content), then Generate.
  template <class Sink>
  Status Ask(std::string_view content, uint32_t max_tokens, Sink&& sink) {
    LFM2_RETURN_IF_ERROR(Prompt("user", content));
    return Generate(max_tokens, sink);
  }

 private:
  Status CheckOpen() const {
    if (session_ != nullptr) return Status();
    return Status(StatusCode::kFailedPrecondition, "Conversation", "is not open");
  }

  BasicSession<Kernels>* session_ = nullptr;
  ConversationOptions options_;
  Sampler sampler_;
};

using Conversation = BasicConversation<SimdKernels>;

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_RUNTIME_CONVERSATION_INL_H_
