// A session: computes the logits of a sequence of tokens. C99.
#ifndef LFM2_C_SESSION_H_
#define LFM2_C_SESSION_H_

#include "lfm2/c/image.h"
#include "lfm2/c/storage.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// The type of keys and values.
enum { LFM2_KV_F16, LFM2_KV_F32, LFM2_KV_INT8 };
enum {
  LFM2_CPU_AUTOMATIC,
  LFM2_CPU_BASELINE,
  LFM2_CPU_SSE4,
  LFM2_CPU_AVX2,
  LFM2_CPU_AVX_VNNI,
  LFM2_CPU_AVX3_DL,
  LFM2_CPU_NEON_DOTPROD,
  LFM2_CPU_NEON_I8MM,
  LFM2_CPU_SVE2
};

// A table of kernels, an opaque type.
typedef struct lfm2_kernels lfm2_kernels;
// Kernels of scalar formulas on float activations: slow, and the reference for all others. Use them with LFM2_KV_F32.
const lfm2_kernels* lfm2_reference_kernels(void);

// For lfm2_session_open.
typedef struct lfm2_session_options {
  uint32_t context_length;  // positions for prompt and answer. 0: the model's context_length, at most 4,096
  uint32_t prefill_chunk;   // tokens that prefill computes at a time; results do not depend on it
  uint32_t kv_cache;        // LFM2_KV_*
  uint32_t logits_rows;     // positions whose logits are computed together by lfm2_session_prefill_logits
  uint32_t max_word_bytes;  // longest word in a prompt (a run of letters, of white space or of punctuation)
  uint64_t arena_bytes;     // where experts are read: total with the image's front part; 0: a reasonable minimum
  uint32_t read_retries;    // how often a record is read again after an error or a wrong CRC
  bool read_ahead;          // decode reads the experts that the next layer is predicted to need
  float prefer_resident;    // 0 .. 1: prefer experts in memory to others whose biased score is at most so much higher
  float drop_below;         // 0 .. 1: drop an expert that is not in memory if its share is smaller
  // Exact speculative decoding: at most so many tokens, up to 16, are guessed and computed with a decoded one; results
  // are bit-equal. Needs now_ns; nothing is guessed where experts are read. 0: off.
  uint32_t draft_tokens;
  uint64_t (*now_ns)(void* user);  // a clock with any origin, such as lfm2_monotonic_ns; NULL if there is none
  void* clock_user;                // passed to now_ns; must outlive the session
  uint32_t cpu_target;             // LFM2_CPU_*
  const lfm2_kernels* kernels;     // NULL: those of cpu_target
} lfm2_session_options;

// The defaults of the C++ SessionOptions.
lfm2_session_options lfm2_session_options_default(void);

// The largest number of regions.
#define LFM2_MAX_PLAN_REGIONS 16
// A part of the arena.
typedef struct lfm2_plan_region {
  const char* name;  // what it is for
  uint64_t bytes;    // rounded up to the alignment
} lfm2_plan_region;
// The memory that a session needs. Where experts are read, the arena also holds the front part of the image and the
// slots for experts.
typedef struct lfm2_plan {
  lfm2_plan_region regions[LFM2_MAX_PLAN_REGIONS];  // in the order of the arena
  uint32_t count;                                   // of regions
  uint64_t total_bytes;                             // their sum
  uint64_t front_bytes;                             // the image's front part
  uint64_t least_bytes;                             // the least total with which a session opens
  uint64_t slot_bytes;                              // of all slots
  uint32_t slots;                                   // for one expert each
  uint64_t read_bytes_per_token;                    // read by decode at most, if all experts are used equally
} lfm2_plan;

// options, here and below: copied; NULL: lfm2_session_options_default().
LFM2_MUST_CHECK lfm2_status lfm2_plan_of_config(const lfm2_model_config* config, const lfm2_session_options* options,
                                                lfm2_plan* plan);
// read_experts: as if the image had to be read, even if it has addresses.
LFM2_MUST_CHECK lfm2_status lfm2_plan_of_image(const lfm2_image* image, bool read_experts,
                                               const lfm2_session_options* options, lfm2_plan* plan);

