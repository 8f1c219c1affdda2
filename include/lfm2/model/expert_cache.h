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
#include "lfm2/model/options.h"
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
    statistics_ = arena.Carve<StreamStatistics>(config.moe_layers());
    slots_ = arena.Carve<Slot>(plan.total);
    where_ = arena.Carve<uint32_t>(config.moe_layers() * experts);
    waiting_ = arena.Carve<uint16_t>(experts);
    batch_ = arena.Carve<uint16_t>(experts);
    data_ = arena.Carve<const uint8_t*>(experts);
    policy_.Carve(config.moe_layers(), config.experts, arena);
  }

  // Empties all slots. plan: what was carved; shape: of the same image, which outlives this.
  void Bind(const Image& image, const StreamShape& shape, const SlotPlan& plan, const SessionOptions& options) {
    options_ = options;
    const ModelConfig& config = image.config();
    experts_ = config.experts;
    moe_layers_ = config.moe_layers();
    total_slots_ = plan.total;
    run_->Forget();
    run_->loader.Bind(image, options.read_retries, statistics_);
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
      layers_[m] = {own ? slot : 0, own ? plan.own[m] : plan.shared, own};
      statistics_[m] = StreamStatistics();
      add_slots(plan.own[m], shape.record_bytes[m]);
    }
    policy_.Reset();
  }

  // Whether ReadAhead has something to do behind this layer.
  bool reads_ahead(uint32_t moe_layer) const {
    return options_.read_ahead && moe_layer + 1 < moe_layers_ && layers_[moe_layer + 1].owns_slots;
  }

  // Notes the use and starts reading what is missing. `use` and what it points to stay valid until the last Next.
  // Errors: kTimeout where the reads of a call that failed have still not ended; the queue's.
  Status Begin(const ExpertUse& use) {
    Run& run = *run_;
    if (run.failed) LFM2_RETURN_IF_ERROR(run.loader.Drain());
    run.failed = false;
    for (uint32_t t = 0; t < use.tokens; ++t) {
      policy_.Use(use.moe_layer, use.chosen + size_t{t} * use.per_token, use.per_token);
    }
    run.use = use;
    run.most_loads = use.tokens == 1 ? use.per_token : kPrefillLoads;
    run.next_waiting = run.waiting = run.hits = run.batch_begin = run.batch = 0;
    LFM2_RETURN_IF_ERROR(OrGiveUp(TakeWhatIsThere()));
    // Hits gather at the front of batch_; misses that are on their way already at the front of waiting_.
    uint32_t hits = 0, begun = 0;
    for (uint32_t i = 0; i < use.active_count; ++i) {
      const uint32_t at = where_[Record(use.active[i])];
      if (at != kNowhere) {
        slots_[at].busy = true;
        data_[i] = reinterpret_cast<const uint8_t*>(slots_[at].memory);
        batch_[hits++] = static_cast<uint16_t>(i);
        continue;
      }
      waiting_[run.waiting] = static_cast<uint16_t>(i);
      if (run.loader.Want(use.moe_layer, use.active[i])) {
        waiting_[run.waiting] = waiting_[begun];
        waiting_[begun++] = static_cast<uint16_t>(i);
      }
      ++run.waiting;
    }
    run.loader.DropGuesses();
    run.hits = hits;
    run.next_waiting = begun;
    statistics().hits += hits;
    statistics().misses += run.waiting;
    statistics().ahead += begun;
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
      LFM2_RETURN_IF_ERROR(OrGiveUp(TakeWhatIsThere()));
      while (run.batch == 0 && (run.next_waiting < run.waiting || run.loader.wanted() > 0)) {
        LFM2_RETURN_IF_ERROR(OrGiveUp(TakeOne(true)));
        LFM2_RETURN_IF_ERROR(OrGiveUp(StartLoads()));
      }
    }
    *batch = {run.batch, Batch(), data_};
    return Status();
  }

  // Begins to read what the next layer is likely to need, while the device has nothing else to do: of guesses[count],
  // the likeliest first, the first one that is missing. Of more, too many are wrong. Between Begin and Next, where
  // reads_ahead(the layer of Begin): layers that share slots with others read nothing ahead. Errors: the queue's.
  Status ReadAhead(const uint16_t* guesses, uint32_t count) {
    Run& run = *run_;
    const uint32_t moe_layer = run.use.moe_layer + 1;
    const auto slot_of = [&](uint32_t g) { return where_[moe_layer * experts_ + guesses[g]]; };
    uint32_t guess = 0;
    while (guess < count && (slot_of(guess) != kNowhere || run.loader.Finds(moe_layer, guesses[guess]))) ++guess;
    if (guess == count) return Status();
    // Those guessed that are in memory stay there.
    for (uint32_t g = 0; g < count; ++g) {
      if (slot_of(g) != kNowhere) slots_[slot_of(g)].busy = true;
    }
    const uint32_t s = Victim(moe_layer);
    for (uint32_t g = 0; g < count; ++g) {
      if (slot_of(g) != kNowhere) slots_[slot_of(g)].busy = false;
    }
    // Room is left for everything that the layer itself may have to read.
    if (s == kNone || run.loader.loads() + kMaxExpertsPerToken >= RecordLoader::kMaxLoads) return Status();
    Load(moe_layer, guesses[guess], s, true);
    return OrGiveUp(run.loader.Submit(kGuessedReads));
  }

  // Takes note of reads that have ended, and asks for more; between products, so that the device is never without work.
  // Not between Begin and the last Next.
  Status Poll() { return run_->failed ? Status() : OrGiveUp(TakeWhatIsThere()); }

  const StreamStatistics& layer_statistics(uint32_t moe_layer) const { return statistics_[moe_layer]; }
  StreamStatistics TotalStatistics() const {
    StreamStatistics sum;
    for (uint32_t m = 0; m < moe_layers_; ++m) sum.Add(statistics_[m]);
    return sum;
  }
  const SessionOptions& options() const { return options_; }
  bool IsResident(uint32_t moe_layer, uint32_t expert) const {
    return where_[moe_layer * experts_ + expert] != kNowhere;
  }

 private:
  static constexpr uint32_t kNowhere = 0xffffffffu;
  static constexpr uint32_t kNone = 0xffffffffu;
  // Records read ahead of a chunk's products. More of them would drive favourites out of the slots.
  static constexpr uint32_t kPrefillLoads = 2;
  // Reads of guesses under way at a time: a device is through with them in a millisecond or two.
  static constexpr uint32_t kGuessedReads = 4;

  struct Slot {
    std::byte* memory;
    uint32_t record;  // kNone: empty
    bool busy;        // being read, or read by products
  };
  struct Layer {
    uint32_t first;  // slot
    uint32_t count;
    bool owns_slots;
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
    bool failed = false;

    // Everything but the loader. Member by member: a new Run is large, and would lie on the stack for a moment.
    void Forget() {
      use = ExpertUse();
      most_loads = waiting = next_waiting = hits = batch_begin = batch = 0;
      failed = false;
    }
  };

  uint16_t* Batch() const { return batch_ + run_->batch_begin; }
  uint32_t Record(uint32_t expert) const { return run_->use.moe_layer * experts_ + expert; }
  StreamStatistics& statistics() { return statistics_[run_->use.moe_layer]; }

  // The slot that a miss may take: an empty one, else that of the least priority; kNone where all are busy.
  uint32_t Victim(uint32_t moe_layer) const {
    const Layer& layer = layers_[moe_layer];
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

  void Load(uint32_t moe_layer, uint32_t expert, uint32_t s, bool ahead) {
    Slot& slot = slots_[s];
    if (slot.record != kNone) where_[slot.record] = kNowhere;
    slot.record = kNone;
    slot.busy = true;
    run_->loader.Start({moe_layer, expert, s, slot.memory, ahead, false});
  }

  Status StartLoads() {
    Run& run = *run_;
    while (run.next_waiting < run.waiting && run.loader.wanted() < run.most_loads) {
      const uint32_t s = Victim(run.use.moe_layer);
      if (s == kNone) break;
      Load(run.use.moe_layer, run.use.active[waiting_[run.next_waiting++]], s, false);
    }
    return run.loader.Submit(kGuessedReads);
  }

  // One load that has ended, if there is one.
  Status TakeOne(bool wait, bool* found) {
    RecordLoad done;
    LFM2_RETURN_IF_ERROR(run_->loader.Collect(wait, run_->use.moe_layer, kGuessedReads, &done, found));
    if (*found) Arrive(done);
    return Status();
  }
  Status TakeOne(bool wait) {
    bool found = false;
    return TakeOne(wait, &found);
  }
  Status TakeWhatIsThere() {
    bool found = true;
    while (found) LFM2_RETURN_IF_ERROR(TakeOne(false, &found));
    return Status();
  }

  // Where misses have found no slot, two hits go first and make room; otherwise all of them.
  void TakeHits() {
    Run& run = *run_;
    const bool stuck = run.next_waiting < run.waiting && run.loader.wanted() == 0;
    run.batch = stuck ? Min<uint32_t>(run.hits, 2u) : run.hits;
    run.hits -= run.batch;
  }

  void Arrive(const RecordLoad& load) {
    Run& run = *run_;
    Slot& slot = slots_[load.slot];
    slot.busy = false;
    if (load.dropped) return;
    slot.record = load.moe_layer * experts_ + load.expert;
    where_[slot.record] = load.slot;
    if (load.ahead) return;
    slot.busy = true;
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
    run.failed = !run.loader.Drain().ok();
    for (uint32_t s = 0; s < total_slots_; ++s) slots_[s].busy = false;
    run.batch = run.batch_begin = run.hits = run.waiting = run.next_waiting = 0;
    return status;
  }

  std::byte* slot_memory_ = nullptr;
  Run* run_ = nullptr;
  StreamStatistics* statistics_ = nullptr;  // [moe_layers]
  Layer* layers_ = nullptr;                 // [moe_layers]
  Slot* slots_ = nullptr;                   // shared ones first, then layer by layer
  uint32_t* where_ = nullptr;               // [moe_layers, experts] slot of a record, kNowhere
  uint16_t* waiting_ = nullptr;             // [experts]
  uint16_t* batch_ = nullptr;               // [experts]
  const uint8_t** data_ = nullptr;          // [experts]
  uint32_t experts_ = 0;
  uint32_t moe_layers_ = 0;
  uint32_t total_slots_ = 0;
  SessionOptions options_;
  ExpertPolicy policy_;
};

}  // namespace lfm2

#endif  // LFM2_MODEL_EXPERT_CACHE_H_
