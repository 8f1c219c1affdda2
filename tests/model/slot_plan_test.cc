// How many slots fit an arena: firmware sizes its memory by these numbers, and one slot too many would overwrite other
// memory.
#include "lfm2/model/slot_plan.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lfm2/model/presets.h"
#include "lfm2/runtime/plan.h"

namespace lfm2::test {
namespace {

constexpr uint64_t kAlign = kRecordAlignment;

constexpr ModelConfig Moe(uint32_t moe_layers, uint32_t experts, uint32_t per_token) {
  ModelConfig c;
  c.hidden_size = 64;
  c.layers = moe_layers + 1;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = 32;
  c.dense_layers = 1;
  c.dense_ff_size = 96;
  c.experts = experts;
  c.experts_per_token = per_token;
  c.expert_ff_size = 32;
  c.vocab_size = 100;
  c.context_length = 64;
  return c;
}

constexpr StreamShape Shape(uint32_t moe_layers, uint64_t record, uint64_t larger = 0) {
  StreamShape shape;
  shape.front_bytes = 10 * kAlign;
  for (uint32_t m = 0; m < moe_layers; ++m) shape.record_bytes[m] = m % 3 == 1 ? record + larger : record;
  return shape;
}

// The published model by its config: gate, up and down of 1,792 x 2,048 in 4.5 bits per weight are 6,193,152 bytes,
// which is a whole number of blocks.
constexpr StreamShape Lfm2Shape() {
  StreamShape shape;
  shape.front_bytes = 365 * 1000000 / kAlign * kAlign;
  for (uint32_t m = 0; m < 22; ++m) shape.record_bytes[m] = 6193152;
  return shape;
}
constexpr SessionOptions Budget(uint64_t arena_bytes) {
  SessionOptions options;
  options.arena_bytes = arena_bytes;
  return options;
}

// A static arena is sized at compile time.
constexpr uint64_t kGigabyte = 1000000000;
constexpr Plan kSlotPlan = MakePlan(kLfm2_8B_A1B, Budget(kGigabyte), Lfm2Shape());
static_assert(kSlotPlan.total_bytes <= kGigabyte);
static_assert(kSlotPlan.total_bytes + 6193152 + kAlign > kGigabyte, "no room for one more expert is left");
static_assert(kSlotPlan.slots.total >= 88, "1 GB holds what a token touches: 4 experts in 22 layers");
static_assert(kSlotPlan.slots.bytes == kSlotPlan.slots.total * uint64_t{6193152});
static_assert(MakeSlotPlan(kLfm2_8B_A1B, Lfm2Shape(), 88 * uint64_t{6193152}).own[21] == 4);
static_assert(DefaultSlotBytes(kLfm2_8B_A1B, Lfm2Shape()) == 88 * uint64_t{6193152});
static_assert(LeastSlotBytes(kLfm2_8B_A1B, Lfm2Shape()) == 6193152);

struct Case {
  uint32_t moe_layers, experts, per_token;
  uint64_t record, larger;  // bytes; every third layer's records are larger
};
const Case kCases[] = {{1, 3, 2, kAlign, 0},      {2, 3, 2, kAlign, 0},           {22, 32, 4, 5 * kAlign, 0},
                       {4, 32, 4, 3 * kAlign, 0}, {7, 8, 8, 2 * kAlign, 0},       {5, 64, 8, kAlign, 0},
                       {3, 4, 1, 3 * kAlign, 0},  {5, 16, 4, 8 * kAlign, kAlign}, {22, 32, 4, 9 * kAlign, 2 * kAlign},
                       {1, 1, 1, 7 * kAlign, 0}};

uint64_t Bytes(const SlotPlan& plan, const ModelConfig& config, const StreamShape& shape) {
  uint64_t bytes = plan.shared * LeastSlotBytes(config, shape);
  for (uint32_t m = 0; m < config.moe_layers(); ++m) bytes += plan.own[m] * shape.record_bytes[m];
  return bytes;
}

uint64_t AllBytes(const ModelConfig& config, const StreamShape& shape) {
  uint64_t bytes = 0;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) bytes += config.experts * shape.record_bytes[m];
  return bytes;
}

bool SamePlan(const SlotPlan& a, const SlotPlan& b) {
  for (uint32_t m = 0; m < kMaxLayers; ++m) {
    if (a.own[m] != b.own[m]) return false;
  }
  return a.shared == b.shared && a.total == b.total && a.bytes == b.bytes;
}

uint64_t Region(const Plan& plan, const std::string& name) {
  for (uint32_t i = 0; i < plan.count; ++i) {
    if (plan.regions[i].name == name) return plan.regions[i].bytes;
  }
  FAIL("no region " << name);
  return 0;
}

}  // namespace

