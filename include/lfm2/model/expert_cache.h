// The experts that are in memory, and the order in which others are read.
#ifndef LFM2_MODEL_EXPERT_CACHE_H_
#define LFM2_MODEL_EXPERT_CACHE_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/format/model_config.h"
#include "lfm2/model/expected_experts.h"
#include "lfm2/model/expert_policy.h"
#include "lfm2/model/expert_slots.h"
#include "lfm2/model/options.h"
#include "lfm2/model/record_loader.h"
#include "lfm2/model/slot_plan.h"

namespace lfm2 {

// The experts that a chunk of tokens uses in one MoE layer.
struct ExpertUse {
  uint32_t moe_layer = 0;
  uint32_t tokens = 0;
  uint32_t per_token = 0;
  const uint16_t* chosen = nullptr;  // [tokens, per_token]
  const uint16_t* active = nullptr;  // [active_count]: every chosen expert once, ascending
  uint32_t active_count = 0;
};

// Experts whose weights are in memory, until the next batch.
struct ExpertBatch {
  uint32_t count = 0;
  const uint16_t* index = nullptr;       // [count] into ExpertUse::active
  const uint8_t* const* data = nullptr;  // [active_count]: the record of active[index[i]] is data[index[i]]
};

// Its data is in the session's arena; a copy is another view of it. Not thread-safe. A layer calls Begin, then Next
// until the batch is empty, and computes each batch while the reads of the others continue.
//
// Each expert that a layer uses goes through the states missing, loading, ready, in a batch and done; those in memory
// start as ready. Every change of a state is followed by Schedule, so that a read starts as soon as a slot is free for
// it.
class ExpertCache {
 public:
  // Called before any other Carve, on an arena that is aligned to kRecordAlignment.
  constexpr void CarveSlots(const SlotPlan& plan, Arena& arena) { slots_.CarveMemory(plan, arena); }
  constexpr void CarveTables(const ModelConfig& config, const SlotPlan& plan, Arena& arena) {
    const uint64_t experts = config.experts;
    run_ = arena.Carve<Run>(1);
    slots_.CarveTables(config, plan, arena);
    statistics_ = arena.Carve<StreamStatistics>(config.moe_layers());
    state_ = arena.Carve<State>(experts);
    batch_ = arena.Carve<uint16_t>(experts);
    data_ = arena.Carve<const uint8_t*>(experts);
    policy_.Carve(config.moe_layers(), config.experts, arena);
    expected_.Carve(config.moe_layers(), config.experts, arena);
  }

  // Empties all slots. plan: the one that was carved. image: outlives this; shape: of the same image.
  void Bind(const Image& image, const StreamShape& shape, const SlotPlan& plan, const SessionOptions& options) {
    options_ = options;
    experts_ = image.config().experts;
    moe_layers_ = image.config().moe_layers();
    run_->Forget();
    run_->error = Status();
    run_->loader.Bind(image, options.read_retries, statistics_);
    slots_.Bind(image.config(), shape, plan);
    for (uint32_t m = 0; m < moe_layers_; ++m) statistics_[m] = StreamStatistics();
    policy_.Reset();
    expected_.Reset();
  }

  // Whether ReadAhead may be called after this layer.
  bool reads_ahead(uint32_t moe_layer) const {
    return options_.read_ahead && moe_layer + 1 < moe_layers_ && slots_.own(moe_layer + 1) > 0;
  }

