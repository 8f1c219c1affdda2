// Attention over contexts of several parts, which are separate tasks or not: always the formula, and always the same
// bits. If one of these fails, answers in a long chat depend on the number of cores or on the chunk size.
#include "lfm2.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lfm2/layers/attention_operator.h"
#include "lfm2/layers/rope_table.h"
#include "lfm2/posix/thread_pool.h"
#include "tests/kernels/attention_oracle.h"
#include "tests/layers/test_layer.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kContext = 1216;  // three parts, and a multiple of kAttentionBlock
static_assert(AttentionParts(kContext) == 3 && kContext % kAttentionBlock == 0);

// Keys and values of one layer; memory of positions that are not stored yet is full of NaNs.
class LayerCache {
 public:
  LayerCache(const ModelConfig& config, KvCacheType type, uint32_t capacity = kContext)
      : bytes_(static_cast<size_t>(KvCacheBytes(type, config.kv_heads, capacity, config.head_dim))),
        keys_(bytes_),
        values_(bytes_) {
    std::memset(keys_.data(), 0xff, bytes_);
    std::memset(values_.data(), 0xff, bytes_);
    view_ = MakeKvCache(type, config.kv_heads, capacity, config.head_dim, keys_.data(), values_.data());
  }
  const KvCache& view() const { return view_; }

  // Stores keys[positions, kv_heads, head_dim] and values of the same shape.
  void Fill(const ModelConfig& c, const std::vector<float>& keys, const std::vector<float>& values) const {
    const uint32_t positions = static_cast<uint32_t>(keys.size() / c.kv_size());
    for (uint32_t position = 0; position < positions; ++position) {
      for (uint32_t h = 0; h < c.kv_heads; ++h) {
        const size_t at = size_t{position} * c.kv_size() + h * c.head_dim;
        Simd().StoreKv(view_, h, position, keys.data() + at, values.data() + at);
      }
    }
  }

 private:
  size_t bytes_;
  AlignedBuffer<std::byte> keys_, values_;
  KvCache view_;
};

// An executor that reports `workers` workers and runs all tasks on its caller's thread, forwards or backwards.
Executor Workers(uint32_t workers, bool backwards) {
  Executor executor;
  executor.workers = workers;
  executor.run = [](void*, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    for (uint32_t i = 0; i < tasks; ++i) task(argument, i);
  };
  if (backwards) {
    executor.run = [](void*, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
      while (tasks > 0) task(argument, --tasks);
    };
  }
  return executor;
}

// Calls check(executor) for none, for 1 to 16 workers in both orders, and for real threads.
template <class F>
void ForExecutors(F&& check) {
  check(nullptr);
  for (const uint32_t workers : {1u, 2u, 3u, 7u, 16u}) {
    CAPTURE(workers);
    for (const bool backwards : {false, true}) {
      const Executor executor = Workers(workers, backwards);
      check(&executor);
    }
  }
  posix::ThreadPool pool;
  LFM2_REQUIRE_OK(pool.Open(3));
  check(pool.executor());
}

ModelConfig ThreeQueriesAHead() {
  ModelConfig c;
  c.hidden_size = 32;
  c.heads = 6;
  c.kv_heads = 2;
  c.head_dim = 32;
  return c;
}

// out[tokens, heads * head_dim] of queries q of the same shape, the first at `position`. part_rows: the room for parts
// that are separate tasks.
std::vector<float> Attended(const ModelConfig& c, const KvCache& kv, const std::vector<float>& q, uint32_t position,
                            const Executor* executor, uint32_t part_rows) {
  const uint32_t tokens = static_cast<uint32_t>(q.size() / c.q_size());
  const LayerMemory memory(c, Max(part_rows, tokens), kv.capacity);
  Workspace workspace = memory.workspace();
  workspace.attention.part_rows = part_rows;
  std::copy(q.begin(), q.end(), workspace.attention.q);
  AttendAll(Simd(), {c, workspace, executor, nullptr, nullptr, nullptr, position, tokens}, kv);
  return {workspace.attention.out, workspace.attention.out + q.size()};
}

