// The format in which Session::Save writes a sequence and Session::Load reads it; docs/sessions.md has it byte by byte.
#ifndef LFM2_RUNTIME_SAVED_STATE_H_
#define LFM2_RUNTIME_SAVED_STATE_H_

#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/model/options.h"
#include "lfm2/model/state.h"

namespace lfm2 {

// Receives the next bytes of a saved state, valid during the call only. Returns false if it cannot store them.
using StateSink = FunctionRef<bool(Span<const std::byte> bytes)>;
// Fills the span with the next bytes of a saved state. Returns false if there are not enough or they cannot be read.
using StateSource = FunctionRef<bool(Span<std::byte> bytes)>;

// Data of the program that is saved with a state. The session does not interpret it.
struct StateNote {
  // The capacity of a note in bytes.
  static constexpr uint32_t kCapacity = 256;

  uint32_t size = 0;               // bytes in use
  std::byte data[kCapacity] = {};  // the first `size` bytes are kept
};

// The magic bytes of a saved state.
inline constexpr char kSavedStateMagic[8] = {'L', 'F', 'M', '2', 'S', 'T', 'A', 'T'};
inline constexpr uint32_t kSavedStateVersion = 1;
inline constexpr uint8_t kSavedStateHasLogits = 1;  // a flag

// The beginning of a saved state.
struct SavedStateHeader {
  char magic[8];  // kSavedStateMagic
  uint32_t version;
  uint32_t header_bytes;
  uint64_t total_bytes;  // of the saved state, this header included
  uint32_t model;        // Image::fingerprint
  uint32_t position;
  uint32_t vocab_size;
  uint32_t hidden_size;
  uint32_t attention_layers;
  uint32_t kv_heads;
  uint32_t head_dim;
  uint32_t conv_floats;  // of all convolution layers
  uint16_t note_bytes;
  uint8_t kv_cache;  // KvCacheType
  uint8_t flags;
  uint32_t crc;  // CRC-32C of the fields before
};
static_assert(sizeof(SavedStateHeader) == 64 && offsetof(SavedStateHeader, crc) == 60, "as docs/sessions.md says");
static_assert(static_cast<uint8_t>(KvCacheType::kF16) == 0 && static_cast<uint8_t>(KvCacheType::kF32) == 1 &&
                  static_cast<uint8_t>(KvCacheType::kInt8) == 2,
              "these numbers are in saved states");

// Bytes that Save writes for `position` positions. with_logits: as passed to Save, where the session has logits. config
// has passed CheckConfig.
constexpr uint64_t SavedStateBytes(const ModelConfig& config, const SessionOptions& options, uint32_t position,
                                   bool with_logits = false, uint32_t note_bytes = 0) {
  constexpr uint64_t kCrc = sizeof(uint32_t);
  uint64_t bytes = sizeof(SavedStateHeader) + note_bytes + kCrc + 3 * uint64_t{position} + kCrc;
  bytes += State::ConvFloats(config) * sizeof(float) + kCrc;
  bytes += config.attention_layers() *
           (2 * KvCacheBytes(options.kv_cache, config.kv_heads, position, config.head_dim) + kCrc);
  if (with_logits) bytes += (uint64_t{config.vocab_size} + config.hidden_size) * sizeof(float) + kCrc;
  return bytes;
}

// Checks the header of the saved state that begins with `bytes` and copies it to *header. Errors: kCorrupt;
// kUnsupported for the version or the flags of a later library.
LFM2_FUNCTION Status ReadSavedStateHeader(Span<const std::byte> bytes, SavedStateHeader* header);

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SAVED_STATE_H_
