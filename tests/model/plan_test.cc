// The plan is exact, known at compile time, and what a session carves: firmware sizes its arena by it.
#include "lfm2/runtime/plan.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "lfm2/model/presets.h"

namespace lfm2::test {
namespace {

constexpr SessionOptions With(uint32_t context, uint32_t chunk, KvCacheType type = KvCacheType::kF16) {
  SessionOptions o;
  o.context_length = context;
  o.prefill_chunk = chunk;
  o.kv_cache = type;
  return o;
}

constexpr Plan PlanOf(uint32_t context, uint32_t chunk, KvCacheType type = KvCacheType::kF16) {
  return MakePlan(kLfm2_8B_A1B, With(context, chunk, type));
}

// Plans are arithmetic, not measurements: sizes follow from the model's shape.
constexpr Plan kPlan = PlanOf(4096, 128);
static_assert(kPlan.count == 6);
static_assert(kPlan.regions[1].bytes == 6ull * 2 * 512 * 4096 * 2, "keys and values in half floats");
static_assert(kPlan.regions[2].bytes == 2 * 18ull * 2 * 2048 * 4, "two past inputs of each convolution, and a copy");
static_assert(kPlan.regions[4].bytes == (65536ull + 2048) * 4, "one row of logits, and of the hidden state");
static_assert(kPlan.regions[5].bytes == 4096ull * 4, "one id for each position");
static_assert(kPlan.total_bytes == ArenaBytes(kLfm2_8B_A1B, With(4096, 128)));
static_assert(MakePlan(kLfm2_8B_A1B, SessionOptions()).total_bytes == kPlan.total_bytes, "these are the defaults");

uint64_t Bytes(const Plan& plan, const std::string& name) {
  for (uint32_t i = 0; i < plan.count; ++i) {
    if (plan.regions[i].name == name) return plan.regions[i].bytes;
  }
  FAIL("no region " << name);
  return 0;
}

// Buffers in use at the same time: [address, bytes) each.
using Buffers = std::vector<std::pair<const void*, uint64_t>>;

// Whether all are within the arena and none overlaps another.
bool AreDisjoint(const Buffers& buffers, const std::byte* begin, uint64_t size) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const std::byte* at = static_cast<const std::byte*>(buffers[i].first);
    if (at < begin || at + buffers[i].second > begin + size) return false;
    if (reinterpret_cast<uintptr_t>(at) % kAlignment != 0) return false;
    for (size_t j = 0; j < i; ++j) {
      const std::byte* other = static_cast<const std::byte*>(buffers[j].first);
      if (at < other + buffers[j].second && other < at + buffers[i].second) return false;
    }
  }
  return true;
}

// A small model with both kinds of layers and of feed forwards; its sizes are not round numbers.
ModelConfig Small() {
  ModelConfig c;
  c.hidden_size = 96;
  c.layers = 5;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 32;
  c.dense_layers = 1;
  c.dense_ff_size = 160;
  c.experts = 7;
  c.experts_per_token = 3;
  c.expert_ff_size = 64;
  c.vocab_size = 101;
  c.context_length = 300;
  c.conv_kernel = 4;
  c.layer_kind[1] = c.layer_kind[4] = LayerKind::kAttention;
  return c;
}

}  // namespace

TEST_CASE("the total is the sum of the regions, each a whole number of cache lines") {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < kPlan.count; ++i) {
    CHECK(kPlan.regions[i].bytes > 0);
    CHECK(kPlan.regions[i].bytes % kAlignment == 0);
    sum += kPlan.regions[i].bytes;
  }
  CHECK(sum == kPlan.total_bytes);
}

