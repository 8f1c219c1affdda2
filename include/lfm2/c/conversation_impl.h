// Definitions of conversation.h.
#ifndef LFM2_C_CONVERSATION_IMPL_H_
#define LFM2_C_CONVERSATION_IMPL_H_

#include <string_view>

#include "lfm2.h"
#include "lfm2/c/constraint_impl.h"
#include "lfm2/c/conversation.h"
#include "lfm2/c/object.h"
#include "lfm2/c/session_impl.h"
#include "lfm2/c/text_impl.h"

namespace lfm2::c_api {

// The caller's functions for the current answer.
struct AnswerHooks {
  void* user;
  void (*before_choice)(void* user, float* logits, size_t count);
  void (*on_token)(void* user, int32_t token, const float* logits, size_t count);

  static void BeforeChoice(void* context, Span<float> logits) {
    const AnswerHooks& hooks = *static_cast<const AnswerHooks*>(context);
    hooks.before_choice(hooks.user, logits.data(), logits.size());
  }
  static void OnToken(void* context, int32_t token, Span<const float> logits) {
    const AnswerHooks& hooks = *static_cast<const AnswerHooks*>(context);
    hooks.on_token(hooks.user, token, logits.data(), logits.size());
  }
};

struct ConversationObject {
  Conversation chat;
  AnswerHooks hooks;
  const Session* session;  // of the conversation while it is open
  ChatFormat format;
};
template <>
struct ContentOf<lfm2_conversation> {
  using Type = ConversationObject;
  static constexpr const char* kName = "chat";
  static constexpr bool kHasResources = false;
};

static_assert(LFM2_END_ERROR == static_cast<int>(AnswerEnd::kError) && LFM2_MAX_STOP_TEXTS == kMaxStopTexts &&
                  LFM2_MAX_STOP_TEXT_BYTES == kMaxStopTextBytes,
              "the same numbers");

// Options of an answer, and what they point to. Not copied.
struct AnswerArguments {
  AnswerOptions options;
  SamplerOptions sampler;
  std::string_view stop_texts[kMaxStopTexts];
};

LFM2_NOINLINE inline Status AnswerFromC(const lfm2_answer_options* c, ConversationObject& object, AnswerArguments* to) {
  if (c == nullptr) return Status();
  LFM2_RETURN_IF_ERROR(CheckText(c->begin, "options.begin"));
  LFM2_RETURN_IF_ERROR(CheckTexts(c->stop_texts, c->stop_text_count, "options.stop_texts"));
  if (c->stop_text_count > kMaxStopTexts) {
    return Status(StatusCode::kInvalidArgument, "options.stop_texts", "are too many", c->stop_text_count,
                  kMaxStopTexts);
  }
  for (size_t i = 0; i < c->stop_text_count; ++i) to->stop_texts[i] = ViewOf(c->stop_texts[i]);
  AnswerOptions& options = to->options;
  options.max_tokens = c->max_tokens;
  options.begin = ViewOf(c->begin);
  options.stop_texts = {to->stop_texts, c->stop_text_count};
  options.max_thought_tokens = c->max_thought_tokens;
  if (c->sampler != nullptr) {
    to->sampler = SamplerFromC(*c->sampler);
    options.sampler = &to->sampler;
  }
  if (c->constraint != nullptr) {
    GrammarConstraint* constraint = nullptr;
    LFM2_RETURN_IF_ERROR(Enter(c->constraint, &constraint));
    options.constraint = constraint;
  }
  // An answer in progress keeps its own.
  if (!object.chat.is_busy()) object.hooks = {c->user, c->before_choice, c->on_token};
  options.context = &object.hooks;
  options.before_choice = c->before_choice == nullptr ? nullptr : &AnswerHooks::BeforeChoice;
  options.on_token = c->on_token == nullptr ? nullptr : &AnswerHooks::OnToken;
  return Status();
}

LFM2_NOINLINE inline Status CheckAsk(lfm2_conversation* chat, const lfm2_chat_message* message,
                                     const lfm2_answer_options* options, ConversationObject** object,
                                     AnswerArguments* to) {
  LFM2_RETURN_IF_ERROR(Enter(chat, object));
  LFM2_RETURN_IF_ERROR(CheckPointer(message, "message"));
  LFM2_RETURN_IF_ERROR(CheckMessages(message, 1));
  return AnswerFromC(options, **object, to);
}

inline const Conversation* PeekChat(const lfm2_conversation* chat) {
  const ConversationObject* const object = Peek(chat);
  return object == nullptr ? nullptr : &object->chat;
}

}  // namespace lfm2::c_api

lfm2_conversation_options lfm2_conversation_options_default(void) {
  const lfm2::ConversationOptions from;
  lfm2_conversation_options options = {};
  options.sampler = lfm2_sampler_options_default();
  options.show_special = from.show_special;
  return options;
}

lfm2_answer_options lfm2_answer_options_default(uint32_t max_tokens) {
  lfm2_answer_options options = {};
  options.max_tokens = max_tokens;
  options.max_thought_tokens = lfm2::AnswerOptions().max_thought_tokens;
  return options;
}

