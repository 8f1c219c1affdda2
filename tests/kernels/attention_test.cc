// Attention over the cache against softmax in double, and the cache's layout.
#include "lfm2/kernels/attention-inl.h"

#include <doctest/doctest.h>

#include "lfm2/kernels/reference.h"
#include "lfm2/kernels/store_kv-inl.h"
#include "tests/kernels/attend.h"
#include "tests/kernels/test_panel.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kCapacity = 256;
constexpr KvCacheType kTypes[] = {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8};

struct Cache {
  Cache(uint32_t kv_heads, uint32_t dim, KvCacheType type, int fill, uint32_t capacity = kCapacity)
      : bytes(static_cast<size_t>(KvCacheBytes(type, kv_heads, capacity, dim))), keys(bytes), values(bytes) {
    std::memset(keys.data(), fill, bytes);
    std::memset(values.data(), fill, bytes);
    view = MakeKvCache(type, kv_heads, capacity, dim, keys.data(), values.data());
  }
  size_t bytes;
  AlignedBuffer<std::byte> keys, values;
  KvCache view;
};

// How scores run along the positions.
enum class Scores { kRandom, kRising, kFalling, kOneHigh };

// key[position, :] such that q . key / sqrt(dim) runs as asked for where it is not just noise.
std::vector<float> MakeKey(Scores scores, uint32_t position, const std::vector<float>& q, uint32_t dim,
                           Random& random) {
  std::vector<float> key = random.Normals(dim);
  float wanted = 0.0f;
  switch (scores) {
    case Scores::kRandom: return key;
    case Scores::kRising: wanted = 0.4f * static_cast<float>(position); break;
    case Scores::kFalling: wanted = -0.4f * static_cast<float>(position); break;
    case Scores::kOneHigh: wanted = position == 70 ? 90.0f : 0.0f; break;
  }
  float squares = 0.0f;
  for (uint32_t d = 0; d < dim; ++d) squares += q[d] * q[d];
  for (uint32_t d = 0; d < dim; ++d) {
    key[d] = 0.1f * key[d] + q[d] * wanted * std::sqrt(static_cast<float>(dim)) / squares;
  }
  return key;
}

// The largest error that the cache's type may add to a number of `row`: half a unit in its last place.
double StorageError(KvCacheType type, const std::vector<float>& row) {
  double largest = 0;
  for (const float v : row) largest = std::fmax(largest, std::fabs(static_cast<double>(v)));
  switch (type) {
    case KvCacheType::kF16: return largest / 2048;
    case KvCacheType::kF32: return 0;
    case KvCacheType::kInt8: return largest / 253;
  }
  return 0;
}

// How far the kernel's floats may be from exact arithmetic: the roundings of a score act on its exponential, and every
// position adds a rounding. type: of a cache whose own rounding counts as well; kF32: none does.
double Tolerance(const std::vector<std::vector<float>>& keys, const std::vector<std::vector<float>>& values,
                 const float* q, uint32_t dim, KvCacheType type) {
  double score_error = 0, value = 0, value_error = 0;
  for (size_t j = 0; j < keys.size(); ++j) {
    double sum = 0, queries = 0;
    for (uint32_t d = 0; d < dim; ++d) {
      sum += std::fabs(static_cast<double>(q[d]) * static_cast<double>(keys[j][d]));
      queries += std::fabs(static_cast<double>(q[d]));
      value = std::fmax(value, std::fabs(static_cast<double>(values[j][d])));
    }
    const double error = sum * (dim + 4) * kEpsilon + queries * StorageError(type, keys[j]);
    score_error = std::fmax(score_error, error / std::sqrt(static_cast<double>(dim)));
    value_error = std::fmax(value_error, StorageError(type, values[j]));
  }
  const double n = static_cast<double>(keys.size());
  return value * (std::expm1(2 * score_error) + (2 * n + 16) * kEpsilon + 6e-7) + value_error;
}

// out[dim] of one query by the definition.
std::vector<double> Softmax(const std::vector<std::vector<float>>& keys, const std::vector<std::vector<float>>& values,
                            const float* q, uint32_t dim) {
  std::vector<double> score(keys.size()), out(dim);
  double highest = -1e300, sum = 0;
  for (size_t j = 0; j < keys.size(); ++j) {
    for (uint32_t d = 0; d < dim; ++d) score[j] += static_cast<double>(q[d]) * static_cast<double>(keys[j][d]);
    score[j] /= std::sqrt(static_cast<double>(dim));
    highest = std::fmax(highest, score[j]);
  }
  for (size_t j = 0; j < keys.size(); ++j) {
    const double p = std::exp(score[j] - highest);
    sum += p;
    for (uint32_t d = 0; d < dim; ++d) out[d] += p * static_cast<double>(values[j][d]);
  }
  for (double& v : out) v /= sum;
  return out;
}

