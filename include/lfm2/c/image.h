// A model image. C99.
#ifndef LFM2_C_IMAGE_H_
#define LFM2_C_IMAGE_H_

#include "lfm2/c/storage.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define LFM2_MAX_LAYERS 128
enum { LFM2_LAYER_SHORT_CONV, LFM2_LAYER_ATTENTION };

// The shape of a model.
typedef struct lfm2_model_config {
  uint32_t hidden_size;
  uint32_t layers;
  uint32_t heads;
  uint32_t kv_heads;
  uint32_t head_dim;
  uint32_t dense_layers;   // leading layers with a dense feed forward; all of them in a dense model
  uint32_t dense_ff_size;  // width of a dense feed forward; 0 if there is none
  uint32_t experts;        // 0 in a dense model
  uint32_t experts_per_token;
  uint32_t expert_ff_size;
  uint32_t vocab_size;
  uint32_t context_length;  // positions the model was trained for
  uint32_t conv_kernel;     // taps of the short convolution
  bool tied_embedding;      // the LM head is the token embedding
  float norm_eps;
  float rope_theta;
  float routed_scaling_factor;
  uint8_t layer_kind[LFM2_MAX_LAYERS];  // LFM2_LAYER_*
} lfm2_model_config;

// How messages become a prompt.
typedef uint32_t lfm2_chat_template;
enum { LFM2_TEMPLATE_NONE, LFM2_TEMPLATE_LFM2, LFM2_TEMPLATE_LFM2_5 };

#define LFM2_NO_TOKEN (-1)

typedef struct lfm2_image_info {
  const char* name;  // what the publisher called the model; may be empty; valid until the image is closed
  uint64_t file_bytes;
  uint64_t pinned_bytes;
  uint64_t front_bytes;  // what of the file has to be in memory, from its start to the first expert
  uint32_t fingerprint;  // differs between models and their quantisations
  uint32_t tensor_count;
  uint32_t moe_layers;
  bool is_streamed;  // experts are read as they are needed
  bool add_bos;      // the model expects a prompt to begin with `bos`
  int32_t bos;       // tokens, or LFM2_NO_TOKEN
  int32_t eos;
  int32_t pad;
  lfm2_chat_template chat_template;
} lfm2_image_info;

// Views into a storage; copies nothing but the shape. The storage outlives it, it outlives every session opened on it.
// Reading may be done from several threads.
LFM2_OPAQUE(lfm2_image, 1152, 8);

// Checks header, directory, vocabulary and every size; of a storage with addresses the weights themselves are not read.
// Errors: LFM2_FAILED_PRECONDITION if open already or the storage is not; LFM2_INVALID_ARGUMENT for a storage that has
// to be read; LFM2_CORRUPT and LFM2_UNSUPPORTED name the field.
LFM2_MUST_CHECK lfm2_status lfm2_image_open(lfm2_image* image, const lfm2_storage* storage);
// The same of either kind of storage. Where it has to be read, the front of the file, up to the first expert, is read
// into the front of the arena and its CRC checked; *rest and *rest_bytes are what of the arena is left, for the
// session. arena: aligned to 4096 bytes, outlives the image. Errors: as above; LFM2_ARENA_TOO_SMALL; what the device
// reports.
LFM2_MUST_CHECK lfm2_status lfm2_image_open_read(lfm2_image* image, const lfm2_storage* storage, void* arena,
                                                 size_t arena_bytes, void** rest, size_t* rest_bytes);
// No session may be open on it. Closing twice does nothing.
void lfm2_image_close(lfm2_image* image);
bool lfm2_image_is_open(const lfm2_image* image);

LFM2_MUST_CHECK lfm2_status lfm2_image_info_of(const lfm2_image* image, lfm2_image_info* info);
LFM2_MUST_CHECK lfm2_status lfm2_image_config(const lfm2_image* image, lfm2_model_config* config);

// Reads all that is not an expert: LFM2_CORRUPT where its CRC is wrong.
LFM2_MUST_CHECK lfm2_status lfm2_image_verify(const lfm2_image* image);
// Reads one expert of an image that is not streamed. moe_layer counts from the first layer with experts.
LFM2_MUST_CHECK lfm2_status lfm2_image_verify_expert(const lfm2_image* image, uint32_t moe_layer, uint32_t expert);

// The bytes of a token, valid until the image is closed. LFM2_INVALID_ARGUMENT for an id that is no token.
LFM2_MUST_CHECK lfm2_status lfm2_image_token_text(const lfm2_image* image, int32_t token, lfm2_text* text);
// Whether it ends an answer; whether it is a special token. False for ids that are no token and while closed.
bool lfm2_image_is_stop(const lfm2_image* image, int32_t token);
bool lfm2_image_is_special(const lfm2_image* image, int32_t token);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_IMAGE_H_