// Statistics of reading experts. In prefill an expert counts once for each chunk that uses it.
typedef struct lfm2_stream_statistics {
  uint64_t hits;      // experts that were in memory when they were needed
  uint64_t misses;    // experts that had to be read
  uint64_t bytes;     // read, repeated reads included
  uint64_t read_ns;   // time with a read in progress
  uint64_t stall_ns;  // of that, time waiting with nothing to compute
  uint64_t retries;   // reads repeated after an error or a wrong CRC
  uint64_t ahead;     // misses whose read had started before they were needed
  uint64_t wasted;    // bytes read ahead of a layer that did not need them
} lfm2_stream_statistics;

// Counts of speculative decoding since open.
typedef struct lfm2_draft_statistics {
  uint64_t passes;    // passes that computed guesses
  uint64_t drafted;   // guessed tokens that were computed
  uint64_t accepted;  // of these, those that were right
} lfm2_draft_statistics;

// Observes a running model. Either function may be NULL. Pointers are valid during the call.
typedef struct lfm2_observer {
  void* user;  // passed to both
  // Before each layer, and at the end with layer == layers: the residual stream x[tokens, hidden_size].
  void (*hidden)(void* user, uint32_t layer, uint32_t position, uint32_t tokens, const float* x);
  // In each layer with experts, for each position: the experts_per_token chosen experts, best first, and their weights.
  void (*routing)(void* user, uint32_t layer, uint32_t position, const uint16_t* experts, const float* weights);
} lfm2_observer;

// Everything that a session writes is in its arena. One call at a time. Image, storage and arena must outlive the
// session, or its close.
LFM2_OPAQUE(lfm2_session, 2176, 8);

// arena: aligned to 64 bytes, at least the plan's total_bytes long, not overlapping the image; where experts are read,
// the rest that lfm2_image_open_read returns. executor: copied, or NULL. Errors, after which the session is closed
// unless it was already open: LFM2_FAILED_PRECONDITION if already open or the image is not; LFM2_INVALID_ARGUMENT;
// LFM2_UNSUPPORTED for options.cpu_target; LFM2_ARENA_TOO_SMALL, with the bytes needed as `limit`; LFM2_TIMEOUT where
// reads of an earlier session have not completed.
LFM2_MUST_CHECK lfm2_status lfm2_session_open(lfm2_session* session, const lfm2_image* image,
                                              const lfm2_session_options* options, void* arena, size_t arena_bytes,
                                              const lfm2_executor* executor);
// Opens an image and a session on it, for any storage. Where it has to be read, the front of the image is read to the
// front of the arena, and as many expert slots as possible are in the rest. arena: aligned to 4096 bytes where the
// storage has to be read, otherwise to 64. After an error both are closed.
LFM2_MUST_CHECK lfm2_status lfm2_open_model(const lfm2_storage* storage, const lfm2_session_options* options,
                                            void* arena, size_t arena_bytes, lfm2_image* image, lfm2_session* session,
                                            const lfm2_executor* executor);
// The same for a storage with addresses. Firmware that calls only this contains no code that reads experts.
LFM2_MUST_CHECK lfm2_status lfm2_open_model_in_place(const lfm2_storage* storage, const lfm2_session_options* options,
                                                     void* arena, size_t arena_bytes, lfm2_image* image,
                                                     lfm2_session* session, const lfm2_executor* executor);
// Releases the arena. Closing a closed session does nothing.
void lfm2_session_close(lfm2_session* session);
bool lfm2_session_is_open(const lfm2_session* session);

