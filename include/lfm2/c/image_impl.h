// Definitions of image.h.
#ifndef LFM2_C_IMAGE_IMPL_H_
#define LFM2_C_IMAGE_IMPL_H_

#include <cstring>
#include <type_traits>

#include "lfm2.h"
#include "lfm2/c/image.h"
#include "lfm2/c/object.h"
#include "lfm2/c/storage_impl.h"

namespace lfm2::c_api {

template <>
struct ContentOf<lfm2_image> {
  using Type = Image;
  static constexpr const char* kName = "image";
  static constexpr bool kHasResources = false;
};

static_assert(sizeof(lfm2_model_config) == sizeof(ModelConfig) && std::is_trivially_copyable_v<ModelConfig> &&
                  offsetof(lfm2_model_config, tied_embedding) == offsetof(ModelConfig, tied_embedding) &&
                  offsetof(lfm2_model_config, layer_kind) == offsetof(ModelConfig, layer_kind) &&
                  LFM2_MAX_LAYERS == kMaxLayers,
              "copied as bytes");
static_assert(LFM2_LAYER_ATTENTION == static_cast<int>(LayerKind::kAttention) && LFM2_NO_TOKEN == kNoToken &&
                  LFM2_THOUGHTS_LAST_ANSWER == static_cast<int>(ChatThoughts::kLastAnswer) &&
                  LFM2_CALLS_BEFORE_CONTENT == static_cast<int>(ChatCalls::kBeforeContent) &&
                  LFM2_QUOTES_DOUBLE == static_cast<int>(ChatQuotes::kDouble) &&
                  LFM2_NESTING_PYTHON == static_cast<int>(ChatNesting::kPython) &&
                  LFM2_CONTENTS_PART_OBJECTS == static_cast<int>(ChatContents::kPartObjects) &&
                  LFM2_CHAT_DEFAULT_IF_EMPTY == kChatDefaultIfEmpty,
              "the same numbers");

// In the order of kChatTexts.
inline constexpr lfm2_text lfm2_chat_format::*kFormatTexts[] = {
    &lfm2_chat_format::name,        &lfm2_chat_format::default_system, &lfm2_chat_format::tools_joint,
    &lfm2_chat_format::date_begin,  &lfm2_chat_format::date_end,       &lfm2_chat_format::tools_begin,
    &lfm2_chat_format::tools_end,   &lfm2_chat_format::response_begin, &lfm2_chat_format::response_end,
    &lfm2_chat_format::calls_begin, &lfm2_chat_format::calls_end,      &lfm2_chat_format::answer};
static_assert(sizeof(kFormatTexts) / sizeof(kFormatTexts[0]) == kChatTextCount, "as many as there are");

LFM2_NOINLINE inline Status FormatFromC(const lfm2_chat_format* c, ChatFormat* format) {
  LFM2_RETURN_IF_ERROR(CheckPointer(c, "format"));
  for (uint32_t i = 0; i < kChatTextCount; ++i) {
    const lfm2_text& text = c->*kFormatTexts[i];
    const Status status = CheckText(text, "format");
    if (!status.ok()) return Status(status).At(i);
    format->*kChatTexts[i] = ViewOf(text);
  }
  LFM2_RETURN_IF_ERROR(CheckEnum(c->thoughts, LFM2_THOUGHTS_LAST_ANSWER, "format.thoughts"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->calls, LFM2_CALLS_BEFORE_CONTENT, "format.calls"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->quotes, LFM2_QUOTES_DOUBLE, "format.quotes"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->lists, LFM2_NESTING_PYTHON, "format.lists"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->objects, LFM2_NESTING_PYTHON, "format.objects"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->contents, LFM2_CONTENTS_PART_OBJECTS, "format.contents"));
  format->flags = c->flags;
  format->thoughts = static_cast<ChatThoughts>(c->thoughts);
  format->calls = static_cast<ChatCalls>(c->calls);
  format->quotes = static_cast<ChatQuotes>(c->quotes);
  format->lists = static_cast<ChatNesting>(c->lists);
  format->objects = static_cast<ChatNesting>(c->objects);
  format->contents = static_cast<ChatContents>(c->contents);
  return Status();
}

inline Status EnterOpen(const lfm2_image* c, const Image** image) {
  LFM2_RETURN_IF_ERROR(Enter(c, image));
  if ((*image)->is_open()) return Status();
  return Status(StatusCode::kFailedPrecondition, "image", "is not open");
}

}  // namespace lfm2::c_api

