// A model image. C99.
#ifndef LFM2_C_IMAGE_H_
#define LFM2_C_IMAGE_H_

#include "lfm2/c/storage.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// The largest number of layers.
#define LFM2_MAX_LAYERS 128
// The operator of a layer, which comes before its feed forward.
enum { LFM2_LAYER_SHORT_CONV, LFM2_LAYER_ATTENTION };

// The shape of a model.
typedef struct lfm2_model_config {
  uint32_t hidden_size;                 // width of the residual stream
  uint32_t layers;                      // an operator and a feed forward each
  uint32_t heads;                       // of queries
  uint32_t kv_heads;                    // of keys and values
  uint32_t head_dim;                    // width of a head
  uint32_t dense_layers;                // leading layers with a dense feed forward; all of them in a dense model
  uint32_t dense_ff_size;               // width of a dense feed forward; 0 if there is none
  uint32_t experts;                     // 0 in a dense model
  uint32_t experts_per_token;           // chosen by the router
  uint32_t expert_ff_size;              // width of an expert's feed forward
  uint32_t vocab_size;                  // tokens
  uint32_t context_length;              // positions the model was trained for
  uint32_t conv_kernel;                 // taps of the short convolution
  bool tied_embedding;                  // the LM head is the token embedding
  float norm_eps;                       // added to the mean square
  float rope_theta;                     // base of the rotary frequencies
  float routed_scaling_factor;          // of the experts' weights
  uint8_t layer_kind[LFM2_MAX_LAYERS];  // LFM2_LAYER_*
} lfm2_model_config;

// Values in lfm2_chat_format: which thoughts are kept, where calls are written, how arguments that are strings, lists
// or objects are spelled, and how a chat in JSON represents contents (details: lfm2/format/chat_format.h).
enum { LFM2_THOUGHTS_AS_WRITTEN, LFM2_THOUGHTS_AFTER_LAST_USER, LFM2_THOUGHTS_LAST_ANSWER };
enum { LFM2_CALLS_NOT_WRITTEN, LFM2_CALLS_AFTER_CONTENT, LFM2_CALLS_BEFORE_CONTENT };
enum { LFM2_QUOTES_ESCAPED, LFM2_QUOTES_PLAIN, LFM2_QUOTES_DOUBLE };
enum { LFM2_NESTING_JSON, LFM2_NESTING_PYTHON };
enum { LFM2_CONTENTS_JSON, LFM2_CONTENTS_JSON_OR_EMPTY, LFM2_CONTENTS_PARTS, LFM2_CONTENTS_PART_OBJECTS };
// Bits of its flags: `thinking` is written; it may have other names; thoughts and lists of calls are written if given,
// even if empty; default_system also replaces an empty system text.
enum { LFM2_CHAT_THINKING = 1, LFM2_CHAT_REASONING = 2, LFM2_CHAT_GIVEN_EMPTY = 4, LFM2_CHAT_DEFAULT_IF_EMPTY = 8 };

// How messages become a prompt: the pieces of a chat template; empty ones are not written. Owns nothing.
typedef struct lfm2_chat_format {
  lfm2_text name;            // of the template; empty where a model has none
  lfm2_text default_system;  // the system text of chats without one
  lfm2_text tools_joint;     // between system text and what follows
  lfm2_text date_begin;      // around the date, YYYY-MM-DD, which is written with tools unless this is empty
  lfm2_text date_end;        // see date_begin
  lfm2_text tools_begin;     // around the tools
  lfm2_text tools_end;       // see tools_begin
  lfm2_text response_begin;  // around the content of a tool message
  lfm2_text response_end;    // see response_begin
  lfm2_text calls_begin;     // around the calls of tools
  lfm2_text calls_end;       // see calls_begin
  lfm2_text answer;          // the beginning of every answer
  uint8_t flags;             // LFM2_CHAT_*
  uint8_t thoughts;          // LFM2_THOUGHTS_*
  uint8_t calls;             // LFM2_CALLS_*
  uint8_t quotes;            // LFM2_QUOTES_*
  uint8_t lists;             // LFM2_NESTING_*
  uint8_t objects;           // LFM2_NESTING_*
  uint8_t contents;          // LFM2_CONTENTS_*
} lfm2_chat_format;