// Keys or values [positions, kv_heads, head_dim] of one head, positions 0 to `last`.
std::vector<float> OfHead(const ModelConfig& c, const std::vector<float>& all, uint32_t head, uint32_t last) {
  std::vector<float> of_head;
  for (uint32_t p = 0; p <= last; ++p) {
    const float* const row = &all[(size_t{p} * c.kv_heads + head) * c.head_dim];
    of_head.insert(of_head.end(), row, row + c.head_dim);
  }
  return of_head;
}

// The same by the definition, in double. *tolerance: that of each number, for a cache of `type`.
std::vector<double> AttendedByDefinition(const ModelConfig& c, const std::vector<float>& keys,
                                         const std::vector<float>& values, const std::vector<float>& q,
                                         uint32_t position, KvCacheType type, std::vector<double>* tolerance) {
  std::vector<double> out;
  tolerance->clear();
  for (size_t row = 0; row < q.size() / c.head_dim; ++row) {  // of a token and a head
    const uint32_t last = position + static_cast<uint32_t>(row / c.heads);
    const uint32_t kv_head = static_cast<uint32_t>(row % c.heads / (c.heads / c.kv_heads));
    const std::vector<float> own_keys = OfHead(c, keys, kv_head, last), own_values = OfHead(c, values, kv_head, last);
    const float* const query = &q[row * c.head_dim];
    const std::vector<double> result = Softmax(own_keys, own_values, query, c.head_dim);
    out.insert(out.end(), result.begin(), result.end());
    tolerance->insert(tolerance->end(), c.head_dim, Tolerance(own_keys, own_values, query, c.head_dim, type));
  }
  return out;
}

// Chunks before, at and after the ends of parts, and across one or two of them.
struct Chunk {
  uint32_t position, tokens;
};
constexpr Chunk kChunks[] = {{0, 1},    {500, 1}, {511, 1}, {512, 1},  {1023, 1}, {1024, 1},
                             {1100, 1}, {509, 5}, {512, 3}, {1020, 9}, {1100, 2}, {498, 37}};

}  // namespace

TEST_CASE("parts that are separate tasks, or not, for every executor: the definition, and the same bits") {
  const ModelConfig c = ThreeQueriesAHead();
  const std::vector<float> keys = Random(1).Normals(size_t{kContext} * c.kv_size());
  const std::vector<float> values = Random(2).Normals(size_t{kContext} * c.kv_size());
  for (const KvCacheType type : kKvTypes) {
    CAPTURE(BytesOf(type));
    for (const Chunk& chunk : kChunks) {
      CAPTURE(chunk.position);
      CAPTURE(chunk.tokens);
      const uint32_t end = chunk.position + chunk.tokens, parts = AttentionParts(end);
      const LayerCache cache(c, type);
      cache.Fill(c, {keys.data(), keys.data() + size_t{end} * c.kv_size()},
                 {values.data(), values.data() + size_t{end} * c.kv_size()});
      const std::vector<float> q = Random(3).Normals(size_t{chunk.tokens} * c.q_size());
      // With room for one row less than all parts need, they are computed one after another.
      const uint32_t one_by_one = Max(chunk.tokens * (parts - 1), 1u) - 1, together = chunk.tokens * parts;
      const std::vector<float> want = Attended(c, cache.view(), q, chunk.position, nullptr, one_by_one);
      if (type == KvCacheType::kF32) {
        std::vector<double> tolerance;
        const std::vector<double> expected = AttendedByDefinition(c, keys, values, q, chunk.position, type, &tolerance);
        double worst = 0;
        for (size_t i = 0; i < want.size(); ++i) {
          worst = std::fmax(worst, std::fabs(static_cast<double>(want[i]) - expected[i]));
        }
        // Values are below 6, and most of a thousand roundings of 2^-24 cancel.
        CHECK(worst < 2e-6);
      }
      ForExecutors([&](const Executor* executor) {
        CHECK(Attended(c, cache.view(), q, chunk.position, executor, one_by_one) == want);
        CHECK(Attended(c, cache.view(), q, chunk.position, executor, together) == want);
      });
    }
  }
}

