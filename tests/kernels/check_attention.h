// Attention over a cache against softmax in double.
#ifndef LFM2_TESTS_KERNELS_CHECK_ATTENTION_H_
#define LFM2_TESTS_KERNELS_CHECK_ATTENTION_H_

#include <doctest/doctest.h>

#include <vector>

#include "lfm2/kernels/reference.h"
#include "tests/kernels/attend.h"
#include "tests/kernels/attention_oracle.h"
#include "tests/kernels/test_panel.h"

namespace lfm2::test {

struct TestCache {
  TestCache(uint32_t kv_heads, uint32_t dim, KvCacheType type, int fill, uint32_t capacity)
      : bytes(static_cast<size_t>(KvCacheBytes(type, kv_heads, capacity, dim))), keys(bytes), values(bytes) {
    std::memset(keys.data(), fill, bytes);
    std::memset(values.data(), fill, bytes);
    view = MakeKvCache(type, kv_heads, capacity, dim, keys.data(), values.data());
  }
  size_t bytes;
  AlignedBuffer<std::byte> keys, values;
  KvCache view;
};

// The contents of one key/value head, and the queries that attend to it.
struct AttentionCase {
  KvCacheType type;
  uint32_t dim, queries;
  std::vector<float> q;             // [queries, dim]
  std::vector<float> keys, values;  // [positions, dim]
  uint32_t part = kAttentionPart;

  uint32_t positions() const { return static_cast<uint32_t>(keys.size() / dim); }
};

// Compares attention over all positions with the definition and with the reference, and requires the same bits whatever
// the cache holds after them.
inline void CheckAttention(const AttentionCase& c) {
  constexpr uint32_t kHead = 1, kHeads = 2;
  const uint32_t last = c.positions() - 1;
  // All bits set is a NaN of both float types: memory after the last position and other heads must not matter.
  const uint32_t capacity = RoundUp(c.positions(), kAttentionBlock);
  TestCache garbage(kHeads, c.dim, c.type, 0xff, capacity), zeros(kHeads, c.dim, c.type, 0, capacity);
  for (uint32_t j = 0; j <= last; ++j) {
    const float *const key = &c.keys[size_t{j} * c.dim], *const value = &c.values[size_t{j} * c.dim];
    Simd::StoreKv(garbage.view, kHead, j, key, value);
    Simd::StoreKv(zeros.view, kHead, j, key, value);
  }
  std::vector<float> out(c.q.size() + 1, kUntouched), same(c.q.size()), reference(c.q.size());
  Attend<Simd>(c.q.data(), c.queries, last, garbage.view, kHead, out.data(), c.part);
  Attend<Simd>(c.q.data(), c.queries, last, zeros.view, kHead, same.data(), c.part);
  Attend<ReferenceKernels>(c.q.data(), c.queries, last, garbage.view, kHead, reference.data(), c.part);
  CHECK(SameBits(out.data(), same.data(), same.size()));
  CHECK(out[c.q.size()] == kUntouched);
  Worst by_reference, by_definition;
  for (uint32_t h = 0; h < c.queries; ++h) {
    const float* query = c.q.data() + h * c.dim;
    const std::vector<double> expected = Softmax(c.keys, c.values, query, c.dim);
    // The definition sees keys and values before the cache rounds them; the reference sees them afterwards.
    const double float_error = Tolerance(c.keys, c.values, query, c.dim, KvCacheType::kF32, c.part);
    const double error = Tolerance(c.keys, c.values, query, c.dim, c.type, c.part);
    for (uint32_t d = 0; d < c.dim; ++d) {
      const double value = static_cast<double>(out[h * c.dim + d]);
      by_reference.Add(value, static_cast<double>(reference[h * c.dim + d]), float_error);
      by_definition.Add(value, expected[d], error);
    }
  }
  CHECK(by_reference.share() <= 1.0);
  CHECK(by_definition.share() <= 1.0);
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_CHECK_ATTENTION_H_