// The id that stands for no token.
#define LFM2_NO_TOKEN (-1)

// For lfm2_image_info_of.
typedef struct lfm2_image_info {
  const char* name;       // the publisher's name of the model; may be empty; valid until the image is closed
  uint64_t file_bytes;    // of the image
  uint64_t pinned_bytes;  // of the weights that every token needs
  uint64_t front_bytes;   // size of the part of the file before the first expert, which has to be in memory
  uint32_t fingerprint;   // differs between models and their quantisations
  uint32_t tensor_count;  // entries of its directory
  uint32_t moe_layers;    // layers with experts
  bool is_streamed;       // experts are read when they are needed
  bool add_bos;           // the model expects a prompt to begin with `bos`
  int32_t bos;            // tokens, or LFM2_NO_TOKEN
  int32_t eos;            // as bos
  int32_t pad;            // as bos
} lfm2_image_info;

// Views of a storage; only the shape is copied. The storage must outlive the image, and the image every session opened
// on it. Queries may be made from several threads.
LFM2_OPAQUE(lfm2_image, 1344, 8);

// Checks header, directory, vocabulary and every size. In a storage with addresses the weights themselves are not read.
// Errors: LFM2_FAILED_PRECONDITION if already open or the storage is not; LFM2_INVALID_ARGUMENT for a storage that has
// to be read; LFM2_CORRUPT and LFM2_UNSUPPORTED, with the name of the field.
LFM2_MUST_CHECK lfm2_status lfm2_image_open(lfm2_image* image, const lfm2_storage* storage);
// The same for both kinds of storage. If it has to be read, the front of the file, up to the first expert, is read to
// the front of the arena and its CRC is checked; *rest and *rest_bytes are the rest of the arena, for the session.
// arena: aligned to 4096 bytes, must outlive the image. Errors: as above; LFM2_ARENA_TOO_SMALL; errors of the device.
LFM2_MUST_CHECK lfm2_status lfm2_image_open_read(lfm2_image* image, const lfm2_storage* storage, void* arena,
                                                 size_t arena_bytes, void** rest, size_t* rest_bytes);
// No session may be open on it. Closing a closed image does nothing.
void lfm2_image_close(lfm2_image* image);
bool lfm2_image_is_open(const lfm2_image* image);

// Facts about an image, and the shape of its model. Errors: LFM2_FAILED_PRECONDITION if it is not open.
LFM2_MUST_CHECK lfm2_status lfm2_image_info_of(const lfm2_image* image, lfm2_image_info* info);
LFM2_MUST_CHECK lfm2_status lfm2_image_config(const lfm2_image* image, lfm2_model_config* config);
// The texts are valid until the image is closed.
LFM2_MUST_CHECK lfm2_status lfm2_image_chat_format(const lfm2_image* image, lfm2_chat_format* format);

// Reads everything except experts: LFM2_CORRUPT if the CRC is wrong.
LFM2_MUST_CHECK lfm2_status lfm2_image_verify(const lfm2_image* image);
// Reads one expert of an image that is not streamed. moe_layer counts from the first layer with experts.
LFM2_MUST_CHECK lfm2_status lfm2_image_verify_expert(const lfm2_image* image, uint32_t moe_layer, uint32_t expert);

// The bytes of a token, valid until the image is closed. LFM2_INVALID_ARGUMENT for an id that is not a token.
LFM2_MUST_CHECK lfm2_status lfm2_image_token_text(const lfm2_image* image, int32_t token, lfm2_text* text);
// Whether a token ends an answer; whether it is a special token. False for ids that are not tokens, and while closed.
bool lfm2_image_is_stop(const lfm2_image* image, int32_t token);
bool lfm2_image_is_special(const lfm2_image* image, int32_t token);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_IMAGE_H_
