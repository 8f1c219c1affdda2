// How many expert slots an arena has room for, and which layers they belong to.
#ifndef LFM2_MODEL_SLOT_PLAN_H_
#define LFM2_MODEL_SLOT_PLAN_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/image.h"
#include "lfm2/format/model_config.h"

namespace lfm2 {

// Sizes of an image whose experts are read on demand. All zero: the image is addressable.
struct StreamShape {
  uint64_t front_bytes = 0;                // read once, when the image opens
  uint64_t record_bytes[kMaxLayers] = {};  // of one expert of MoE layer m; a multiple of kRecordAlignment

  // Whether experts are read as they are needed.
  constexpr bool is_streamed() const { return front_bytes > 0; }
};

// The shape of an open image. read_experts: as if its experts had to be read although it is addressable, for plans.
inline StreamShape StreamShapeOf(const Image& image, bool read_experts) {
  StreamShape shape;
  if (!read_experts) return shape;
  shape.front_bytes = image.front_bytes();
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) shape.record_bytes[m] = image.record_layer(m).stride;
  return shape;
}
inline StreamShape StreamShapeOf(const Image& image) { return StreamShapeOf(image, image.is_streamed()); }

// A slot has room for one expert record. A layer with slots of its own keeps its favourites there from token to token,
// and needs at least experts_per_token of them. If the arena is too small for that in every layer, the last layers
// share `shared` slots and read nearly every expert again for each token.
struct SlotPlan {
  uint16_t own[kMaxLayers] = {};  // slots of MoE layer m; 0 where it shares
  uint32_t shared = 0;            // slots of the layers without slots of their own
  uint32_t total = 0;             // slots of all layers, the shared ones included
  uint64_t bytes = 0;             // of all slots
  // Bytes that decode reads per token if all experts are used equally often: an upper bound for real text.
  uint64_t read_bytes_per_token = 0;
};

// The minimum: one slot, shared by all layers, as large as the largest record.
constexpr uint64_t LeastSlotBytes(const ModelConfig& config, const StreamShape& shape) {
  uint64_t largest = 0;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) largest = Max(largest, shape.record_bytes[m]);
  return largest;
}

// experts_per_token slots for every layer: with less, some layers keep nothing between tokens.
constexpr uint64_t DefaultSlotBytes(const ModelConfig& config, const StreamShape& shape) {
  uint64_t bytes = 0;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) bytes += config.experts_per_token * shape.record_bytes[m];
  return bytes;
}

// The best use of `budget` bytes, which are at least LeastSlotBytes: the same number of slots for every layer and one
// more for the first layers, but no more than experts. In simulation, giving some layers more than others gained
// nothing.
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