TEST_CASE("context makes the cache and the history grow, the chunk the activations, and nothing else") {
  const Plan context = PlanOf(8192, 128), chunk = PlanOf(4096, 256), exact = PlanOf(4096, 128, KvCacheType::kF32);
  CHECK(Bytes(context, "KV cache") == 2 * Bytes(kPlan, "KV cache"));
  CHECK(Bytes(context, "token history") == 2 * Bytes(kPlan, "token history"));
  CHECK(Bytes(exact, "KV cache") == 2 * Bytes(kPlan, "KV cache"));
  // A byte for each of the 64 numbers, and a float for them all: 17/32 of F16.
  CHECK(Bytes(PlanOf(4096, 128, KvCacheType::kInt8), "KV cache") * 32 == Bytes(kPlan, "KV cache") * 17);
  CHECK(Bytes(chunk, "activations and text") > Bytes(kPlan, "activations and text") * 19 / 10);
  CHECK(Bytes(chunk, "activations and text") <= Bytes(kPlan, "activations and text") * 2);
  for (uint32_t i = 0; i < kPlan.count; ++i) {
    const std::string name = kPlan.regions[i].name;
    CAPTURE(name);
    if (name != "KV cache" && name != "token history") CHECK(Bytes(context, name) == kPlan.regions[i].bytes);
    if (name != "KV cache") CHECK(Bytes(exact, name) == kPlan.regions[i].bytes);
    if (name != "activations and text") CHECK(Bytes(chunk, name) == kPlan.regions[i].bytes);
  }
  SessionOptions rows = With(4096, 128);
  rows.logits_rows = 16;
  CHECK(Bytes(MakePlan(kLfm2_8B_A1B, rows), "logits") == 16 * Bytes(kPlan, "logits"));
  // A chunk larger than the context is as large as the context.
  CHECK(PlanOf(64, 128).total_bytes == PlanOf(64, 64).total_bytes);
}

TEST_CASE("activations of parts that never run together share their memory") {
  // The mixture of experts is the largest part: with it as the only one, the plan is as large.
  const ModelConfig& c = kLfm2_8B_A1B;
  const uint64_t n = 128, assignments = n * c.experts_per_token;
  const uint64_t shared = n * (3 * c.hidden_size + c.head_dim + 1) * 4 + PanelBytes(n, c.hidden_size);
  const uint64_t moe = assignments * (c.expert_ff_size + c.hidden_size) * 4 + PanelBytes(assignments, c.hidden_size) +
                       PanelBytes(assignments, c.expert_ff_size) + assignments * (2 + 4 + 4 + 4) + n * c.experts * 4;
  CHECK(Bytes(kPlan, "activations and text") >= shared + moe);
  CHECK(Bytes(kPlan, "activations and text") <= shared + moe + 16 * kAlignment);
}

TEST_CASE("everything fits an arena of the planned size without overlap; one cache line less is too small") {
  // Once with the mixture of experts as the largest part of the activations, once with the dense feed forward.
  for (const uint32_t dense_ff_size : {160u, 4096u}) {
    ModelConfig c = Small();
    c.dense_ff_size = dense_ff_size;
    const KvCacheType type = dense_ff_size == 160 ? KvCacheType::kF16 : KvCacheType::kF32;
    SessionOptions options = Normalized(c, With(100, 13, type));
    options.logits_rows = 3;
    const uint64_t total = MakePlan(c, options).total_bytes;
    std::vector<std::byte> memory(static_cast<size_t>(total) + kAlignment);
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory.data());
    std::byte* const begin = memory.data() + (RoundUp<uintptr_t>(address, kAlignment) - address);
    Arena arena({begin, static_cast<size_t>(total)});
    SessionMemory m;
    m.Carve(c, options, StreamShape(), SlotPlan(), arena, nullptr);
    CHECK(!arena.overflowed());
    CHECK(arena.used() == total);

    const uint64_t n = 13, a = n * 3;
    const Workspace& ws = m.workspace;
    const Buffers always = {{m.weights.layers, sizeof(LayerWeights) * 5},
                            {m.logits, 3 * 101 * 4},
                            {m.hidden, 3 * 96 * 4},
                            {m.tokens, 100 * 4},
                            {m.state.conv(0), 3 * 3 * 96 * 4},
                            {m.state.kv(0).keys, uint64_t{64} * 128 * BytesOf(type)},
                            {m.state.kv(0).values, uint64_t{64} * 128 * BytesOf(type)},
                            {m.state.kv(1).keys, uint64_t{64} * 128 * BytesOf(type)},
                            {m.state.kv(1).values, uint64_t{64} * 128 * BytesOf(type)},
                            {ws.x, n * 96 * 4},
                            {ws.normed, n * 96 * 4},
                            {ws.delta, n * 96 * 4},
                            {ws.panel, PanelBytes(n, 96)},
                            {ws.rope, n * 32 * 4},
                            {ws.mean_square, n * 4}};
    const Buffers parts[] = {
        {{ws.conv.bcx, n * 3 * 96 * 4}, {ws.conv.out, n * 96 * 4}, {ws.conv.panel, PanelBytes(n, 96)}},
        {{ws.attention.q, n * 128 * 4},
         {ws.attention.k, n * 64 * 4},
         {ws.attention.v, n * 64 * 4},
         {ws.attention.out, n * 128 * 4},
         {ws.attention.panel, PanelBytes(n, 128)}},
        {{ws.ffn.act, n * dense_ff_size * 4}, {ws.ffn.panel, PanelBytes(n, dense_ff_size)}},
        {{ws.moe.scores, n * 7 * 4},
         {ws.moe.chosen, a * 2},
         {ws.moe.weights, a * 4},
         {ws.moe.slot, a * 4},
         {ws.moe.token, a * 4},
         {ws.moe.offset, 8 * 4},
         {ws.moe.active, 7 * 2},
         {ws.moe.panel, PanelBytes(a, 96)},
         {ws.moe.act, a * 64 * 4},
         {ws.moe.act_panel, PanelBytes(a, 64)},
         {ws.moe.out, a * 96 * 4}}};
    for (const Buffers& part : parts) {
      Buffers together = always;
      together.insert(together.end(), part.begin(), part.end());
      CHECK(AreDisjoint(together, begin, total));
    }

    // The scratch of tokenizer and sampler shares the memory of the activations, and no other.
    CHECK(static_cast<void*>(m.text_scratch) == ws.x);
    CHECK(AreDisjoint({{m.text_scratch, m.text_scratch_bytes},
                       {m.logits, 3 * 101 * 4},
                       {m.hidden, 3 * 96 * 4},
                       {m.tokens, 100 * 4},
                       {m.state.conv(0), 3 * 3 * 96 * 4},
                       {m.state.kv(1).values, uint64_t{64} * 128 * BytesOf(type)}},
                      begin, total));

    Arena small({begin, static_cast<size_t>(total - kAlignment)});
    SessionMemory never;
    never.Carve(c, options, StreamShape(), SlotPlan(), small, nullptr);
    CHECK(small.overflowed());
  }
}

