// Keys and values of one attention layer, laid out for the attention kernels.
#ifndef LFM2_KERNELS_KV_CACHE_H_
#define LFM2_KERNELS_KV_CACHE_H_

#include "lfm2/base/config.h"

namespace lfm2 {

enum class KvCacheType : uint8_t {
  kF16,  // 2 bytes a value
  kF32,  // exact; for comparisons
};

constexpr uint32_t BytesOf(KvCacheType type) { return type == KvCacheType::kF16 ? 2 : 4; }

// Positions whose keys lie interleaved, so that SIMD lanes are positions.
inline constexpr uint32_t kKeyBlock = 16;
// Positions that attention handles at a time; blocks begin at multiples of it, whatever the chunk size, so that the
// order of every sum is the same for every way of feeding the tokens.
inline constexpr uint32_t kAttentionBlock = 64;

// A view of one layer, all heads. Elements are float16 bits (uint16_t) or float, by `type`. What lies behind the last
// stored position is never used, whatever it holds.
struct KvCache {
  void* keys = nullptr;    // [kv_heads, capacity / kKeyBlock, head_dim, kKeyBlock]
  void* values = nullptr;  // [kv_heads, capacity, head_dim]
  uint32_t capacity = 0;   // positions, a multiple of kAttentionBlock
  uint32_t head_dim = 0;
  KvCacheType type = KvCacheType::kF16;

  // First element of one head's keys or values.
  size_t HeadOffset(uint32_t kv_head) const { return size_t{kv_head} * capacity * head_dim; }
  // Element (position, dim = 0) of the keys, from HeadOffset; the next dim is kKeyBlock elements on.
  size_t KeyOffset(uint32_t position) const {
    return size_t{position / kKeyBlock} * head_dim * kKeyBlock + position % kKeyBlock;
  }
  size_t ValueOffset(uint32_t position) const { return size_t{position} * head_dim; }
};

}  // namespace lfm2

#endif  // LFM2_KERNELS_KV_CACHE_H_
