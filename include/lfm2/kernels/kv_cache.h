// Keys and values of one attention layer, laid out for the attention kernels.
#ifndef LFM2_KERNELS_KV_CACHE_H_
#define LFM2_KERNELS_KV_CACHE_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// The type of keys and values.
enum class KvCacheType : uint8_t {
  kF16,   // 2 bytes a value
  kF32,   // exact, for comparisons
  kInt8,  // 1 byte a value, and a float scale for each key and each value of a head and position
};

// Bytes of a value, without scales; 0 for a number that is no type.
constexpr uint32_t BytesOf(KvCacheType type) {
  switch (type) {
    case KvCacheType::kF16: return 2;
    case KvCacheType::kF32: return 4;
    case KvCacheType::kInt8: return 1;
  }
  return 0;
}

// Positions whose keys are interleaved, so that SIMD lanes are positions.
inline constexpr uint32_t kKeyBlock = 16;
// Positions that attention processes at a time. Blocks begin at multiples of it whatever the chunk size is, so that the
// order of every sum does not depend on how the tokens are split into chunks.
inline constexpr uint32_t kAttentionBlock = 64;
// Positions of a part, whose attention is summed separately; a multiple of kAttentionBlock. Parts begin at multiples of
// it and are joined in order, whichever thread computed them.
inline constexpr uint32_t kAttentionPart = 512;
constexpr uint32_t AttentionParts(uint32_t positions) {
  // No sum that could wrap: a plan may be asked for before the options are checked.
  return positions / kAttentionPart + (positions % kAttentionPart != 0 ? 1 : 0);
}

// State of one query's softmax: the highest score, and the sum of the weights exp(score - highest), by which the
// weighted sum of the values is finally divided.
struct AttentionSum {
  float highest;
  float sum;
};

// A view of one layer, all heads. Elements are float16 bits (uint16_t), float or int8_t, by `type`. Memory after the
// last stored position is never used, whatever it contains.
struct KvCache {
  void* keys = nullptr;    // [kv_heads, capacity / kKeyBlock, head_dim, kKeyBlock]
  void* values = nullptr;  // [kv_heads, capacity, head_dim]
  // [kv_heads, capacity] with kInt8, else nullptr. The number stored is element * scale.
  float* key_scales = nullptr;
  float* value_scales = nullptr;
  uint32_t capacity = 0;  // positions, a multiple of kAttentionBlock
  uint32_t head_dim = 0;
  KvCacheType type = KvCacheType::kF16;

  // First element of one head's keys or values.
  size_t HeadOffset(uint32_t kv_head) const { return size_t{kv_head} * capacity * head_dim; }
  // Element (position, dim = 0) of the keys, from HeadOffset; the next dim is kKeyBlock elements on.
  size_t KeyOffset(uint32_t position) const {
    return size_t{position / kKeyBlock} * head_dim * kKeyBlock + position % kKeyBlock;
  }
  size_t ValueOffset(uint32_t position) const { return size_t{position} * head_dim; }
  size_t ScaleOffset(uint32_t kv_head, uint32_t position) const { return size_t{kv_head} * capacity + position; }
};

// Bytes of the keys, or of the values, of one layer: elements, then scales.
constexpr uint64_t KvCacheBytes(KvCacheType type, uint64_t kv_heads, uint64_t capacity, uint64_t head_dim) {
  return kv_heads * capacity * (head_dim * BytesOf(type) + (type == KvCacheType::kInt8 ? sizeof(float) : 0));
}

// The cache of one layer over `keys` and `values`, of KvCacheBytes each.
inline KvCache MakeKvCache(KvCacheType type, uint32_t kv_heads, uint32_t capacity, uint32_t head_dim, std::byte* keys,
                           std::byte* values) {
  KvCache kv;
  kv.keys = keys;
  kv.values = values;
  kv.capacity = capacity;
  kv.head_dim = head_dim;
  kv.type = type;
  if (type == KvCacheType::kInt8) {
    // head_dim is a multiple of 32 and capacity of 64: the floats are aligned.
    kv.key_scales = reinterpret_cast<float*>(keys + kv.HeadOffset(kv_heads));
    kv.value_scales = reinterpret_cast<float*>(values + kv.HeadOffset(kv_heads));
  }
  return kv;
}

}  // namespace lfm2

#endif  // LFM2_KERNELS_KV_CACHE_H_
