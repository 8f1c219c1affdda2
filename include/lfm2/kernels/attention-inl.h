// Attention of the query heads that share one key/value head, for one token: softmax in one pass over blocks of
// positions (Milakov and Gimelshein 2018), no temporary that grows with the context.
#if defined(LFM2_KERNELS_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_ATTENTION_INL_H_
#undef LFM2_KERNELS_ATTENTION_INL_H_
#else
#define LFM2_KERNELS_ATTENTION_INL_H_
#endif

#include <cmath>

#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/kernels/target-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

HWY_INLINE VF LoadKv(const uint16_t* p) { return LoadF16(p); }
HWY_INLINE VF LoadKv(const float* p) { return hn::LoadU(DF(), p); }

// scores[64] = q . key of each position of the block that begins at keys; positions from `valid` on become -inf.
// Returns the highest.
template <class T>
inline float BlockScores(const float* HWY_RESTRICT q, const T* HWY_RESTRICT keys, uint32_t head_dim, float scale,
                         uint32_t valid, float* HWY_RESTRICT scores) {
  const DF df;
  const DI32 di;
  VF highest = hn::Set(df, -INFINITY);
  for (uint32_t j = 0; j < kAttentionBlock; j += static_cast<uint32_t>(hn::Lanes(df))) {
    const T* HWY_RESTRICT key = keys + size_t{j / kKeyBlock} * kKeyBlock * head_dim + j % kKeyBlock;
    VF even = hn::Zero(df), odd = hn::Zero(df);
    for (size_t d = 0; d < head_dim; d += 2) {
      even = hn::MulAdd(LoadKv(key + d * kKeyBlock), hn::Set(df, q[d]), even);
      odd = hn::MulAdd(LoadKv(key + (d + 1) * kKeyBlock), hn::Set(df, q[d + 1]), odd);
    }
    const VI32 position = hn::Iota(di, static_cast<int32_t>(j));
    const auto is_valid = hn::RebindMask(df, hn::Lt(position, hn::Set(di, static_cast<int32_t>(valid))));
    const VF score = hn::IfThenElse(is_valid, hn::Mul(hn::Add(even, odd), hn::Set(df, scale)), hn::Set(df, -INFINITY));
    hn::StoreU(score, df, scores + j);
    highest = hn::Max(highest, score);
  }
  return hn::ReduceMax(df, highest);
}

template <class T>
inline void AttendHead(const float* HWY_RESTRICT q, uint32_t position, const KvCache& kv, uint32_t kv_head,
                       float* HWY_RESTRICT out) {
  const DF df;
  const size_t lanes = hn::Lanes(df);
  const uint32_t head_dim = kv.head_dim;
  const T* keys = static_cast<const T*>(kv.keys) + kv.HeadOffset(kv_head);
  const T* values = static_cast<const T*>(kv.values) + kv.HeadOffset(kv_head);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  alignas(64) float scores[kAttentionBlock];
  float highest = -INFINITY, sum = 0.0f;
  for (size_t d = 0; d < head_dim; d += lanes) hn::StoreU(hn::Zero(df), df, out + d);
  for (uint32_t begin = 0; begin <= position; begin += kAttentionBlock) {
    const uint32_t valid = Min(kAttentionBlock, position + 1 - begin);
    const float block_highest = BlockScores(q, keys + kv.KeyOffset(begin), head_dim, scale, valid, scores);
    const float new_highest = Max(highest, block_highest);
    VF block_sum = hn::Zero(df);
    for (size_t j = 0; j < kAttentionBlock; j += lanes) {
      const VF p = Exp(hn::Sub(hn::LoadU(df, scores + j), hn::Set(df, new_highest)));
      hn::StoreU(p, df, scores + j);
      block_sum = hn::Add(block_sum, p);
    }
    // What was summed so far counts less now that a higher score is known; exp(-inf) = 0 in the first block.
    const float fade = hn::GetLane(Exp(hn::Set(df, highest - new_highest)));
    sum = sum * fade + hn::ReduceSum(df, block_sum);
    highest = new_highest;
    const VF fade_v = hn::Set(df, fade);
    for (size_t d = 0; d < head_dim; d += lanes) {
      VF acc = hn::Mul(hn::LoadU(df, out + d), fade_v);
      for (uint32_t j = 0; j < valid; ++j) {
        acc = hn::MulAdd(LoadKv(values + kv.ValueOffset(begin + j) + d), hn::Set(df, scores[j]), acc);
      }
      hn::StoreU(acc, df, out + d);
    }
  }
  const VF inverse = hn::Set(df, 1.0f / sum);
  for (size_t d = 0; d < head_dim; d += lanes) hn::StoreU(hn::Mul(hn::LoadU(df, out + d), inverse), df, out + d);
}

// out[queries, head_dim] = attention of q[queries, head_dim] over positions 0..position.
inline void Attend(const float* q, uint32_t queries, uint32_t position, const KvCache& kv, uint32_t kv_head,
                   float* out) {
  for (uint32_t h = 0; h < queries; ++h) {
    const size_t at = size_t{h} * kv.head_dim;
    if (kv.type == KvCacheType::kF16) {
      AttendHead<uint16_t>(q + at, position, kv, kv_head, out + at);
    } else {
      AttendHead<float>(q + at, position, kv, kv_head, out + at);
    }
  }
}

// Writes one head's key and value [head_dim] of a position.
inline void StoreKv(const KvCache& kv, uint32_t kv_head, uint32_t position, const float* key, const float* value) {
  const size_t k = kv.HeadOffset(kv_head) + kv.KeyOffset(position);
  const size_t v = kv.HeadOffset(kv_head) + kv.ValueOffset(position);
  for (size_t d = 0; d < kv.head_dim; ++d) {
    if (kv.type == KvCacheType::kF16) {
      static_cast<uint16_t*>(kv.keys)[k + d * kKeyBlock] = F16FromF32(key[d]);
      static_cast<uint16_t*>(kv.values)[v + d] = F16FromF32(value[d]);
    } else {
      static_cast<float*>(kv.keys)[k + d * kKeyBlock] = key[d];
      static_cast<float*>(kv.values)[v + d] = value[d];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_ATTENTION_INL_H_
