// How many experts an arena holds, and whose they are.
#ifndef LFM2_MODEL_SLOT_PLAN_H_
#define LFM2_MODEL_SLOT_PLAN_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/image.h"
#include "lfm2/format/model_config.h"

namespace lfm2 {

// What has to be known of an image whose experts are read as they are needed. All zero: the image is addressable.
struct StreamShape {
  uint64_t front_bytes = 0;                // read once, when the image opens
  uint64_t record_bytes[kMaxLayers] = {};  // of one expert of MoE layer m; a multiple of kRecordAlignment

  constexpr bool is_streamed() const { return front_bytes > 0; }
};

// The shape of an opened image; read_experts: as if it had to be read though it is addressable, for a plan.
inline StreamShape StreamShapeOf(const Image& image, bool read_experts) {
  StreamShape shape;
  if (!read_experts) return shape;
  shape.front_bytes = image.front_bytes();
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) shape.record_bytes[m] = image.record_layer(m).stride;
  return shape;
}
inline StreamShape StreamShapeOf(const Image& image) { return StreamShapeOf(image, image.is_streamed()); }

// Slots are places for one expert record each. A layer with slots of its own keeps its favourites there from token to
// token, and it needs experts_per_token of them at least. Where the arena does not hold that for every layer, the last
// ones share `shared` slots and read nearly everything anew for each token.
struct SlotPlan {
  uint16_t own[kMaxLayers] = {};  // slots of MoE layer m; 0 where it shares
  uint32_t shared = 0;
  uint32_t total = 0;
  uint64_t bytes = 0;  // of all slots
  // Bytes that decode reads for a token where no expert is used more than others: an upper bound for real text.
  uint64_t read_bytes_per_token = 0;
};

// The least that works: one slot, shared by all layers, as large as the largest record.
constexpr uint64_t LeastSlotBytes(const ModelConfig& config, const StreamShape& shape) {
  uint64_t largest = 0;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) largest = Max(largest, shape.record_bytes[m]);
  return largest;
}

// experts_per_token slots of its own for every layer: below that nothing is kept in some of them.
constexpr uint64_t DefaultSlotBytes(const ModelConfig& config, const StreamShape& shape) {
  uint64_t bytes = 0;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) bytes += config.experts_per_token * shape.record_bytes[m];
  return bytes;
}

// The best use of `budget` bytes, at least LeastSlotBytes: the same number of slots for every layer and one more for
// the first ones, never more than it has experts. Simulation found no gain in giving some layers more than others.
constexpr SlotPlan MakeSlotPlan(const ModelConfig& config, const StreamShape& shape, uint64_t budget) {
  SlotPlan plan;
  const uint32_t layers = config.moe_layers();
  const uint32_t least = config.experts_per_token;
  if (!shape.is_streamed() || layers == 0) return plan;
  if (budget >= DefaultSlotBytes(config, shape)) {
    bool fits = true;
    for (uint32_t slots = 0; slots < config.experts && fits; ++slots) {
      for (uint32_t m = 0; m < layers && fits; ++m) {
        fits = shape.record_bytes[m] <= budget - plan.bytes;
        if (!fits) break;
        plan.bytes += shape.record_bytes[m];
        ++plan.own[m];
      }
    }
  } else {
    const uint64_t largest = LeastSlotBytes(config, shape);
    plan.shared = static_cast<uint32_t>(Max<uint64_t>(1, Min<uint64_t>(least, budget / largest)));
    plan.bytes = plan.shared * largest;
    for (uint32_t m = 0; m < layers; ++m) {
      const uint64_t bytes = least * shape.record_bytes[m];
      if (plan.bytes + bytes > budget) break;
      plan.bytes += bytes;
      plan.own[m] = static_cast<uint16_t>(least);
    }
  }
  plan.total = plan.shared;
  for (uint32_t m = 0; m < layers; ++m) {
    plan.total += plan.own[m];
    plan.read_bytes_per_token += least * shape.record_bytes[m] * (config.experts - plan.own[m]) / config.experts;
  }
  return plan;
}

}  // namespace lfm2

#endif  // LFM2_MODEL_SLOT_PLAN_H_
