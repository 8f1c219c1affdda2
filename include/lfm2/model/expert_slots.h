// The slots that expert records are read to: what each of them has, and which one is reused next.
#ifndef LFM2_MODEL_EXPERT_SLOTS_H_
#define LFM2_MODEL_EXPERT_SLOTS_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/format/model_config.h"
#include "lfm2/model/expert_policy.h"
#include "lfm2/model/slot_plan.h"

namespace lfm2 {

// A record's number is moe_layer * experts + expert. The data is in the session's arena; a copy is another view of it.
class ExpertSlots {
 public:
  static constexpr uint32_t kNone = 0xffffffffu;

  struct Slot {
    std::byte* memory;
    uint32_t record;  // kNone: empty
    bool busy;        // being read to, or used by products
    bool may_pass;    // as large as any record
    bool passing;     // belongs to no layer in prefill
  };

  // Called before any other Carve, on an arena that is aligned to kRecordAlignment.
  constexpr void CarveMemory(const SlotPlan& plan, Arena& arena) { memory_ = arena.Carve<std::byte>(plan.bytes); }
  constexpr void CarveTables(const ModelConfig& config, const SlotPlan& plan, Arena& arena) {
    layers_ = arena.Carve<Layer>(config.moe_layers());
    slots_ = arena.Carve<Slot>(plan.total);
    where_ = arena.Carve<uint32_t>(uint64_t{config.moe_layers()} * config.experts);
  }

  // Empties all slots. plan: the one that was carved.
  void Bind(const ModelConfig& config, const StreamShape& shape, const SlotPlan& plan) {
    experts_ = config.experts;
    total_ = plan.total;
    for (uint32_t i = 0; i < config.moe_layers() * experts_; ++i) where_[i] = kNone;
    std::byte* memory = memory_;
    uint32_t slot = 0;
    const auto add_slots = [&](uint32_t count, uint64_t bytes, bool passing) {
      for (uint32_t i = 0; i < count; ++i, memory += static_cast<size_t>(bytes))
        slots_[slot++] = {memory, kNone, false, false, passing};
    };
    const uint64_t largest = LeastSlotBytes(config, shape);
    add_slots(plan.shared, largest, true);
    uint32_t passing = plan.shared;
    for (uint32_t m = 0; m < config.moe_layers(); ++m) {
      const uint32_t own = plan.own[m];
      layers_[m] = {own > 0 ? slot : 0, own > 0 ? own : plan.shared, own > 0};
      add_slots(own, shape.record_bytes[m], false);
      if (passing >= kPassingSlots || own < 2 || own == experts_ || shape.record_bytes[m] != largest) continue;
      slots_[slot - 1].may_pass = true;
      ++passing;
    }
    LetPass(0);
  }

  Slot& operator[](uint32_t s) const { return slots_[s]; }
  // The slot of a record; kNone if it is not in memory.
  uint32_t Find(uint32_t record) const { return where_[record]; }
  // Slots that only this layer uses; 0 if it shares slots with others.
  uint32_t own(uint32_t moe_layer) const { return layers_[moe_layer].owns ? layers_[moe_layer].count : 0; }

  // Empties a slot and marks it busy.
  void Evict(uint32_t s) {
    Slot& slot = slots_[s];
    if (slot.record != kNone) where_[slot.record] = kNone;
    slot.record = kNone;
    slot.busy = true;
  }
  void Fill(uint32_t s, uint32_t record) {
    slots_[s].record = record;
    where_[record] = s;
  }
  // Sets how many slots experts pass through in prefill, in addition to shared ones. Each takes the place of a
  // favourite, so there should be few more than were `used`, which is how many the drive fills while a layer's operator
  // computes.
  void LetPass(uint32_t used) {
    uint32_t count = used + kSparePassingSlots;
    for (uint32_t s = 0; s < total_; ++s) {
      if (!slots_[s].may_pass) continue;
      slots_[s].passing = count > 0;
      count -= count > 0 ? 1 : 0;
    }
  }
  void ReleaseAll() {
    for (uint32_t s = 0; s < total_; ++s) slots_[s].busy = false;
  }

  // Of the layer's slots that are not busy: an empty one or one that prefill gave to another layer, else the one with
  // the lowest priority. kNone if all are busy.
  uint32_t Victim(const ExpertPolicy& policy, uint32_t moe_layer) const {
    return Least(policy, moe_layer, false, static_cast<float>(experts_));
  }

  // For a prompt, which uses more experts than there are slots: one of the layer's own slots that is empty or whose
  // expert has a lower priority, or one that experts pass through; if there is none and `must`, any of the layer's own.
  // kNone if no slot is available yet.
  uint32_t VictimInPrefill(const ExpertPolicy& policy, uint32_t moe_layer, uint32_t expert, bool must) const {
    uint32_t s = Least(policy, moe_layer, true, policy.Priority(moe_layer, expert));
    if (s == kNone) s = Spare(moe_layer, kNone);
    if (s == kNone && must) s = Least(policy, moe_layer, true, static_cast<float>(experts_));
    return s;
  }

  // For what a prompt's next layer will use: an empty slot of that layer, or one that experts pass through and that has
  // no expert of that layer. kNone if no slot is available yet.
  uint32_t SpareForNext(uint32_t moe_layer) const { return Spare(moe_layer, moe_layer); }

 private:
  // Most slots that experts of all layers pass through in prefill. What is read to them, above all while another layer
  // computes, evicts no favourite of the layer that needs it.
  static constexpr uint32_t kPassingSlots = 8;
  static constexpr uint32_t kSparePassingSlots = 2;

  struct Layer {
    uint32_t first;  // slot
    uint32_t count;
    bool owns;
  };

  uint32_t Least(const ExpertPolicy& policy, uint32_t moe_layer, bool prefill, float below) const {
    const Layer& layer = layers_[moe_layer];
    uint32_t victim = kNone;
    for (uint32_t s = layer.first; s < layer.first + layer.count; ++s) {
      const Slot& slot = slots_[s];
      if (slot.busy || (slot.passing && prefill)) continue;
      if (slot.record == kNone || (layer.owns && slot.record / experts_ != moe_layer)) return s;
      const float priority = policy.Priority(slot.record / experts_, slot.record % experts_);
      if (priority >= below) continue;
      victim = s;
      below = priority;
    }
    return victim;
  }

  uint32_t Spare(uint32_t moe_layer, uint32_t but_of_layer) const {
    const Layer& layer = layers_[moe_layer];
    for (uint32_t s = 0; s < total_; ++s) {
      const Slot& slot = slots_[s];
      if (slot.busy) continue;
      const bool is_empty = slot.record == kNone;
      if (is_empty && s - layer.first < layer.count) return s;
      if (slot.passing && (is_empty || slot.record / experts_ != but_of_layer)) return s;
    }
    return kNone;
  }

  std::byte* memory_ = nullptr;
  Layer* layers_ = nullptr;    // [moe_layers]
  Slot* slots_ = nullptr;      // [total_] shared ones first, then layer by layer
  uint32_t* where_ = nullptr;  // [moe_layers, experts] slot of a record, kNone
  uint32_t total_ = 0;
  uint32_t experts_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_MODEL_EXPERT_SLOTS_H_