TEST_CASE("the last of 131,072 positions, with parts that are tasks or not: the definition, and the same bits") {
  constexpr uint32_t kPositions = 131072, kTokens = 1;
  ModelConfig c;
  c.hidden_size = 32;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = 32;
  Random random(7);
  const auto uniform = [&](size_t n) {
    std::vector<float> numbers(n);
    for (float& v : numbers) v = random.Uniform(-1.0f, 1.0f);
    return numbers;
  };
  const std::vector<float> keys = uniform(size_t{kPositions} * c.kv_size());
  const std::vector<float> values = uniform(size_t{kPositions} * c.kv_size());
  const std::vector<float> q = uniform(kTokens * c.q_size());
  const uint32_t position = kPositions - kTokens, parts = AttentionParts(kPositions);
  for (const KvCacheType type : kKvTypes) {
    CAPTURE(BytesOf(type));
    const LayerCache cache(c, type, kPositions);
    cache.Fill(c, keys, values);
    const std::vector<float> out = Attended(c, cache.view(), q, position, nullptr, 1);
    std::vector<double> tolerance;
    const std::vector<double> expected = AttendedByDefinition(c, keys, values, q, position, type, &tolerance);
    Worst worst;
    for (size_t i = 0; i < out.size(); ++i) worst.Add(static_cast<double>(out[i]), expected[i], tolerance[i]);
    CHECK(worst.share() <= 1.0);
    const Executor executor = Workers(4, true);
    CHECK(Attended(c, cache.view(), q, position, &executor, kTokens * parts) == out);
  }
}

TEST_CASE("the whole operator after 498 positions, in chunks of any length and for every executor: the same bits") {
  const Image& image = Home().image();
  const ModelConfig& c = image.config();
  const BoundWeights bound(image);
  const LayerWeights* const layer = std::find_if(bound.layers.data(), bound.layers.data() + c.layers,
                                                 [](const LayerWeights& w) { return w.attn_q.rows > 0; });
  REQUIRE(layer < bound.layers.data() + c.layers);
  float frequency[kMaxHeadDim / 2];
  FillRopeFrequency(c, frequency);
  constexpr uint32_t kBefore = 498, kTokens = 40;
  const std::vector<float> keys = Random(4).Normals(size_t{kBefore} * c.kv_size());
  const std::vector<float> values = Random(5).Normals(size_t{kBefore} * c.kv_size());
  const std::vector<float> normed = Random(6).Normals(size_t{kTokens} * c.hidden_size);
  for (const KvCacheType type : kKvTypes) {
    CAPTURE(BytesOf(type));
    // Every run stores the positions after these again.
    const LayerCache cache(c, type);
    cache.Fill(c, keys, values);
    const auto run = [&](uint32_t chunk, const Executor* executor) {
      const LayerMemory memory(c, chunk, kContext);
      const Workspace& ws = memory.workspace();
      std::vector<float> out;
      for (uint32_t t = 0; t < kTokens; t += chunk) {
        const uint32_t tokens = Min(chunk, kTokens - t), position = kBefore + t;
        const float* const rows = normed.data() + size_t{t} * c.hidden_size;
        std::copy(rows, rows + size_t{tokens} * c.hidden_size, ws.normed);
        for (uint32_t i = 0; i < tokens; ++i) {
          FillRope(frequency, c.head_dim, position + i, ws.rope + size_t{i} * c.head_dim);
        }
        const LayerContext ctx{c, ws, executor, nullptr, nullptr, nullptr, position, tokens};
        AttentionOperator(Simd(), ctx, *layer, cache.view());
        out.insert(out.end(), ws.delta, ws.delta + size_t{tokens} * c.hidden_size);
      }
      return out;
    };
    const std::vector<float> want = run(kTokens, nullptr);
    CHECK(std::all_of(want.begin(), want.end(), [](float v) { return std::isfinite(v); }));
    for (const uint32_t chunk : {1u, 2u, 3u, 16u, kTokens}) {
      CAPTURE(chunk);
      ForExecutors([&](const Executor* executor) { CHECK(run(chunk, executor) == want); });
    }
  }
}

}  // namespace lfm2::test
