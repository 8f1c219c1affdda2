// Definitions of text.h.
#ifndef LFM2_C_TEXT_IMPL_H_
#define LFM2_C_TEXT_IMPL_H_

#include <string_view>

#include "lfm2.h"
#include "lfm2/c/image_impl.h"
#include "lfm2/c/object.h"
#include "lfm2/c/text.h"

namespace lfm2::c_api {

struct TextStreamObject {
  bool is_open = false;
  TextStream stream;
};
template <>
struct ContentOf<lfm2_text_stream> {
  using Type = TextStreamObject;
  static constexpr const char* kName = "stream";
  static constexpr bool kHasResources = false;
};
template <>
struct ContentOf<lfm2_sampler> {
  using Type = Sampler;
  static constexpr const char* kName = "sampler";
  static constexpr bool kHasResources = false;
};

static_assert(LFM2_ROLE_TOOL == static_cast<int>(ChatRole::kTool), "the same numbers");

LFM2_NOINLINE inline Status CheckMessages(const lfm2_chat_message* messages, size_t count) {
  LFM2_RETURN_IF_ERROR(CheckArray(messages, count, "messages"));
  for (size_t i = 0; i < count; ++i) {
    const lfm2_chat_message& m = messages[i];
    Status status = CheckEnum(m.role, LFM2_ROLE_TOOL, "message.role");
    if (status.ok()) status = CheckText(m.content, "message.content");
    if (status.ok()) status = CheckText(m.thinking, "message.thinking");
    if (status.ok()) status = CheckTexts(m.tool_calls, m.tool_call_count, "message.tool_calls");
    if (!status.ok()) return status.At(static_cast<uint32_t>(i));
  }
  return Status();
}

// m: checked.
inline ChatMessage MessageFromC(const lfm2_chat_message& m) {
  ChatMessage message = {static_cast<ChatRole>(m.role), ViewOf(m.content), ViewOf(m.thinking)};
  if (m.tool_calls != nullptr) message.tool_calls = ListOf(m.tool_calls, m.tool_call_count);
  return message;
}
inline ChatMessage MessageAt(const void* messages, size_t i) {
  return MessageFromC(static_cast<const lfm2_chat_message*>(messages)[i]);
}

inline Status PromptFromC(const lfm2_chat_prompt* c, ChatPrompt* prompt) {
  LFM2_RETURN_IF_ERROR(CheckPointer(c, "prompt"));
  LFM2_RETURN_IF_ERROR(CheckMessages(c->messages, c->message_count));
  LFM2_RETURN_IF_ERROR(CheckTexts(c->tools, c->tool_count, "prompt.tools"));
  LFM2_RETURN_IF_ERROR(CheckText(c->date, "prompt.date"));
  LFM2_RETURN_IF_ERROR(CheckText(c->answer, "prompt.answer"));
  LFM2_RETURN_IF_ERROR(CheckText(c->joint, "prompt.joint"));
  prompt->messages = {c->messages, c->message_count, &MessageAt};
  prompt->tools = ListOf(c->tools, c->tool_count);
  prompt->date = ViewOf(c->date);
  prompt->add_generation_prompt = !c->no_generation_prompt;
  prompt->first = c->first;
  prompt->continues = c->continues;
  prompt->answer = ViewOf(c->answer);
  prompt->joint = ViewOf(c->joint);
  return Status();
}

static_assert(LFM2_UNSET == kUnset && LFM2_UNSET_COUNT == kUnsetCount, "the same values");

inline SamplerOptions SamplerFromC(const lfm2_sampler_options& c) {
  SamplerOptions options;
  options.temperature = c.temperature;
  options.top_k = c.top_k;
  options.top_p = c.top_p;
  options.min_p = c.min_p;
  options.repetition_penalty = c.repetition_penalty;
  options.seed = c.seed;
  return options;
}

inline lfm2_sampler_options SamplingToC(const Sampling& from) {
  lfm2_sampler_options options = {};
  options.temperature = from.temperature;
  options.top_k = from.top_k;
  options.top_p = from.top_p;
  options.min_p = from.min_p;
  options.repetition_penalty = from.repetition_penalty;
  return options;
}

// Checks the arguments of functions that write tokens.
inline Status CheckEncode(const void* scratch, size_t scratch_bytes, const int32_t* tokens, size_t capacity,
                          const size_t* count) {
  LFM2_RETURN_IF_ERROR(CheckArray(scratch, scratch_bytes, "scratch"));
  LFM2_RETURN_IF_ERROR(CheckArray(tokens, capacity, "tokens"));
  return CheckPointer(count, "count");
}

inline Status EnterOpen(lfm2_text_stream* c, lfm2_text_sink sink, TextStream** stream) {
  TextStreamObject* object = nullptr;
  LFM2_RETURN_IF_ERROR(Enter(c, &object));
  if (!object->is_open) return Status(StatusCode::kFailedPrecondition, "stream", "is not open");
  *stream = &object->stream;
  return CheckFunction(sink, "sink");
}

}  // namespace lfm2::c_api

uint64_t lfm2_encode_scratch_bytes(uint64_t max_word_bytes) { return lfm2::Tokenizer::ScratchBytes(max_word_bytes); }

lfm2_status lfm2_encode(const lfm2_image* image, lfm2_text text, const lfm2_encode_options* options, void* scratch,
                        size_t scratch_bytes, int32_t* tokens, size_t capacity, size_t* count) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckText(text, "text"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckEncode(scratch, scratch_bytes, tokens, capacity, count));
  EncodeOptions all;
  if (options != nullptr) all = {options->parse_special, options->add_bos};
  return c_api::ToC(
      Tokenizer(object->vocab())
          .Encode(c_api::ViewOf(text), all, c_api::BytesOf(scratch, scratch_bytes), {tokens, capacity}, count));
}

