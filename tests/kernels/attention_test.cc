// Attention over the cache against softmax in double, and the cache's layout.
#include "lfm2/kernels/attention-inl.h"

#include <doctest/doctest.h>

#include "lfm2/kernels/store_kv-inl.h"
#include "tests/kernels/check_attention.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kCapacity = 256;

// The course of the scores along the positions.
enum class Scores { kRandom, kRising, kFalling, kOneHigh };

// A random key[dim]; unless scores are kRandom, q . key / sqrt(dim) has the requested course.
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

void CheckAttention(KvCacheType type, uint32_t dim, uint32_t position, Scores scores, uint32_t queries = 3) {
  Random random(position * 1000 + dim);
  AttentionCase c{type, dim, queries, random.Normals(queries * dim), {}, {}};
  for (uint32_t j = 0; j <= position; ++j) {
    const std::vector<float> key = MakeKey(scores, j, c.q, dim, random), value = random.Normals(dim);
    c.keys.insert(c.keys.end(), key.begin(), key.end());
    c.values.insert(c.values.end(), value.begin(), value.end());
  }
  CheckAttention(c);
}

}  // namespace

TEST_CASE(
    "attention over one position, a block less one, a block, one more, and several; NaNs after them do not matter") {
  for (const KvCacheType type : kKvTypes) {
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

TEST_CASE("scores that rise or fall by a hundred along the positions, and one that outweighs all others") {
  for (const KvCacheType type : kKvTypes) {
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
  for (const KvCacheType type : kKvTypes) {
    Random random(7);
    TestCache cache(1, kDim, type, 0xff, kCapacity);
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
  constexpr uint32_t kDim = 64, kPositions = 701, kQueries = 4;
  for (const Scores scores : {Scores::kRandom, Scores::kRising, Scores::kFalling, Scores::kOneHigh}) {
    Random random(11);
    AttentionCase c{KvCacheType::kF32, kDim, kQueries, random.Normals(kQueries * kDim), {}, {}};
    for (uint32_t j = 0; j < kPositions; ++j) {
      const std::vector<float> key = MakeKey(scores, j, c.q, kDim, random), value = random.Normals(kDim);
      c.keys.insert(c.keys.end(), key.begin(), key.end());
      c.values.insert(c.values.end(), value.begin(), value.end());
    }
    for (const uint32_t part : {kAttentionBlock, 3 * kAttentionBlock, kAttentionPart, 1024u}) {
      CAPTURE(part);
      c.part = part;
      CheckAttention(c);
    }
  }
}

// The longest context that models are published with: hundreds of parts are joined, and offsets into the cache exceed
// 2^24 bytes.
TEST_CASE("the first and the last part of 131,072 positions") {
  constexpr uint32_t kDim = 32, kPositions = 131072, kQueries = 2, kHead = 1, kHeads = 2;
  Random random(12);
  const auto uniform = [&](size_t n) {
    std::vector<float> values(n);
    for (float& v : values) v = random.Uniform(-1.0f, 1.0f);
    return values;
  };
  const std::vector<float> q = uniform(kQueries * kDim);
  const std::vector<float> keys = uniform(size_t{kPositions} * kDim), values = uniform(size_t{kPositions} * kDim);
  const auto first = [](const std::vector<float>& of, uint32_t positions) {
    return std::vector<float>(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(positions * kDim));
  };
  for (const uint32_t positions : {513u, 65536u, kPositions}) {
    CAPTURE(positions);
    const std::vector<float> some_keys = first(keys, positions), some_values = first(values, positions);
    std::vector<std::vector<double>> expected;
    for (uint32_t h = 0; h < kQueries; ++h) {
      expected.push_back(Softmax(some_keys, some_values, q.data() + h * kDim, kDim));
    }
    for (const KvCacheType type : kKvTypes) {
      CAPTURE(BytesOf(type));
      TestCache cache(kHeads, kDim, type, 0xff, kPositions);
      for (uint32_t j = 0; j < positions; ++j) {
        Simd::StoreKv(cache.view, kHead, j, &keys[size_t{j} * kDim], &values[size_t{j} * kDim]);
      }
      std::vector<float> out(kQueries * kDim);
      Attend<Simd>(q.data(), kQueries, positions - 1, cache.view, kHead, out.data());
      Worst worst;
      for (uint32_t h = 0; h < kQueries; ++h) {
        const double tolerance = Tolerance(some_keys, some_values, q.data() + h * kDim, kDim, type);
        for (uint32_t d = 0; d < kDim; ++d) {
          worst.Add(static_cast<double>(out[h * kDim + d]), expected[h][d], tolerance);
        }
      }
      CHECK(worst.share() <= 1.0);
    }
  }
}

TEST_CASE("at position 0 attention is the value itself") {
  Random random(1);
  TestCache cache(1, 64, KvCacheType::kF32, 0xff, kCapacity);
  const std::vector<float> q = random.Normals(64), key = random.Normals(64), value = random.Normals(64);
  Simd::StoreKv(cache.view, 0, 0, key.data(), value.data());
  std::vector<float> out(64);
  Attend<Simd>(q.data(), 1, 0, cache.view, 0, out.data());
  CHECK(SameBits(out.data(), value.data(), 64));
}

TEST_CASE("the cache: keys interleaved by 16 positions, values row by row, each head on its own") {
  constexpr uint32_t kHeads = 3, kDim = 32;
  Random random(3);
  for (const KvCacheType type : kKvTypes) {
    for (uint32_t head = 0; head < kHeads; ++head) {
      for (const uint32_t position : {0u, 1u, 15u, 16u, 63u, 64u, kCapacity - 1}) {
        TestCache cache(kHeads, kDim, type, 0xff, kCapacity), reference(kHeads, kDim, type, 0xff, kCapacity);
        const std::vector<float> key = random.Normals(kDim), value = random.Normals(kDim);
        Simd::StoreKv(cache.view, head, position, key.data(), value.data());
        ReferenceKernels::StoreKv(reference.view, head, position, key.data(), value.data());
        CHECK(std::memcmp(cache.keys.data(), reference.keys.data(), cache.bytes) == 0);
        CHECK(std::memcmp(cache.values.data(), reference.values.data(), cache.bytes) == 0);
        Worst worst;
        size_t touched = 0;
        const size_t scale = size_t{head} * kCapacity + position;
        const double key_error = StorageError(type, key.data(), kDim),
                     value_error = StorageError(type, value.data(), kDim);
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
        // Bytes that are equal in two caches that were filled with different bytes have been written.
        TestCache other(kHeads, kDim, type, 0x55, kCapacity);
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