TEST_CASE("for every budget: within it, every layer can run, and no layer has slots that it cannot use") {
  for (const Case& k : kCases) {
    const ModelConfig config = Moe(k.moe_layers, k.experts, k.per_token);
    const StreamShape shape = Shape(k.moe_layers, k.record, k.larger);
    CAPTURE(k.moe_layers);
    CAPTURE(k.experts);
    const uint64_t least = LeastSlotBytes(config, shape), all = AllBytes(config, shape);
    const uint64_t own_from = DefaultSlotBytes(config, shape);
    for (uint64_t budget = least; budget <= all + 2 * kAlign; budget += kAlign - 1) {
      const SlotPlan plan = MakeSlotPlan(config, shape, budget);
      uint32_t total = plan.shared, fewest = UINT32_MAX, most = 0;
      bool every_layer_runs = true, own_are_right = true;
      for (uint32_t m = 0; m < k.moe_layers; ++m) {
        total += plan.own[m];
        every_layer_runs = every_layer_runs && (plan.own[m] >= k.per_token || (plan.own[m] == 0 && plan.shared > 0));
        own_are_right = own_are_right && plan.own[m] <= k.experts;
        fewest = Min<uint32_t>(fewest, plan.own[m]);
        most = Max<uint32_t>(most, plan.own[m]);
      }
      const bool fits = plan.bytes <= budget && plan.bytes == Bytes(plan, config, shape) && plan.total == total;
      // No layer shares if there is enough for all of them, and then all have about the same number.
      const bool fair = budget >= own_from ? plan.shared == 0 && most - fewest <= 1 : plan.shared > 0 && fewest == 0;
      // No memory is left unused: one more slot for a layer would not fit.
      const bool used = plan.bytes == all || budget - plan.bytes < LeastSlotBytes(config, shape) * k.per_token;
      if (!(fits && every_layer_runs && own_are_right && fair && used && plan.shared <= k.per_token)) {
        CAPTURE(budget);
        CHECK(fits);
        CHECK(every_layer_runs);
        CHECK(own_are_right);
        CHECK(fair);
        CHECK(used);
        CHECK(plan.shared <= k.per_token);
      }
    }
  }
}

TEST_CASE("more memory never means fewer slots for a layer with slots of its own, nor more bytes to read") {
  for (const Case& k : kCases) {
    const ModelConfig config = Moe(k.moe_layers, k.experts, k.per_token);
    const StreamShape shape = Shape(k.moe_layers, k.record, k.larger);
    SlotPlan before = MakeSlotPlan(config, shape, LeastSlotBytes(config, shape));
    for (uint64_t budget = LeastSlotBytes(config, shape); budget <= AllBytes(config, shape); budget += kAlign) {
      const SlotPlan plan = MakeSlotPlan(config, shape, budget);
      bool grows = plan.total >= before.total && plan.read_bytes_per_token <= before.read_bytes_per_token;
      for (uint32_t m = 0; m < k.moe_layers; ++m) grows = grows && plan.own[m] >= before.own[m];
      CAPTURE(budget);
      if (!grows) CHECK(grows);
      before = plan;
    }
    CHECK(before.read_bytes_per_token == 0);
  }
}

TEST_CASE(
    "the minimum is one slot for all layers; the default has a token's experts of every layer; the maximum has all "
    "experts") {
  for (const Case& k : kCases) {
    const ModelConfig config = Moe(k.moe_layers, k.experts, k.per_token);
    const StreamShape shape = Shape(k.moe_layers, k.record, k.larger);
    const SlotPlan least = MakeSlotPlan(config, shape, LeastSlotBytes(config, shape));
    const uint64_t largest = k.record + (k.moe_layers > 1 ? k.larger : 0);
    CHECK(least.bytes == largest);
    CHECK(least.total == 1);
    // A single layer whose tokens use one expert has that slot to itself.
    CHECK(least.shared == (k.moe_layers * k.per_token == 1 ? 0 : 1));
    const SlotPlan usual = MakeSlotPlan(config, shape, DefaultSlotBytes(config, shape));
    const SlotPlan most = MakeSlotPlan(config, shape, UINT64_MAX);
    for (uint32_t m = 0; m < k.moe_layers; ++m) {
      CHECK(usual.own[m] == k.per_token);
      CHECK(most.own[m] == k.experts);
    }
    CHECK(usual.shared + most.shared == 0);
    CHECK(most.bytes == AllBytes(config, shape));
    CHECK(SamePlan(most, MakeSlotPlan(config, shape, most.bytes)));
    CHECK(!SamePlan(most, MakeSlotPlan(config, shape, most.bytes - 1)));
  }
}