lfm2_status lfm2_decode(const lfm2_image* image, const int32_t* tokens, size_t count, bool show_special, char* out,
                        size_t capacity, size_t* bytes) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(tokens, count, "tokens"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(out, capacity, "out"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(bytes, "bytes"));
  return c_api::ToC(Detokenize(object->vocab(), {tokens, count}, show_special, {out, capacity}, bytes));
}

lfm2_status lfm2_text_stream_open(lfm2_text_stream* stream, const lfm2_image* image, bool show_special) {
  using namespace lfm2;
  c_api::TextStreamObject* object = nullptr;
  const Image* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(stream, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &from));
  object->stream = TextStream(from->vocab(), show_special);
  object->is_open = true;
  return c_api::ToC(Status());
}

lfm2_status lfm2_text_stream_put(lfm2_text_stream* stream, int32_t token, lfm2_text_sink sink, void* user) {
  lfm2::TextStream* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::EnterOpen(stream, sink, &object));
  object->Put(token, [&](std::string_view text) { sink(user, text.data(), text.size()); });
  return lfm2::c_api::ToC(lfm2::Status());
}

lfm2_status lfm2_text_stream_flush(lfm2_text_stream* stream, lfm2_text_sink sink, void* user) {
  lfm2::TextStream* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::EnterOpen(stream, sink, &object));
  object->Flush([&](std::string_view text) { sink(user, text.data(), text.size()); });
  return lfm2::c_api::ToC(lfm2::Status());
}

lfm2_status lfm2_chat_render(const lfm2_chat_format* format, lfm2_text bos, const lfm2_chat_prompt* prompt,
                             lfm2_chat_sink sink, void* user) {
  using namespace lfm2;
  ChatFormat pieces;
  ChatPrompt all;
  LFM2_C_RETURN_IF_ERROR(c_api::FormatFromC(format, &pieces));
  LFM2_C_RETURN_IF_ERROR(c_api::PromptFromC(prompt, &all));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckText(bos, "bos"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(sink, "sink"));
  return c_api::ToC(RenderChat(pieces, c_api::ViewOf(bos), all, [&](ChatPiece piece) {
    sink(user, piece.text.data(), piece.text.size(), piece.is_template);
  }));
}

uint64_t lfm2_chat_scratch_bytes(uint64_t max_word_bytes) { return lfm2::ChatScratchBytes(max_word_bytes); }

lfm2_status lfm2_chat_encode(const lfm2_image* image, const lfm2_chat_format* format, const lfm2_chat_prompt* prompt,
                             bool content_specials, void* scratch, size_t scratch_bytes, int32_t* tokens,
                             size_t capacity, size_t* count) {
  using namespace lfm2;
  const Image* object = nullptr;
  ChatPrompt all;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  ChatFormat pieces = object->vocab().chat_format();
  if (format != nullptr) LFM2_C_RETURN_IF_ERROR(c_api::FormatFromC(format, &pieces));
  LFM2_C_RETURN_IF_ERROR(c_api::PromptFromC(prompt, &all));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckEncode(scratch, scratch_bytes, tokens, capacity, count));
  return c_api::ToC(EncodeChat(Tokenizer(object->vocab()), pieces, all, content_specials,
                               c_api::BytesOf(scratch, scratch_bytes), {tokens, capacity}, count));
}

lfm2_sampler_options lfm2_sampler_options_default(void) { return lfm2::c_api::SamplingToC(lfm2::Sampling()); }

lfm2_status lfm2_image_sampling(const lfm2_image* image, lfm2_sampler_options* options) {
  const lfm2::Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::CheckPointer(options, "options"));
  *options = lfm2::c_api::SamplingToC(object->sampling());
  return lfm2::c_api::ToC(lfm2::Status());
}

lfm2_status lfm2_sampler_configure(lfm2_sampler* sampler, const lfm2_sampler_options* options) {
  using namespace lfm2;
  Sampler* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(sampler, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(options, "options"));
  return c_api::ToC(object->Configure(c_api::SamplerFromC(*options)));
}

uint64_t lfm2_sampler_scratch_bytes(uint64_t vocab_size) { return lfm2::Sampler::ScratchBytes(vocab_size); }

lfm2_status lfm2_sampler_sample(lfm2_sampler* sampler, const float* logits, size_t logit_count, const int32_t* history,
                                size_t history_count, void* scratch, size_t scratch_bytes, int32_t* token) {
  using namespace lfm2;
  Sampler* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(sampler, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(logits, logit_count, "logits"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(history, history_count, "history"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(scratch, scratch_bytes, "scratch"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(token, "token"));
  return c_api::ToC(
      object->Sample({logits, logit_count}, {history, history_count}, c_api::BytesOf(scratch, scratch_bytes), token));
}

lfm2_status lfm2_sampler_random_state(const lfm2_sampler* sampler, uint64_t* state) {
  using namespace lfm2;
  const Sampler* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(sampler, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(state, "state"));
  *state = object->random_state();
  return c_api::ToC(Status());
}

lfm2_status lfm2_sampler_set_random_state(lfm2_sampler* sampler, uint64_t state) {
  lfm2::Sampler* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::Enter(sampler, &object));
  object->SetRandomState(state);
  return lfm2::c_api::ToC(lfm2::Status());
}

float lfm2_log_probability(const float* logits, size_t count, int32_t token) {
  return lfm2::LogProbability(logits == nullptr ? lfm2::Span<const float>() : lfm2::Span<const float>(logits, count),
                              token);
}

#endif  // LFM2_C_TEXT_IMPL_H_
