// The experts that are in memory, and who makes room for others.
#ifndef LFM2_MODEL_EXPERT_CACHE_H_
#define LFM2_MODEL_EXPERT_CACHE_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/format/model_config.h"
#include "lfm2/model/expert_policy.h"
#include "lfm2/model/record_loader.h"
#include "lfm2/model/slot_plan.h"

namespace lfm2 {

// A chunk's use of one MoE layer.
struct ExpertUse {
  uint32_t moe_layer = 0;
  uint32_t tokens = 0;
  uint32_t per_token = 0;
  const uint16_t* chosen = nullptr;  // [tokens, per_token]
  const uint16_t* active = nullptr;  // [active_count]: every chosen expert once
  uint32_t active_count = 0;
};

// Experts whose weights can be read now, until the next batch.
struct ExpertBatch {
  uint32_t count = 0;
  const uint16_t* index = nullptr;       // [count] into ExpertUse::active
  const uint8_t* const* data = nullptr;  // [active_count]: the record of active[index[i]] is data[index[i]]
};

// Lies in the session's arena; a copy is another view of the same. Not thread-safe. A layer calls Begin, then Next
// until the batch is empty, and computes one batch while the reads for the others go on.
class ExpertCache {
 public:
  // First in an arena whose front is aligned to kRecordAlignment.
  constexpr void CarveSlots(const SlotPlan& plan, Arena& arena) { slot_memory_ = arena.Carve<std::byte>(plan.bytes); }
  constexpr void CarveTables(const ModelConfig& config, const SlotPlan& plan, Arena& arena) {
    const uint64_t experts = config.experts;
    run_ = arena.Carve<Run>(1);
    layers_ = arena.Carve<Layer>(config.moe_layers());
    slots_ = arena.Carve<Slot>(plan.total);
    where_ = arena.Carve<uint32_t>(config.moe_layers() * experts);
    waiting_ = arena.Carve<uint16_t>(experts);
    batch_ = arena.Carve<uint16_t>(experts);
    data_ = arena.Carve<const uint8_t*>(experts);
    policy_.Carve(config.moe_layers(), config.experts, arena);
  }

  // Empties all slots. plan: what was carved; shape: of the same image, which outlives this.
  void Bind(const Image& image, const StreamShape& shape, const SlotPlan& plan, uint32_t read_retries) {
    const ModelConfig& config = image.config();
    experts_ = config.experts;
    moe_layers_ = config.moe_layers();
    *run_ = Run();
    run_->loader.Bind(image, read_retries);
    for (uint32_t i = 0; i < moe_layers_ * experts_; ++i) where_[i] = kNowhere;
    std::byte* memory = slot_memory_;
    uint32_t slot = 0;
    const auto add_slots = [&](uint32_t count, uint64_t bytes) {
      for (uint32_t i = 0; i < count; ++i, memory += static_cast<size_t>(bytes))
        slots_[slot++] = {memory, kNone, false};
    };
    add_slots(plan.shared, LeastSlotBytes(config, shape));
    for (uint32_t m = 0; m < moe_layers_; ++m) {
      const bool own = plan.own[m] > 0;
      layers_[m] = {own ? slot : 0, own ? plan.own[m] : plan.shared, StreamStatistics()};
      add_slots(plan.own[m], shape.record_bytes[m]);
    }
    policy_.Reset();
  }

  // Notes the use and starts reading what is missing. `use` and what it points to stay valid until the last Next.
  // Errors: kTimeout where the reads of a call that failed have still not ended; the queue's.
  Status Begin(const ExpertUse& use) {
    Run& run = *run_;
    LFM2_RETURN_IF_ERROR(run.loader.Drain());
    for (uint32_t t = 0; t < use.tokens; ++t) {
      policy_.Use(use.moe_layer, use.chosen + size_t{t} * use.per_token, use.per_token);
    }
    Layer& layer = layers_[use.moe_layer];
    run.use = use;
    run.most_loads = use.tokens == 1 ? use.per_token : kPrefillLoads;
    run.next_waiting = run.waiting = run.hits = run.batch_begin = run.batch = 0;
    // Hits gather at the front of batch_.
    for (uint32_t i = 0; i < use.active_count; ++i) {
      const uint32_t at = where_[Record(use.active[i])];
      if (at == kNowhere) {
        waiting_[run.waiting++] = static_cast<uint16_t>(i);
      } else {
        slots_[at].busy = true;
        data_[i] = reinterpret_cast<const uint8_t*>(slots_[at].memory);
        batch_[run.hits++] = static_cast<uint16_t>(i);
      }
    }
    layer.statistics.hits += run.hits;
    layer.statistics.misses += run.waiting;
    return OrGiveUp(StartLoads());
  }

  // The next experts, those in memory first; none: there are no more. Errors: as RecordLoader::Collect; then Begin is
  // next, and no expert of a record that failed was in a batch.
  Status Next(ExpertBatch* batch) {
    Run& run = *run_;
    for (uint32_t i = 0; i < run.batch; ++i) slots_[where_[Record(run.use.active[Batch()[i]])]].busy = false;
    run.batch_begin += run.batch;
    run.batch = 0;
    if (run.hits > 0) {
      TakeHits();
    } else {
      run.batch_begin = 0;
      LFM2_RETURN_IF_ERROR(OrGiveUp(StartLoads()));
      bool found = true;
      while (found && run.loader.loads() > 0) {
        RecordLoad done;
        LFM2_RETURN_IF_ERROR(OrGiveUp(run.loader.Collect(run.batch == 0, &statistics(), &done, &found)));
        if (found) Arrive(done);
      }
    }
    *batch = {run.batch, Batch(), data_};
    return Status();
  }