// Queries. While closed they return zeros, NULL and "". `count` may be NULL.
uint32_t lfm2_session_position(const lfm2_session* session);        // positions in use
uint32_t lfm2_session_context_length(const lfm2_session* session);  // positions in total
uint32_t lfm2_session_vocab_size(const lfm2_session* session);
const char* lfm2_session_kernels_name(const lfm2_session* session);  // by Highway's name: "AVX2"
// The token ids of these positions.
const int32_t* lfm2_session_tokens(const lfm2_session* session, size_t* count);
// The ids of the remaining positions: memory into which a prompt can be encoded and passed to prefill. NULL while steps
// are left.
int32_t* lfm2_session_token_room(lfm2_session* session, size_t* count);
// Scratch for text functions between two calls of the session, which overwrite it. NULL while steps are left.
void* lfm2_session_text_scratch(lfm2_session* session, size_t* bytes);
// logits[vocab_size] of the last token, which may be changed before a token is chosen; valid until the next call. NULL
// before the first token, while steps are left, and after a call that failed.
float* lfm2_session_logits(lfm2_session* session, size_t* count);
// hidden[hidden_size] of the same token, after the final norm.
const float* lfm2_session_hidden(const lfm2_session* session, size_t* count);
lfm2_stream_statistics lfm2_session_statistics(const lfm2_session* session);
lfm2_stream_statistics lfm2_session_layer_statistics(const lfm2_session* session, uint32_t moe_layer);
lfm2_draft_statistics lfm2_session_draft_statistics(const lfm2_session* session);

// Clears the sequence, and discards a call in progress: the next token is at position 0.
void lfm2_session_reset(lfm2_session* session);
// observer: copied; NULL: none.
LFM2_MUST_CHECK lfm2_status lfm2_session_set_observer(lfm2_session* session, const lfm2_observer* observer);
// Called between two steps of the blocking calls; if it returns false, they abort and return LFM2_CANCELLED. NULL:
// none.
LFM2_MUST_CHECK lfm2_status lfm2_session_set_poll(lfm2_session* session, bool (*go_on)(void* user), void* user);

// Appends tokens to the sequence and computes the logits of the last one. Errors: LFM2_FAILED_PRECONDITION if not open
// or while a call is in progress; LFM2_INVALID_ARGUMENT for no tokens or an id outside the vocabulary (`index` is its
// place); LFM2_CONTEXT_FULL; LFM2_CANCELLED; LFM2_NOT_FINITE; where experts are read LFM2_IO, LFM2_TIMEOUT and
// LFM2_CORRUPT, with the record as `index`, and with the first two the byte of the storage as `limit`. After an error
// none of the tokens is part of the sequence, and the same call may be repeated.
LFM2_MUST_CHECK lfm2_status lfm2_session_prefill(lfm2_session* session, const int32_t* tokens, size_t count);
// Prefill of one token.
LFM2_MUST_CHECK lfm2_status lfm2_session_decode(lfm2_session* session, int32_t token);
// Prefill in steps: begin accepts the tokens, which need not outlive it, and computes nothing; step computes the
// operator or the feed forward of one layer for up to prefill_chunk tokens, or a part of the logits. A single token
// that was guessed correctly (draft_tokens) has no steps.
LFM2_MUST_CHECK lfm2_status lfm2_session_begin(lfm2_session* session, const int32_t* tokens, size_t count);
LFM2_MUST_CHECK lfm2_status lfm2_session_step(lfm2_session* session);
// Number of calls of step until logits are available; 0: no call is in progress.
uint32_t lfm2_session_steps_left(const lfm2_session* session);
// Computes all remaining steps.
LFM2_MUST_CHECK lfm2_status lfm2_session_finish(lfm2_session* session);
// Discards the call in progress: the sequence is as it was before begin.
void lfm2_session_abort(lfm2_session* session);

// For each token of a prompt, in order: logits[vocab_size] or hidden[hidden_size], valid during the call.
typedef void (*lfm2_position_sink)(void* user, uint32_t position, const float* values, size_t count);
// Prefill that calls sink for every token. The sink must not call the session.
LFM2_MUST_CHECK lfm2_status lfm2_session_prefill_logits(lfm2_session* session, const int32_t* tokens, size_t count,
                                                        lfm2_position_sink sink, void* user);
// The same with hidden states after the final norm, from which embeddings are made; there are no logits afterwards.
LFM2_MUST_CHECK lfm2_status lfm2_session_prefill_hidden(lfm2_session* session, const int32_t* tokens, size_t count,
                                                        lfm2_position_sink sink, void* user);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_SESSION_H_