  // Counts the use and starts reading what is missing. `use` and what it points to stay valid until the last Next.
  // Errors: kTimeout if reads of a failed call are still pending; those of the queue.
  Status Begin(const ExpertUse& use) {
    Run& run = *run_;
    LFM2_RETURN_IF_ERROR(TakeError());
    if (run.failed) LFM2_RETURN_IF_ERROR(run.loader.Drain());
    run.failed = false;
    for (uint32_t t = 0; t < use.tokens; ++t) {
      policy_.Use(use.moe_layer, use.chosen + size_t{t} * use.per_token, use.per_token);
    }
    if (options_.prefer_resident > 0.0f || options_.drop_below > 0.0f) {
      expected_.Use(policy_, use.moe_layer, use.active, use.active_count, slots_.own(use.moe_layer));
    }
    // What has arrived since the last layer counts as a hit.
    LFM2_RETURN_IF_ERROR(OrGiveUp(TakeWhatIsThere()));
    run.Forget();
    run.use = use;
    uint32_t hits = 0, ahead = 0, passing = 0;
    for (uint32_t i = 0; i < use.active_count; ++i) {
      const uint32_t s = SlotOf(i);
      if (s != kNone) {
        SetReady(i, s);
        ++hits;
        passing += slots_[s].passing ? 1 : 0;
      } else if (run.loader.Want(use.moe_layer, use.active[i])) {
        state_[i] = State::kLoading;
        ++ahead;
      } else {
        state_[i] = State::kMissing;
        ++run.missing;
      }
    }
    run.loader.DropGuesses();
    if (is_prefill()) slots_.LetPass(passing);
    statistics().hits += hits;
    statistics().misses += use.active_count - hits;
    statistics().ahead += ahead;
    return OrGiveUp(Schedule());
  }

  // Returns the next experts; an empty batch means that there are no more. While others wait for a slot the batch is
  // small, and begins with the experts whose slots can be reused first. Errors: as RecordLoader::Collect; the next call
  // is Begin then, and no expert of a record that failed has been in a batch.
  Status Next(ExpertBatch* batch) {
    Run& run = *run_;
    LFM2_RETURN_IF_ERROR(TakeError());
    for (; run.batch > 0; --run.batch) {
      const uint32_t i = batch_[run.batch - 1];
      state_[i] = State::kDone;
      slots_[SlotOf(i)].busy = false;
    }
    LFM2_RETURN_IF_ERROR(OrGiveUp(Schedule()));
    LFM2_RETURN_IF_ERROR(OrGiveUp(TakeWhatIsThere()));
    while (run.ready == 0 && (run.missing > 0 || run.loader.wanted() > 0)) {
      bool found = false;
      LFM2_RETURN_IF_ERROR(OrGiveUp(TakeOne(true, &found)));
    }
    MakeBatch();
    *batch = {run.batch, batch_, data_};
    return Status();
  }

  // Starts to read the expert that the next layer is most likely to miss, while the device has nothing else to do: the
  // first of guesses[count], likeliest first, that is not in memory. Only one, because too many of the others are
  // wrong. Called between Begin and Next, if reads_ahead(the layer of Begin): layers that share slots with others read
  // nothing ahead. Errors: those of the queue, and what KeepReading has met since Begin.
  Status ReadAhead(const uint16_t* guesses, uint32_t count) {
    Run& run = *run_;
    LFM2_RETURN_IF_ERROR(TakeError());
    const uint32_t moe_layer = run.use.moe_layer + 1;
    const auto slot_of = [&](uint32_t g) { return slots_.Find(moe_layer * experts_ + guesses[g]); };
    uint32_t guess = 0;
    while (guess < count && (slot_of(guess) != kNone || run.loader.Finds(moe_layer, guesses[guess]))) ++guess;
    if (guess == count) return Status();
    // Guessed experts that are in memory stay there.
    for (uint32_t g = 0; g < count; ++g) {
      if (slot_of(g) != kNone) slots_[slot_of(g)].busy = true;
    }
    const uint32_t s = slots_.Victim(policy_, moe_layer);
    for (uint32_t g = 0; g < count; ++g) {
      if (slot_of(g) != kNone) slots_[slot_of(g)].busy = false;
    }
    if (s == kNone || !HasRoomForGuess()) return Status();
    Load(moe_layer, guesses[guess], s, true);
    return OrGiveUp(Submit());
  }

  // Collects completed reads and submits more, so that the device is never idle: called between products, within a
  // layer and between layers. The next Begin, ReadAhead or Next returns an error that occurs here.
  void KeepReading() {
    Run& run = *run_;
    if (!run.failed && run.error.ok()) run.error = OrGiveUp(TakeWhatIsThere());
  }