void CheckAttention(KvCacheType type, uint32_t dim, uint32_t position, Scores scores, uint32_t queries = 3) {
  constexpr uint32_t kHead = 1, kHeads = 2;
  Random random(position * 1000 + dim);
  const std::vector<float> q = random.Normals(queries * dim);
  // All bits set are NaNs of both types: what lies behind the position, and other heads, must not matter.
  const uint32_t capacity = RoundUp(position + 1, kAttentionBlock);
  Cache garbage(kHeads, dim, type, 0xff, capacity), zeros(kHeads, dim, type, 0, capacity);
  std::vector<std::vector<float>> keys, values;
  for (uint32_t j = 0; j <= position; ++j) {
    keys.push_back(MakeKey(scores, j, q, dim, random));
    values.push_back(random.Normals(dim));
    Simd::StoreKv(garbage.view, kHead, j, keys[j].data(), values[j].data());
    Simd::StoreKv(zeros.view, kHead, j, keys[j].data(), values[j].data());
  }
  std::vector<float> out(queries * dim + 1, kUntouched), same(queries * dim), reference(queries * dim);
  Attend<Simd>(q.data(), queries, position, garbage.view, kHead, out.data());
  Attend<Simd>(q.data(), queries, position, zeros.view, kHead, same.data());
  Attend<ReferenceKernels>(q.data(), queries, position, garbage.view, kHead, reference.data());
  CHECK(SameBits(out.data(), same.data(), same.size()));
  CHECK(out[queries * dim] == kUntouched);
  Worst by_reference, by_definition;
  for (uint32_t h = 0; h < queries; ++h) {
    const float* query = q.data() + h * dim;
    const std::vector<double> expected = Softmax(keys, values, query, dim);
    // The definition sees keys and values before the cache rounds them; the reference sees them afterwards.
    for (uint32_t d = 0; d < dim; ++d) {
      const double value = static_cast<double>(out[h * dim + d]);
      by_reference.Add(value, static_cast<double>(reference[h * dim + d]),
                       Tolerance(keys, values, query, dim, KvCacheType::kF32));
      by_definition.Add(value, expected[d], Tolerance(keys, values, query, dim, type));
    }
  }
  CHECK(by_reference.share() <= 1.0);
  CHECK(by_definition.share() <= 1.0);
}

}  // namespace

TEST_CASE("attention over one position, a block less one, a block, one more, and several; NaNs behind do not matter") {
  for (const KvCacheType type : kTypes) {
    CAPTURE(BytesOf(type));
    for (const uint32_t dim : {32u, 64u, 96u, 128u}) {
      CAPTURE(dim);
      for (const uint32_t position : {0u, 1u, 15u, 16u, 63u, 64u, 65u, 200u, kCapacity - 1}) {
        CAPTURE(position);
        CheckAttention(type, dim, position, Scores::kRandom);
      }
    }
    CheckAttention(type, 64, kAttentionPart + 70, Scores::kRandom);
  }
}

TEST_CASE("scores that rise or fall by a hundred along the positions, and one that outweighs all") {
  for (const KvCacheType type : kTypes) {
    for (const Scores scores : {Scores::kRising, Scores::kFalling, Scores::kOneHigh}) {
      CAPTURE(static_cast<int>(scores));
      CheckAttention(type, 64, 255, scores);
      CheckAttention(type, 64, 69, scores);
      CheckAttention(type, 64, 70, scores);
    }
  }
}

TEST_CASE("every number of queries that share a head, and each as if it were alone") {
  constexpr uint32_t kDim = 64, kPosition = 130;
  for (const KvCacheType type : kTypes) {
    Random random(7);
    Cache cache(1, kDim, type, 0xff);
    for (uint32_t j = 0; j <= kPosition; ++j) {
      const std::vector<float> key = random.Normals(kDim), value = random.Normals(kDim);
      Simd::StoreKv(cache.view, 0, j, key.data(), value.data());
    }
    for (uint32_t queries = 1; queries <= 9; ++queries) {
      CAPTURE(queries);
      CheckAttention(type, kDim, 70, Scores::kRandom, queries);
      const std::vector<float> q = random.Normals(queries * kDim);
      std::vector<float> out(queries * kDim), alone(kDim);
      Attend<Simd>(q.data(), queries, kPosition, cache.view, 0, out.data());
      for (uint32_t h = 0; h < queries; ++h) {
        Attend<Simd>(q.data() + h * kDim, 1, kPosition, cache.view, 0, alone.data());
        CHECK(SameBits(out.data() + h * kDim, alone.data(), kDim));
      }
    }
  }
}