TEST_CASE("bytes read for a token: the experts it uses that are not in memory, if all are used equally often") {
  const ModelConfig config = Moe(2, 8, 2);
  const StreamShape shape = Shape(2, 4 * kAlign);
  // 2 of 8 experts per layer, 16,384 bytes each: 2/8, 5/8 and all of them are in memory.
  CHECK(MakeSlotPlan(config, shape, 2 * 2 * 4 * kAlign).read_bytes_per_token == 2 * 2 * 16384 * 6 / 8);
  CHECK(MakeSlotPlan(config, shape, 2 * 5 * 4 * kAlign).read_bytes_per_token == 2 * 2 * 16384 * 3 / 8);
  CHECK(MakeSlotPlan(config, shape, 4 * kAlign).read_bytes_per_token == 2 * 2 * 16384);
}

TEST_CASE("models without experts, and images that are addressable, have no slots") {
  CHECK(MakeSlotPlan(Moe(0, 0, 0), Shape(0, 0), UINT64_MAX).total == 0);
  CHECK(MakeSlotPlan(Moe(3, 8, 2), StreamShape(), UINT64_MAX).total == 0);
  const Plan plan = MakePlan(Moe(0, 0, 0), SessionOptions(), Shape(0, 0));
  CHECK(plan.front_bytes == 10 * kAlign);
  CHECK(plan.total_bytes > plan.front_bytes);
  CHECK(plan.total_bytes == plan.least_bytes);
  // An addressable image ignores a budget.
  const ModelConfig config = Moe(3, 8, 2);
  CHECK(MakePlan(config, Budget(1)).total_bytes == MakePlan(config, SessionOptions()).total_bytes);
}

TEST_CASE("a plan for any arena fits it, from the minimum on, and leaves less than one expert unused") {
  for (const Case& k : kCases) {
    const ModelConfig config = Moe(k.moe_layers, k.experts, k.per_token);
    const StreamShape shape = Shape(k.moe_layers, k.record, k.larger);
    const Plan least = MakePlan(config, Budget(1), shape);
    CHECK(least.total_bytes == least.least_bytes);
    CHECK(least.slots.total == 1);
    const Plan most = MakePlan(config, Budget(UINT64_MAX), shape);
    CHECK(most.slots.bytes == AllBytes(config, shape));
    CHECK(SamePlan(MakePlan(config, Budget(most.total_bytes), shape).slots, most.slots));
    const Plan usual = MakePlan(config, SessionOptions(), shape);
    CHECK(SamePlan(usual.slots, MakeSlotPlan(config, shape, DefaultSlotBytes(config, shape))));
    uint64_t before = 0;
    for (uint64_t bytes = least.least_bytes; bytes < most.total_bytes + kAlign; bytes += kAlign / 2) {
      const Plan plan = MakePlan(config, Budget(bytes), shape);
      uint64_t sum = 0;
      bool whole_lines = true;
      for (uint32_t i = 0; i < plan.count; ++i) {
        sum += plan.regions[i].bytes;
        whole_lines = whole_lines && plan.regions[i].bytes % kAlignment == 0;
      }
      const bool right = sum == plan.total_bytes && whole_lines && plan.total_bytes <= bytes &&
                         plan.least_bytes == least.least_bytes && plan.front_bytes == shape.front_bytes &&
                         Region(plan, "image, front part") == shape.front_bytes &&
                         Region(plan, "expert slots") == plan.slots.bytes && plan.slots.total >= before;
      CAPTURE(bytes);
      if (!right) CHECK(right);
      before = plan.slots.total;
    }
  }
}

TEST_CASE("front part and slots come first, so that both are aligned as the drive requires") {
  const Plan plan = MakePlan(Moe(4, 32, 4), SessionOptions(), Shape(4, 3 * kAlign));
  CHECK(std::string(plan.regions[0].name) == "image, front part");
  CHECK(std::string(plan.regions[1].name) == "expert slots");
  CHECK(plan.regions[0].bytes % kRecordAlignment == 0);
  CHECK(plan.regions[1].bytes % kRecordAlignment == 0);
}

}  // namespace lfm2::test