  const StreamStatistics& layer_statistics(uint32_t moe_layer) const { return statistics_[moe_layer]; }
  StreamStatistics TotalStatistics() const {
    StreamStatistics sum;
    for (uint32_t m = 0; m < moe_layers_; ++m) sum.Add(statistics_[m]);
    return sum;
  }
  const SessionOptions& options() const { return options_; }
  bool IsResident(uint32_t moe_layer, uint32_t expert) const {
    return slots_.Find(moe_layer * experts_ + expert) != kNone;
  }
  // What counts as resident for prefer_resident and drop_below, if one of them is on.
  bool CountsAsResident(uint32_t moe_layer, uint32_t expert) const { return expected_.Has(moe_layer, expert); }

 private:
  static constexpr uint32_t kNone = ExpertSlots::kNone;
  // Records of a prompt's chunk that are requested at a time if slots allow, and the number that keeps a device busy:
  // to reach that, even the slot of a favourite that is done is reused.
  static constexpr uint32_t kPrefillLoads = 8;
  static constexpr uint32_t kLeastLoads = 2;
  // Experts in a batch while others wait for a slot.
  static constexpr uint32_t kSmallBatch = 2;
  // A chunk that uses each of a layer's experts so often on average is assumed to need all experts of the next layer.
  static constexpr uint32_t kUsesOfAll = 8;
  // Pending reads of guesses at a time in decode: a device completes them in a millisecond or two.
  static constexpr uint32_t kGuessedReads = 4;

  enum class State : uint8_t { kMissing, kLoading, kReady, kInBatch, kDone };
  // What changes while a layer runs.
  struct Run {
    RecordLoader loader;
    ExpertUse use;         // state_ has the states of its experts
    uint32_t missing = 0;  // experts of each state
    uint32_t ready = 0;
    uint32_t batch = 0;     // in the batch
    bool is_short = false;  // a record would be read if a slot were free
    bool failed = false;    // reads of a failed call may be pending
    Status error;           // that KeepReading has met

    // Resets what belongs to one layer. Member by member, because a temporary Run would take much of the stack.
    void Forget() {
      use = ExpertUse();
      missing = ready = batch = 0;
      is_short = failed = false;
    }
  };

  uint32_t SlotOf(uint32_t i) const { return slots_.Find(run_->use.moe_layer * experts_ + run_->use.active[i]); }
  StreamStatistics& statistics() { return statistics_[run_->use.moe_layer]; }
  bool is_prefill() const { return run_->use.tokens > 1; }
  // Whether the loader still has room for everything that the layer itself may have to read.
  bool HasRoomForGuess() const { return run_->loader.loads() + kMaxExpertsPerToken < RecordLoader::kMaxLoads; }

  void Load(uint32_t moe_layer, uint32_t expert, uint32_t s, bool ahead) {
    slots_.Evict(s);
    run_->loader.Start({moe_layer, expert, s, slots_[s].memory, ahead, false});
  }

  // Starts the loads for which a slot is free: missing experts, and in prefill, once none is missing, those that the
  // next layer will miss.
  Status Schedule() {
    Run& run = *run_;
    const uint32_t most = is_prefill() ? kPrefillLoads : run.use.per_token;
    for (uint32_t i = 0; run.missing > 0 && run.loader.wanted() < most; ++i) {
      if (state_[i] != State::kMissing) continue;
      const uint32_t m = run.use.moe_layer, e = run.use.active[i];
      const bool must = run.loader.wanted() < kLeastLoads;
      const uint32_t s = is_prefill() ? slots_.VictimInPrefill(policy_, m, e, must) : slots_.Victim(policy_, m);
      if (s == kNone) break;
      Load(m, e, s, false);
      state_[i] = State::kLoading;
      --run.missing;
    }
    run.is_short = run.missing > 0 || LoadForNextLayer();
    return Submit();
  }