TEST_CASE("in parts of any length, some of whose scores outweigh all others: the formula") {
  constexpr uint32_t kDim = 64, kPosition = 700, kQueries = 4;
  for (const Scores scores : {Scores::kRandom, Scores::kRising, Scores::kFalling, Scores::kOneHigh}) {
    Random random(11);
    Cache cache(1, kDim, KvCacheType::kF32, 0xff, RoundUp(kPosition + 1, kAttentionBlock));
    const std::vector<float> q = random.Normals(kQueries * kDim);
    std::vector<std::vector<float>> keys, values;
    for (uint32_t j = 0; j <= kPosition; ++j) {
      keys.push_back(MakeKey(scores, j, q, kDim, random));
      values.push_back(random.Normals(kDim));
      Simd::StoreKv(cache.view, 0, j, keys[j].data(), values[j].data());
    }
    for (const uint32_t part : {kAttentionBlock, 3 * kAttentionBlock, kAttentionPart, 1024u}) {
      CAPTURE(part);
      std::vector<float> out(kQueries * kDim);
      Attend<Simd>(q.data(), kQueries, kPosition, cache.view, 0, out.data(), part);
      Worst worst;
      for (uint32_t h = 0; h < kQueries; ++h) {
        const std::vector<double> expected = Softmax(keys, values, q.data() + h * kDim, kDim);
        const double tolerance = Tolerance(keys, values, q.data() + h * kDim, kDim, KvCacheType::kF32);
        for (uint32_t d = 0; d < kDim; ++d) {
          worst.Add(static_cast<double>(out[h * kDim + d]), expected[d], tolerance);
        }
      }
      CHECK(worst.share() <= 1.0);
    }
  }
}

TEST_CASE("at position 0 attention is the value itself") {
  Random random(1);
  Cache cache(1, 64, KvCacheType::kF32, 0xff);
  const std::vector<float> q = random.Normals(64), key = random.Normals(64), value = random.Normals(64);
  Simd::StoreKv(cache.view, 0, 0, key.data(), value.data());
  std::vector<float> out(64);
  Attend<Simd>(q.data(), 1, 0, cache.view, 0, out.data());
  CHECK(SameBits(out.data(), value.data(), 64));
}

TEST_CASE("the cache: keys interleaved by 16 positions, values row by row, each head on its own") {
  constexpr uint32_t kHeads = 3, kDim = 32;
  Random random(3);
  for (const KvCacheType type : kTypes) {
    for (uint32_t head = 0; head < kHeads; ++head) {
      for (const uint32_t position : {0u, 1u, 15u, 16u, 63u, 64u, kCapacity - 1}) {
        Cache cache(kHeads, kDim, type, 0xff), reference(kHeads, kDim, type, 0xff);
        const std::vector<float> key = random.Normals(kDim), value = random.Normals(kDim);
        Simd::StoreKv(cache.view, head, position, key.data(), value.data());
        ReferenceKernels::StoreKv(reference.view, head, position, key.data(), value.data());
        CHECK(std::memcmp(cache.keys.data(), reference.keys.data(), cache.bytes) == 0);
        CHECK(std::memcmp(cache.values.data(), reference.values.data(), cache.bytes) == 0);
        Worst worst;
        size_t touched = 0;
        const size_t scale = size_t{head} * kCapacity + position;
        const double key_error = StorageError(type, key), value_error = StorageError(type, value);
        for (uint32_t d = 0; d < kDim; ++d) {
          const size_t k = ((size_t{head} * (kCapacity / 16) + position / 16) * kDim + d) * 16 + position % 16;
          const size_t v = (size_t{head} * kCapacity + position) * kDim + d;
          double stored_key = 0, stored_value = 0;
          switch (type) {
            case KvCacheType::kF16:
              stored_key = HalfValue(LoadAs<uint16_t>(cache.keys.data() + k * 2));
              stored_value = HalfValue(LoadAs<uint16_t>(cache.values.data() + v * 2));
              break;
            case KvCacheType::kF32:
              stored_key = static_cast<double>(LoadAs<float>(cache.keys.data() + k * 4));
              stored_value = static_cast<double>(LoadAs<float>(cache.values.data() + v * 4));
              break;
            case KvCacheType::kInt8:
              stored_key = LoadAs<int8_t>(cache.keys.data() + k) * static_cast<double>(cache.view.key_scales[scale]);
              stored_value =
                  LoadAs<int8_t>(cache.values.data() + v) * static_cast<double>(cache.view.value_scales[scale]);
              break;
          }
          worst.Add(stored_key, static_cast<double>(key[d]), key_error);
          worst.Add(stored_value, static_cast<double>(value[d]), value_error);
        }
        CHECK(worst.share() <= 1.0);
        // Where two caches agree that were filled with different bytes, something was written.
        Cache other(kHeads, kDim, type, 0x55);
        Simd::StoreKv(other.view, head, position, key.data(), value.data());
        const size_t bytes = BytesOf(type), elements = size_t{kHeads} * kCapacity * kDim;
        for (size_t i = bytes - 1; i < elements * bytes; i += bytes) {
          touched += cache.keys.data()[i] == other.keys.data()[i] ? 1 : 0;
          touched += cache.values.data()[i] == other.values.data()[i] ? 1 : 0;
        }
        CHECK(touched == 2 * kDim);
      }
    }
  }
}

}  // namespace lfm2::test
