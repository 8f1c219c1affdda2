// Attention of the query heads that share one key/value head, for one token: softmax in one pass over blocks of
// positions (Milakov and Gimelshein 2018). Parts of many blocks are joined in the same way.
#if defined(LFM2_KERNELS_ATTENTION_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_ATTENTION_INL_H_
#undef LFM2_KERNELS_ATTENTION_INL_H_
#else
#define LFM2_KERNELS_ATTENTION_INL_H_
#endif

#include <cmath>

#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/kernels/target-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

HWY_INLINE VF LoadKv(const uint16_t* p) { return LoadF16(p); }
HWY_INLINE VF LoadKv(const float* p) { return hn::LoadU(DF(), p); }
HWY_INLINE VF LoadKv(const int8_t* p) {
  return hn::ConvertTo(DF(), hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DI32>(), p)));
}

// Prefetches what the next block of positions has in place of p.
template <class T>
HWY_INLINE void PrefetchNextBlock(const T* p, size_t head_dim) {
  __builtin_prefetch(p + kAttentionBlock * head_dim, 0, 2);
}

// Queries that are computed together: every key and value is loaded and converted once for all of them, and with two
// vectors of each that makes eight sums, enough to hide the latency of an addition.
inline constexpr uint32_t kQueryTile = 4;

// scores[kAttentionBlock] of one query.
struct BlockScores {
  alignas(64) float values[kAttentionBlock];
};