lfm2_status lfm2_conversation_open(lfm2_conversation* chat, lfm2_session* session,
                                   const lfm2_conversation_options* options) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  c_api::SessionObject* on = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  object->chat.Close();
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &on));
  ConversationOptions all;
  if (options != nullptr) {
    LFM2_C_RETURN_IF_ERROR(c_api::CheckText(options->system, "options.system"));
    LFM2_C_RETURN_IF_ERROR(c_api::CheckTexts(options->tools, options->tool_count, "options.tools"));
    LFM2_C_RETURN_IF_ERROR(c_api::CheckText(options->date, "options.date"));
    all.system = c_api::ViewOf(options->system);
    all.tools = c_api::ListOf(options->tools, options->tool_count);
    all.sampler = c_api::SamplerFromC(options->sampler);
    all.show_special = options->show_special;
    all.date = c_api::ViewOf(options->date);
    if (options->chat_format != nullptr) {
      LFM2_C_RETURN_IF_ERROR(c_api::FormatFromC(options->chat_format, &object->format));
      all.chat_format = &object->format;
    }
  }
  object->session = &on->session;
  return c_api::ToC(object->chat.Open(&on->session, all));
}

void lfm2_conversation_close(lfm2_conversation* chat) {
  lfm2::c_api::ConversationObject* const object = lfm2::c_api::Peek(chat);
  if (object != nullptr) object->chat.Close();
}

bool lfm2_conversation_is_open(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return object != nullptr && object->is_open();
}

lfm2_status lfm2_conversation_add(lfm2_conversation* chat, const lfm2_chat_message* messages, size_t count) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckMessages(messages, count));
  return c_api::ToC(object->chat.Add(ListRef<ChatMessage>(messages, count, &c_api::MessageAt)));
}

lfm2_status lfm2_conversation_compute(lfm2_conversation* chat) {
  lfm2::c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::Enter(chat, &object));
  return lfm2::c_api::ToC(object->chat.Compute());
}

lfm2_status lfm2_conversation_answer(lfm2_conversation* chat, const lfm2_answer_options* options, lfm2_text_sink sink,
                                     void* user) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  c_api::AnswerArguments arguments;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(sink, "sink"));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::AnswerFromC(options, *object, &arguments));
  return c_api::ToC(object->chat.Answer(arguments.options,
                                        [&](std::string_view text) { return sink(user, text.data(), text.size()); }));
}

lfm2_status lfm2_conversation_ask(lfm2_conversation* chat, const lfm2_chat_message* message,
                                  const lfm2_answer_options* options, lfm2_text_sink sink, void* user) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  c_api::AnswerArguments arguments;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(sink, "sink"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckAsk(chat, message, options, &object, &arguments));
  return c_api::ToC(object->chat.Ask(c_api::MessageFromC(*message), arguments.options,
                                     [&](std::string_view text) { return sink(user, text.data(), text.size()); }));
}

lfm2_status lfm2_conversation_begin_answer(lfm2_conversation* chat, const lfm2_answer_options* options) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  c_api::AnswerArguments arguments;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::AnswerFromC(options, *object, &arguments));
  return c_api::ToC(object->chat.BeginAnswer(arguments.options));
}

lfm2_status lfm2_conversation_begin_ask(lfm2_conversation* chat, const lfm2_chat_message* message,
                                        const lfm2_answer_options* options) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  c_api::AnswerArguments arguments;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckAsk(chat, message, options, &object, &arguments));
  return c_api::ToC(object->chat.BeginAsk(c_api::MessageFromC(*message), arguments.options));
}

lfm2_status lfm2_conversation_step(lfm2_conversation* chat, lfm2_text_sink sink, void* user) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(sink, "sink"));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  return c_api::ToC(object->chat.Step([&](std::string_view text) { return sink(user, text.data(), text.size()); }));
}

void lfm2_conversation_abort(lfm2_conversation* chat) {
  lfm2::c_api::ConversationObject* const object = lfm2::c_api::Peek(chat);
  if (object != nullptr) object->chat.Abort();
}

bool lfm2_conversation_is_busy(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return object != nullptr && object->is_busy();
}

lfm2_answer_end lfm2_conversation_answer_end(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return static_cast<lfm2_answer_end>(object == nullptr ? lfm2::AnswerEnd::kStop : object->answer_end());
}

uint32_t lfm2_conversation_answer_tokens(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return object == nullptr ? 0 : object->answer_tokens();
}

bool lfm2_conversation_can_go_on(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return object != nullptr && object->can_go_on();
}

uint32_t lfm2_conversation_pending_tokens(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return object == nullptr ? 0 : object->pending_tokens();
}

uint32_t lfm2_conversation_room(const lfm2_conversation* chat) {
  const lfm2::Conversation* const object = lfm2::c_api::PeekChat(chat);
  return object == nullptr ? 0 : object->room();
}

lfm2_status lfm2_conversation_drop_oldest(lfm2_conversation* chat, uint32_t positions) {
  lfm2::c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::Enter(chat, &object));
  return lfm2::c_api::ToC(object->chat.DropOldest(positions));
}

#endif  // LFM2_C_CONVERSATION_IMPL_H_