  // Returns true if there is more to read for the next layer as soon as a slot is free.
  bool LoadForNextLayer() {
    Run& run = *run_;
    const uint32_t next = run.use.moe_layer + 1;
    if (!is_prefill() || !options_.read_ahead || next >= moe_layers_) return false;
    if (uint64_t{run.use.tokens} * run.use.per_token < uint64_t{kUsesOfAll} * experts_) return false;
    while (HasRoomForGuess()) {
      const uint32_t s = slots_.SpareForNext(next);
      uint32_t best = kNone;
      for (uint32_t e = 0; e < experts_; ++e) {
        if (IsResident(next, e) || run.loader.Finds(next, e)) continue;
        if (s == kNone) return true;
        if (best == kNone || policy_.Priority(next, e) > policy_.Priority(next, best)) best = e;
      }
      if (best == kNone) return false;
      Load(next, best, s, true);
    }
    return false;
  }

  Status Submit() { return run_->loader.Submit(guessed_reads()); }
  // In prefill, reads for the next layer are nearly certain to be needed.
  uint32_t guessed_reads() const { return is_prefill() ? UINT32_MAX : kGuessedReads; }

  // Takes one completed load, if there is one.
  Status TakeOne(bool wait, bool* found) {
    RecordLoad done;
    LFM2_RETURN_IF_ERROR(run_->loader.Collect(wait, run_->use.moe_layer, guessed_reads(), &done, found));
    if (!*found) return Status();
    Arrive(done);
    return Schedule();
  }
  Status TakeWhatIsThere() {
    bool found = true;
    while (found) LFM2_RETURN_IF_ERROR(TakeOne(false, &found));
    return Status();
  }

  void SetReady(uint32_t i, uint32_t s) {
    slots_[s].busy = true;
    data_[i] = reinterpret_cast<const uint8_t*>(slots_[s].memory);
    state_[i] = State::kReady;
    ++run_->ready;
  }

  void Arrive(const RecordLoad& load) {
    slots_[load.slot].busy = false;
    if (load.dropped) return;
    slots_.Fill(load.slot, load.moe_layer * experts_ + load.expert);
    if (load.ahead) return;
    uint32_t i = 0;
    while (run_->use.active[i] != load.expert) ++i;
    SetReady(i, load.slot);
  }

  // Takes ready experts: first those in slots that any record can use, favourites last, as the work that is left when
  // the device is late.
  void MakeBatch() {
    Run& run = *run_;
    const uint32_t count = run.is_short ? Min(run.ready, kSmallBatch) : run.ready;
    for (; run.batch < count; ++run.batch, --run.ready) {
      uint32_t next = kNone;
      float least = 0.0f;
      for (uint32_t i = 0; i < run.use.active_count; ++i) {
        if (state_[i] != State::kReady) continue;
        const float priority =
            slots_[SlotOf(i)].passing ? -1.0f : policy_.Priority(run.use.moe_layer, run.use.active[i]);
        if (next != kNone && priority >= least) continue;
        next = i;
        least = priority;
      }
      state_[next] = State::kInBatch;
      batch_[run.batch] = static_cast<uint16_t>(next);
    }
  }

  Status TakeError() {
    const Status error = run_->error;
    run_->error = Status();
    return error;
  }

  // After an error no slot is busy, and slots that were being read are empty.
  Status OrGiveUp(const Status& status) {
    if (status.ok()) return status;
    Run& run = *run_;
    run.Forget();
    // Does not wait again for a device that has just timed out: Begin waits before it touches a slot.
    run.failed = status.code() == StatusCode::kTimeout ? !run.loader.GiveUp() : !run.loader.Drain().ok();
    slots_.ReleaseAll();
    return status;
  }

  Run* run_ = nullptr;
  StreamStatistics* statistics_ = nullptr;  // [moe_layers]
  State* state_ = nullptr;                  // [experts] of ExpertUse::active
  uint16_t* batch_ = nullptr;               // [experts]
  const uint8_t** data_ = nullptr;          // [experts]
  uint32_t moe_layers_ = 0;
  uint32_t experts_ = 0;
  SessionOptions options_;
  ExpertSlots slots_;
  ExpertPolicy policy_;
  ExpectedExperts expected_;
};

}  // namespace lfm2

#endif  // LFM2_MODEL_EXPERT_CACHE_H_
