// Routing traces: the experts that a model chose for each token, recorded while it runs, for simulating caches.
#ifndef LFM2_PROGRAMS_STORAGE_ROUTING_TRACE_H_
#define LFM2_PROGRAMS_STORAGE_ROUTING_TRACE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/format/image.h"
#include "lfm2/layers/observer.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// The file, little-endian, version 1:
//   "LFM2ROUT", u32 version, u32 moe_layers, u32 first_moe_layer, u32 experts, u32 experts_per_token, u32 0, u64
//   tokens, the model's name in 64 bytes, filled up with zeros (at least one); u64 record_bytes[moe_layers]; for each
//   token: u8 TokenKind, then chosen[moe_layers, experts_per_token], best first, each a u8, or a u16 where there are
//   more than 256 experts.
struct RoutingTrace {
  enum class TokenKind : uint8_t {
    kDecoded = 0,     // one by one
    kChunkBegin = 1,  // the first of a prefill chunk
    kChunkMore = 2,   // of the same chunk as the token before it
  };

  std::string model_name;
  uint32_t moe_layers = 0;
  uint32_t first_moe_layer = 0;
  uint32_t experts = 0;
  uint32_t experts_per_token = 0;
  std::vector<uint64_t> record_bytes;  // [moe_layers] of one expert, as read from a device
  std::vector<TokenKind> kinds;        // [tokens]
  std::vector<uint16_t> chosen;        // [tokens, moe_layers, experts_per_token]

  size_t tokens() const { return kinds.size(); }
  const uint16_t* Chosen(size_t token, uint32_t moe_layer) const {
    return chosen.data() + (token * moe_layers + moe_layer) * experts_per_token;
  }
};

// name: of the file, for the Error. Checks every value: experts exist, no token chose one twice, every chunk has a
// first token.
Error ParseRoutingTrace(const std::string& name, std::string_view bytes, RoutingTrace* trace);
Error ReadRoutingTrace(const std::string& path, RoutingTrace* trace);
// The file appears when it is complete.
Error WriteRoutingTrace(const RoutingTrace& trace, const std::string& path);

// Records a trace while sessions run with its observer, and outlives them.
class RoutingRecorder {
 public:
  RoutingRecorder() = default;
  RoutingRecorder(const RoutingRecorder&) = delete;
  RoutingRecorder& operator=(const RoutingRecorder&) = delete;

  // Called once. path: of the file that Finish writes; empty: record nothing. Fails for a model without experts.
  Error Begin(const std::string& path, const Image& image);
  // Null if nothing is recorded.
  const Observer* observer() const { return path_.empty() ? nullptr : &observer_; }
  Error Finish() const;

 private:
  static void OnHidden(void* context, uint32_t layer, uint32_t position, uint32_t tokens, const float* x);
  static void OnRouting(void* context, uint32_t layer, uint32_t position, const uint16_t* experts,
                        const float* weights);

  std::string path_;
  Observer observer_{this, &OnHidden, &OnRouting};
  RoutingTrace trace_;
  size_t chunk_begin_ = 0;  // token
  uint32_t chunk_position_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_STORAGE_ROUTING_TRACE_H_