  const StreamStatistics& layer_statistics(uint32_t moe_layer) const { return layers_[moe_layer].statistics; }
  StreamStatistics TotalStatistics() const {
    StreamStatistics sum;
    for (uint32_t m = 0; m < moe_layers_; ++m) sum.Add(layers_[m].statistics);
    return sum;
  }
  bool IsResident(uint32_t moe_layer, uint32_t expert) const {
    return where_[moe_layer * experts_ + expert] != kNowhere;
  }

 private:
  static constexpr uint32_t kNowhere = 0xffffffffu;
  static constexpr uint32_t kNone = 0xffffffffu;
  // Records read ahead of a chunk's products. More of them would drive favourites out of the slots.
  static constexpr uint32_t kPrefillLoads = 2;

  struct Slot {
    std::byte* memory;
    uint32_t record;  // kNone: empty
    bool busy;        // being read, or read by products
  };
  struct Layer {
    uint32_t first;  // slot
    uint32_t count;
    StreamStatistics statistics;
  };
  // What changes while a layer runs.
  struct Run {
    RecordLoader loader;
    ExpertUse use;
    uint32_t most_loads = 0;
    uint32_t waiting = 0;  // misses, waiting_[next_waiting ..) still to be read
    uint32_t next_waiting = 0;
    uint32_t hits = 0;         // still to be handed out
    uint32_t batch_begin = 0;  // batch_[batch_begin .. batch_begin + batch) were handed out at last
    uint32_t batch = 0;
  };

  uint16_t* Batch() const { return batch_ + run_->batch_begin; }
  uint32_t Record(uint32_t expert) const { return run_->use.moe_layer * experts_ + expert; }
  StreamStatistics& statistics() { return layers_[run_->use.moe_layer].statistics; }

  // The slot that a miss may take: an empty one, else that of the least priority; kNone where all are busy.
  uint32_t Victim() const {
    const Layer& layer = layers_[run_->use.moe_layer];
    uint32_t victim = kNone;
    float least = 0.0f;
    for (uint32_t s = layer.first; s < layer.first + layer.count; ++s) {
      if (slots_[s].busy) continue;
      if (slots_[s].record == kNone) return s;
      const float priority = policy_.Priority(slots_[s].record / experts_, slots_[s].record % experts_);
      if (victim == kNone || priority < least) {
        victim = s;
        least = priority;
      }
    }
    return victim;
  }

  Status StartLoads() {
    Run& run = *run_;
    while (run.next_waiting < run.waiting && run.loader.loads() < run.most_loads) {
      const uint32_t s = Victim();
      if (s == kNone) break;
      Slot& slot = slots_[s];
      if (slot.record != kNone) where_[slot.record] = kNowhere;
      slot.record = kNone;
      slot.busy = true;
      run.loader.Start({run.use.moe_layer, run.use.active[waiting_[run.next_waiting++]], s, slot.memory});
    }
    return run.loader.Submit(&statistics());
  }

  // Where misses have found no slot, two hits go first and make room; otherwise all of them.
  void TakeHits() {
    Run& run = *run_;
    const bool stuck = run.next_waiting < run.waiting && run.loader.loads() == 0;
    run.batch = stuck ? Min(run.hits, 2u) : run.hits;
    run.hits -= run.batch;
  }

  void Arrive(const RecordLoad& load) {
    Run& run = *run_;
    const uint32_t record = Record(load.expert);
    slots_[load.slot].record = record;
    where_[record] = load.slot;
    for (uint32_t w = 0; w < run.next_waiting; ++w) {
      const uint32_t i = waiting_[w];
      if (run.use.active[i] != load.expert) continue;
      data_[i] = reinterpret_cast<const uint8_t*>(load.memory);
      Batch()[run.batch++] = static_cast<uint16_t>(i);
    }
  }

  // Behind an error no slot is busy, and those that were being read are empty.
  Status OrGiveUp(const Status& status) {
    if (status.ok()) return status;
    Run& run = *run_;
    // Where the device does not answer even now, Begin tries again before it touches a slot.
    static_cast<void>(run.loader.Drain());
    const Layer& layer = layers_[run.use.moe_layer];
    for (uint32_t s = layer.first; s < layer.first + layer.count; ++s) slots_[s].busy = false;
    run.batch = run.batch_begin = run.hits = run.waiting = run.next_waiting = 0;
    return status;
  }

  std::byte* slot_memory_ = nullptr;
  Run* run_ = nullptr;
  Layer* layers_ = nullptr;         // [moe_layers]
  Slot* slots_ = nullptr;           // shared ones first, then layer by layer
  uint32_t* where_ = nullptr;       // [moe_layers, experts] slot of a record, kNowhere
  uint16_t* waiting_ = nullptr;     // [experts]
  uint16_t* batch_ = nullptr;       // [experts]
  const uint8_t** data_ = nullptr;  // [experts]
  uint32_t experts_ = 0;
  uint32_t moe_layers_ = 0;
  ExpertPolicy policy_;
};

}  // namespace lfm2

#endif  // LFM2_MODEL_EXPERT_CACHE_H_