// scores[h][j] = q[h, :] . key[j, :] for the positions of the block that begins at `keys`, as stored, without scales.
// q[Q, head_dim]; at least `valid` positions are computed.
template <uint32_t Q, class T>
inline void MultiplyKeys(const float* HWY_RESTRICT q, const T* HWY_RESTRICT keys, uint32_t head_dim, uint32_t valid,
                         BlockScores* HWY_RESTRICT scores) {
  const DF df;
  const size_t lanes = hn::Lanes(df);
  for (size_t j = 0; j < valid; j += 2 * lanes) {
    const T* HWY_RESTRICT left = keys + j / kKeyBlock * kKeyBlock * head_dim + j % kKeyBlock;
    const T* HWY_RESTRICT right = keys + (j + lanes) / kKeyBlock * kKeyBlock * head_dim + (j + lanes) % kKeyBlock;
    VF a0 = hn::Zero(df), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (size_t d = 0; d < head_dim; ++d) {
      PrefetchNextBlock(left + d * kKeyBlock, head_dim);
      PrefetchNextBlock(right + d * kKeyBlock, head_dim);
      const VF l = LoadKv(left + d * kKeyBlock), r = LoadKv(right + d * kKeyBlock);
#define LFM2_MULTIPLY(h)                           \
  if constexpr (h < Q) {                           \
    const VF x = hn::Set(df, q[h * head_dim + d]); \
    a##h = hn::MulAdd(l, x, a##h);                 \
    b##h = hn::MulAdd(r, x, b##h);                 \
  }
      LFM2_MULTIPLY(0) LFM2_MULTIPLY(1) LFM2_MULTIPLY(2) LFM2_MULTIPLY(3)
#undef LFM2_MULTIPLY
    }
#define LFM2_STORE(h)                                   \
  if constexpr (h < Q) {                                \
    hn::StoreU(a##h, df, scores[h].values + j);         \
    hn::StoreU(b##h, df, scores[h].values + j + lanes); \
  }
    LFM2_STORE(0) LFM2_STORE(1) LFM2_STORE(2) LFM2_STORE(3)
#undef LFM2_STORE
  }
}

// out[h, :] = out[h, :] * fade[h] + sum over j < valid of weights[h][j] * value[j, :]. out[Q, head_dim].
template <uint32_t Q, class T>
inline void AddValues(const BlockScores* HWY_RESTRICT weights, const T* HWY_RESTRICT values, uint32_t head_dim,
                      uint32_t valid, const float* HWY_RESTRICT fade, float* HWY_RESTRICT out) {
  const DF df;
  const size_t lanes = hn::Lanes(df);
  for (size_t d = 0; d < head_dim; d += 2 * lanes) {
#define LFM2_LOAD(h)                                                         \
  float* const at##h = out + (h < Q ? h : 0) * size_t{head_dim} + d;         \
  VF a##h = hn::Mul(hn::LoadU(df, at##h), hn::Set(df, fade[h < Q ? h : 0])); \
  VF b##h = hn::Mul(hn::LoadU(df, at##h + lanes), hn::Set(df, fade[h < Q ? h : 0]));
    LFM2_LOAD(0)
    LFM2_LOAD(1)
    LFM2_LOAD(2)
    LFM2_LOAD(3)
#undef LFM2_LOAD
    for (size_t j = 0; j < valid; ++j) {
      PrefetchNextBlock(values + j * head_dim + d, head_dim);
      const VF l = LoadKv(values + j * head_dim + d), r = LoadKv(values + j * head_dim + d + lanes);
#define LFM2_ADD(h)                                 \
  if constexpr (h < Q) {                            \
    const VF p = hn::Set(df, weights[h].values[j]); \
    a##h = hn::MulAdd(l, p, a##h);                  \
    b##h = hn::MulAdd(r, p, b##h);                  \
  }
      LFM2_ADD(0) LFM2_ADD(1) LFM2_ADD(2) LFM2_ADD(3)
#undef LFM2_ADD
    }
#define LFM2_STORE(h)                    \
  if constexpr (h < Q) {                 \
    hn::StoreU(a##h, df, at##h);         \
    hn::StoreU(b##h, df, at##h + lanes); \
  }
    LFM2_STORE(0) LFM2_STORE(1) LFM2_STORE(2) LFM2_STORE(3)
#undef LFM2_STORE
  }
}

// Scales the scores of a block, and turns them into weights of its values: exp(score - highest), zero from `valid` on.
// key_scales and value_scales are those of the block's positions, or nullptr. Updates *highest and *sum, and returns
// the factor for everything summed before, exp(old highest - new highest); exp(-inf) = 0 in the first block. A score
// that is an infinity or a NaN makes *sum a NaN permanently; the maximum and Exp alone would hide it.
inline float ScoresToWeights(float scale, uint32_t valid, const float* key_scales, const float* value_scales,
                             BlockScores* HWY_RESTRICT scores, float* HWY_RESTRICT highest, float* HWY_RESTRICT sum) {
  const DF df;
  const DI32 di;
  const size_t lanes = hn::Lanes(df);
  VF block_highest = hn::Set(df, -INFINITY), block_sum = hn::Zero(df);
  for (size_t j = 0; j < kAttentionBlock; j += lanes) {
    float* const at = scores->values + j;
    VF score = hn::Mul(hn::LoadU(df, at), hn::Set(df, scale));
    if (key_scales != nullptr) score = hn::Mul(score, hn::LoadU(df, key_scales + j));
    VF checked = score;
    if (j + lanes > valid) {
      const VI32 position = hn::Iota(di, static_cast<int32_t>(j));
      const auto is_valid = hn::RebindMask(df, hn::Lt(position, hn::Set(di, static_cast<int32_t>(valid))));
      checked = hn::IfThenElseZero(is_valid, score);
      score = hn::IfThenElse(is_valid, score, hn::Set(df, -INFINITY));
    }
    block_sum = hn::MulAdd(checked, hn::Zero(df), block_sum);
    hn::StoreU(score, df, at);
    block_highest = hn::Max(block_highest, score);
  }
  const float new_highest = Max(*highest, hn::ReduceMax(df, block_highest));
  for (size_t j = 0; j < kAttentionBlock; j += lanes) {
    VF p = Exp(hn::Sub(hn::LoadU(df, scores->values + j), hn::Set(df, new_highest)));
    block_sum = hn::Add(block_sum, p);
    if (value_scales != nullptr) p = hn::Mul(p, hn::LoadU(df, value_scales + j));
    hn::StoreU(p, df, scores->values + j);
  }
  const float fade = hn::GetLane(Exp(hn::Set(df, *highest - new_highest)));
  *sum = *sum * fade + hn::ReduceSum(df, block_sum);
  *highest = new_highest;
  return fade;
}

template <uint32_t Q, class T>
inline void AttendQueries(const float* HWY_RESTRICT q, uint32_t begin, uint32_t end, const KvCache& kv,
                          uint32_t kv_head, float* HWY_RESTRICT out, AttentionSum* HWY_RESTRICT sums) {
  const uint32_t head_dim = kv.head_dim;
  const T* keys = static_cast<const T*>(kv.keys) + kv.HeadOffset(kv_head);
  const T* values = static_cast<const T*>(kv.values) + kv.HeadOffset(kv_head);
  const bool scaled = kv.key_scales != nullptr;
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  BlockScores scores[Q];
  // Positions that MultiplyKeys skips are read, but never used.
  std::memset(scores, 0, sizeof(scores));
  float fade[Q];
  for (uint32_t h = 0; h < Q; ++h) sums[h] = {-INFINITY, 0.0f};
  std::memset(out, 0, Q * head_dim * sizeof(float));
  for (; begin < end; begin += kAttentionBlock) {
    const uint32_t valid = Min(kAttentionBlock, end - begin);
    const float* key_scales = scaled ? kv.key_scales + kv.ScaleOffset(kv_head, begin) : nullptr;
    const float* value_scales = scaled ? kv.value_scales + kv.ScaleOffset(kv_head, begin) : nullptr;
    MultiplyKeys<Q>(q, keys + kv.KeyOffset(begin), head_dim, valid, scores);
    for (uint32_t h = 0; h < Q; ++h) {
      fade[h] = ScoresToWeights(scale, valid, key_scales, value_scales, &scores[h], &sums[h].highest, &sums[h].sum);
    }
    AddValues<Q>(scores, values + kv.ValueOffset(begin), head_dim, valid, fade, out);
  }
}

template <class T>
inline void AttendGroup(const float* q, uint32_t queries, uint32_t begin, uint32_t end, const KvCache& kv,
                        uint32_t kv_head, float* out, AttentionSum* sums) {
  for (; queries >= kQueryTile; queries -= kQueryTile) {
    AttendQueries<kQueryTile, T>(q, begin, end, kv, kv_head, out, sums);
    q += size_t{kQueryTile} * kv.head_dim;
    out += size_t{kQueryTile} * kv.head_dim;
    sums += kQueryTile;
  }
  if (queries == 3) AttendQueries<3, T>(q, begin, end, kv, kv_head, out, sums);
  if (queries == 2) AttendQueries<2, T>(q, begin, end, kv, kv_head, out, sums);
  if (queries == 1) AttendQueries<1, T>(q, begin, end, kv, kv_head, out, sums);
}

// out[queries, head_dim] and sums[queries] = attention of q[queries, head_dim] over positions begin .. end - 1, not yet
// divided by the sums. begin: a multiple of kAttentionBlock, less than end. An infinity or a NaN in a query or in one
// of these keys makes the query's sum NaN; one in a value, the row's element or all of it.
inline void AttendPart(const float* q, uint32_t queries, uint32_t begin, uint32_t end, const KvCache& kv,
                       uint32_t kv_head, float* out, AttentionSum* sums) {
  switch (kv.type) {
    case KvCacheType::kF16: return AttendGroup<uint16_t>(q, queries, begin, end, kv, kv_head, out, sums);
    case KvCacheType::kF32: return AttendGroup<float>(q, queries, begin, end, kv, kv_head, out, sums);
    case KvCacheType::kInt8: return AttendGroup<int8_t>(q, queries, begin, end, kv, kv_head, out, sums);
  }
}

// Joins the next part's results to out[queries, head_dim] and sums[queries].
inline void JoinPart(const float* HWY_RESTRICT part, const AttentionSum* HWY_RESTRICT part_sums, uint32_t queries,
                     uint32_t head_dim, float* HWY_RESTRICT out, AttentionSum* HWY_RESTRICT sums) {
  const DF df;
  for (uint32_t h = 0; h < queries; ++h, part += head_dim, out += head_dim) {
    const float highest = Max(sums[h].highest, part_sums[h].highest);
    const VF fade = Exp(hn::Set(df, sums[h].highest - highest));
    const VF part_fade = Exp(hn::Set(df, part_sums[h].highest - highest));
    sums[h].sum = sums[h].sum * hn::GetLane(fade) + part_sums[h].sum * hn::GetLane(part_fade);
    sums[h].highest = highest;
    for (size_t d = 0; d < head_dim; d += hn::Lanes(df)) {
      const VF own = hn::Mul(hn::LoadU(df, out + d), fade);
      hn::StoreU(hn::MulAdd(hn::LoadU(df, part + d), part_fade, own), df, out + d);
    }
  }
}

// out[queries, head_dim] divided by the sums.
inline void EndAttention(const AttentionSum* sums, uint32_t queries, uint32_t head_dim, float* out) {
  const DF df;
  for (uint32_t h = 0; h < queries; ++h, out += head_dim) {
    const VF inverse = hn::Set(df, 1.0f / sums[h].sum);
    for (size_t d = 0; d < head_dim; d += hn::Lanes(df)) {
      hn::StoreU(hn::Mul(hn::LoadU(df, out + d), inverse), df, out + d);
    }
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_ATTENTION_INL_H_