TEST_CASE("the plan of an unchecked context has its full size, and never wraps around to a small one") {
  // Keys and values of a position take 6 layers * 2 * 512 * 2 bytes, whatever the number of positions.
  for (const uint32_t context : {1u << 24, 0x80000000u, UINT32_MAX - 63, UINT32_MAX - 62, UINT32_MAX}) {
    CAPTURE(context);
    const Plan plan = PlanOf(context, 1);
    CHECK(Bytes(plan, "KV cache") == RoundUp<uint64_t>(context, 64) * 12288);
    CHECK(Bytes(plan, "token history") == RoundUp<uint64_t>(uint64_t{context} * 4, 64));
    const Plan wide = PlanOf(context, UINT32_MAX);
    CHECK(Bytes(wide, "activations and text") > uint64_t{context} * 3 * 2048 * 4);
  }
}

TEST_CASE("ArenaBytes at run time: 0 for options that Session::Open refuses, and for configs that no image can have") {
  CHECK(ArenaBytes(Small(), With(100, 13)) == MakePlan(Small(), With(100, 13)).total_bytes);
  CHECK(ArenaBytes(Small(), With(300, 13)) > 0);
  CHECK(ArenaBytes(Small(), With(301, 13)) == 0);
  CHECK(ArenaBytes(Small(), With(UINT32_MAX - 62, 13)) == 0);
  CHECK(ArenaBytes(Small(), With(100, 0)) == 0);
  CHECK(ArenaBytes(Small(), With(100, 13, static_cast<KvCacheType>(7))) == 0);
  ModelConfig none;
  CHECK(ArenaBytes(none, SessionOptions()) == 0);
  ModelConfig odd = Small();
  odd.heads = 5;
  CHECK(ArenaBytes(odd, With(100, 13)) == 0);
  // More bytes than 32 bits can count.
  const SessionOptions large = With(128000, 128000, KvCacheType::kF32);
  const uint64_t total = MakePlan(kLfm2_5_8B_A1B, large).total_bytes;
  CHECK(total > UINT32_MAX);
  CHECK(ArenaBytes(kLfm2_5_8B_A1B, large) == (sizeof(size_t) > 4 ? total : 0));
}

TEST_CASE("options that are out of range are refused by name") {
  SessionOptions kv = With(100, 13, static_cast<KvCacheType>(3));
  CHECK(CheckOptions(Small(), kv).code() == StatusCode::kInvalidArgument);
  CHECK(std::string(CheckOptions(Small(), kv).where()) == "options.kv_cache");
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8}) {
    CHECK(CheckOptions(Small(), With(100, 13, type)).ok());
  }
}

}  // namespace lfm2::test