lfm2_status lfm2_image_open(lfm2_image* image, const lfm2_storage* storage) {
  using namespace lfm2;
  Image* object = nullptr;
  const Storage* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(storage, &from));
  return c_api::ToC(object->Open(*from));
}

lfm2_status lfm2_image_open_read(lfm2_image* image, const lfm2_storage* storage, void* arena, size_t arena_bytes,
                                 void** rest, size_t* rest_bytes) {
  using namespace lfm2;
  Image* object = nullptr;
  const Storage* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(storage, &from));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(arena, "arena"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(rest, "rest"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(rest_bytes, "rest_bytes"));
  Span<std::byte> left;
  LFM2_C_RETURN_IF_ERROR(object->Open(*from, c_api::BytesOf(arena, arena_bytes), &left));
  *rest = left.data();
  *rest_bytes = left.size();
  return c_api::ToC(Status());
}

void lfm2_image_close(lfm2_image* image) {
  lfm2::Image* const object = lfm2::c_api::Peek(image);
  if (object != nullptr) object->Close();
}

bool lfm2_image_is_open(const lfm2_image* image) {
  const lfm2::Image* const object = lfm2::c_api::Peek(image);
  return object != nullptr && object->is_open();
}

lfm2_status lfm2_image_info_of(const lfm2_image* image, lfm2_image_info* info) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(info, "info"));
  const Vocab& vocab = object->vocab();
  info->name = object->name();
  info->file_bytes = object->file_bytes();
  info->pinned_bytes = object->pinned_bytes();
  info->front_bytes = object->front_bytes();
  info->fingerprint = object->fingerprint();
  info->tensor_count = object->tensor_count();
  info->moe_layers = object->config().moe_layers();
  info->is_streamed = object->is_streamed();
  info->add_bos = vocab.add_bos();
  info->bos = vocab.bos();
  info->eos = vocab.eos();
  info->pad = vocab.pad();
  return c_api::ToC(Status());
}

lfm2_status lfm2_image_config(const lfm2_image* image, lfm2_model_config* config) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(config, "config"));
  std::memcpy(config, &object->config(), sizeof(*config));
  return c_api::ToC(Status());
}

lfm2_status lfm2_image_chat_format(const lfm2_image* image, lfm2_chat_format* format) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(format, "format"));
  const ChatFormat from = object->vocab().chat_format();
  for (uint32_t i = 0; i < kChatTextCount; ++i) {
    const std::string_view text = from.*kChatTexts[i];
    format->*c_api::kFormatTexts[i] = {text.data(), text.size()};
  }
  format->flags = from.flags;
  format->thoughts = static_cast<uint8_t>(from.thoughts);
  format->calls = static_cast<uint8_t>(from.calls);
  format->quotes = static_cast<uint8_t>(from.quotes);
  format->lists = static_cast<uint8_t>(from.lists);
  format->objects = static_cast<uint8_t>(from.objects);
  format->contents = static_cast<uint8_t>(from.contents);
  return c_api::ToC(Status());
}

lfm2_status lfm2_image_verify(const lfm2_image* image) {
  const lfm2::Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::EnterOpen(image, &object));
  return lfm2::c_api::ToC(object->VerifyPinned());
}

lfm2_status lfm2_image_verify_expert(const lfm2_image* image, uint32_t moe_layer, uint32_t expert) {
  const lfm2::Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::EnterOpen(image, &object));
  return lfm2::c_api::ToC(object->VerifyRecord(moe_layer, expert));
}

lfm2_status lfm2_image_token_text(const lfm2_image* image, int32_t token, lfm2_text* text) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(text, "text"));
  if (!object->vocab().Contains(token)) {
    return c_api::ToC(Status(StatusCode::kInvalidArgument, "token", "is not in the vocabulary",
                             static_cast<uint32_t>(token), object->vocab().size()));
  }
  const std::string_view bytes = object->vocab().TokenBytes(token);
  text->data = bytes.data();
  text->size = bytes.size();
  return c_api::ToC(Status());
}

bool lfm2_image_is_stop(const lfm2_image* image, int32_t token) {
  return lfm2_image_is_open(image) && lfm2::c_api::Peek(image)->vocab().IsStop(token);
}

bool lfm2_image_is_special(const lfm2_image* image, int32_t token) {
  return lfm2_image_is_open(image) && lfm2::c_api::Peek(image)->vocab().IsSpecial(token);
}

#endif  // LFM2_C_IMAGE_IMPL_H_
