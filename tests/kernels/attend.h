// Attention over all positions up to a given one, joined from parts as layers/attention_operator.h does.
#ifndef LFM2_TESTS_KERNELS_ATTEND_H_
#define LFM2_TESTS_KERNELS_ATTEND_H_

#include <vector>

#include "lfm2/base/numeric.h"
#include "lfm2/kernels/kv_cache.h"

namespace lfm2::test {

// out[queries, head_dim] of q[queries, head_dim] over positions 0 .. position, in parts of `part` positions, a multiple
// of kAttentionBlock.
template <class Kernels>
void Attend(const float* q, uint32_t queries, uint32_t position, const KvCache& kv, uint32_t kv_head, float* out,
            uint32_t part = kAttentionPart) {
  std::vector<AttentionSum> sums(queries), next_sums(queries);
  std::vector<float> next(size_t{queries} * kv.head_dim);
  Kernels::AttendPart(q, queries, 0, Min(position + 1, part), kv, kv_head, out, sums.data());
  for (uint32_t begin = part; begin <= position; begin += part) {
    Kernels::AttendPart(q, queries, begin, Min(position + 1, begin + part), kv, kv_head, next.data(), next_sums.data());
    Kernels::JoinPart(next.data(), next_sums.data(), queries, kv.head_dim, out, sums.data());
  }
  Kernels::EndAttention(sums.data(), queries, kv.head_dim, out);
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_ATTEND_H_
