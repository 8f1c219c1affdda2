// The definitions of image.h.
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
                  LFM2_TEMPLATE_LFM2 == static_cast<int>(ChatTemplate::kLfm2) &&
                  LFM2_TEMPLATE_LFM2_5 == static_cast<int>(ChatTemplate::kLfm2_5),
              "the same numbers");

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
  info->chat_template = static_cast<lfm2_chat_template>(vocab.chat_template());
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
    return c_api::ToC(Status(StatusCode::kInvalidArgument, "token", "is not one of the vocabulary",
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
