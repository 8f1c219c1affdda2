// The state of a sequence: keys and values of attention layers, the last inputs of convolutions.
#ifndef LFM2_MODEL_STATE_H_
#define LFM2_MODEL_STATE_H_

#include <cstring>

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/model/options.h"

namespace lfm2 {

// Its data is in the session's arena; a copy is another view of it.
class State {
 public:
  // Carve what a session with these (normalized) options needs; with a counting arena they only count.
  constexpr void CarveKv(const ModelConfig& config, const SessionOptions& options, Arena& arena) {
    type_ = options.kv_cache;
    head_dim_ = config.head_dim;
    // Counted in 64 bits, because a plan may be requested before the options are checked.
    const uint64_t capacity = RoundUp<uint64_t>(options.context_length, kAttentionBlock);
    capacity_ = static_cast<uint32_t>(capacity);
    kv_heads_ = config.kv_heads;
    kv_layer_bytes_ = KvCacheBytes(type_, kv_heads_, capacity, head_dim_);
    kv_ = arena.Carve<std::byte>(2 * kv_layer_bytes_ * config.attention_layers());
  }
  constexpr void CarveConv(const ModelConfig& config, Arena& arena) {
    conv_layer_floats_ = (config.conv_kernel - 1) * config.hidden_size;
    conv_floats_ = static_cast<uint32_t>(ConvFloats(config));
    conv_ = arena.Carve<float>(conv_floats_);
  }
  static constexpr uint64_t ConvFloats(const ModelConfig& config) {
    return uint64_t{config.conv_kernel - 1} * config.hidden_size * (config.layers - config.attention_layers());
  }
  // Room for one copy of the convolution state, for Save and Restore.
  constexpr void CarveSaved(Arena& arena) { saved_ = arena.Carve<float>(conv_floats_); }
  // Room for the convolution state after each of `tokens` guessed tokens.
  constexpr void CarveDrafted(uint64_t tokens, Arena& arena) { drafted_ = arena.Carve<float>(tokens * conv_floats_); }

  // Forgets everything: the next token is at position 0. Keys and values stay as they are: attention never reads beyond
  // the last position.
  void Reset() { std::memset(conv_, 0, sizeof(float) * conv_floats_); }

  // Returns a sequence to where it was saved: convolutions are restored, and later positions of the KV cache are
  // written again anyway.
  void Save() { std::memcpy(saved_, conv_, sizeof(float) * conv_floats_); }
  void Restore() { std::memcpy(conv_, saved_, sizeof(float) * conv_floats_); }

  // n counts attention layers from 0.
  KvCache kv(uint32_t n) const {
    std::byte* const at = kv_ + static_cast<size_t>(2 * kv_layer_bytes_ * n);
    return MakeKvCache(type_, kv_heads_, capacity_, head_dim_, at, at + static_cast<size_t>(kv_layer_bytes_));
  }
  // The state of all convolution layers, one after another: the part of the state that is not append-only.
  Span<float> conv_state() const { return {conv_, conv_floats_}; }
  // [conv_kernel - 1, hidden_size] values of B * x, oldest first; n counts convolution layers from 0.
  float* conv(uint32_t n) const { return conv_ + size_t{n} * conv_layer_floats_; }
  // The same after the first guessed token; that after the next token is conv_state().size() floats further.
  float* drafted(uint32_t n) const { return drafted_ + size_t{n} * conv_layer_floats_; }
  // Sets the state to that after `count` guessed tokens, at least one.
  void TakeDrafted(uint32_t count) {
    std::memcpy(conv_, drafted_ + size_t{count - 1} * conv_floats_, sizeof(float) * conv_floats_);
  }

 private:
  std::byte* kv_ = nullptr;
  float* conv_ = nullptr;
  float* saved_ = nullptr;
  float* drafted_ = nullptr;
  uint64_t kv_layer_bytes_ = 0;
  uint32_t capacity_ = 0;
  uint32_t kv_heads_ = 0;
  uint32_t head_dim_ = 0;
  uint32_t conv_layer_floats_ = 0;
  uint32_t conv_floats_ = 0;
  KvCacheType type_ = KvCacheType::kF16;
};

}  // namespace lfm2

#endif  // LFM2_MODEL_STATE_H_
