// The memory that a session needs, by region, computed before anything runs.
#ifndef LFM2_RUNTIME_PLAN_H_
#define LFM2_RUNTIME_PLAN_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/format/model_config.h"
#include "lfm2/layers/workspace.h"
#include "lfm2/model/expert_cache.h"
#include "lfm2/model/options.h"
#include "lfm2/model/slot_plan.h"
#include "lfm2/model/state.h"
#include "lfm2/model/weights.h"
#include "lfm2/runtime/draft_history.h"
#include "lfm2/text/chat_encoder.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

// A part of the arena.
struct PlanRegion {
  const char* name = "";  // what it is for
  uint64_t bytes = 0;     // rounded up to the alignment
};

// The result of MakePlan.
struct Plan {
  // The regions in the order of the arena, and their sum.
  static constexpr uint32_t kMaxRegions = 11;
  PlanRegion regions[kMaxRegions];
  uint32_t count = 0;
  uint64_t total_bytes = 0;
  // Where experts are read: the part of the total that Image::Open takes from the front of the arena, the slots for
  // experts, and the least total with which a session opens.
  uint64_t front_bytes = 0;
  SlotPlan slots;
  uint64_t least_bytes = 0;
};

// Most tokens that a session with these (normalized) options guesses at a time. None where experts are read: each
// guessed token would need experts of its own.
constexpr uint32_t DraftTokens(const SessionOptions& options, const StreamShape& shape) {
  return !kHasDrafts || shape.is_streamed() ? 0 : options.draft_tokens;
}

// Everything that a session carves from its arena. The plan is made by the same function, Carve, over a counting arena.
struct SessionMemory {
  ExpertCache experts;
  Weights weights;
  State state;
  Workspace workspace;
  float* logits = nullptr;    // [rows, vocab_size]; rows: logits_rows or, if more, what a draft needs
  float* hidden = nullptr;    // [rows, hidden_size] after the final norm
  int32_t* tokens = nullptr;  // [context_length] ids of all positions so far
  DraftHistory history;       // only where tokens are guessed
  std::byte* text_scratch = nullptr;
  uint64_t text_scratch_bytes = 0;

  // options: normalized. Adds each region to *plan unless plan is null.
  constexpr void Carve(const ModelConfig& config, const SessionOptions& options, const StreamShape& shape,
                       const SlotPlan& slots, Arena& arena, Plan* plan) {
    uint64_t before = arena.used();
    const auto region = [&](const char* name) {
      if (plan == nullptr) return;
      plan->regions[plan->count++] = {name, arena.used() - before};
      before = arena.used();
      plan->total_bytes = before;
    };
    if (shape.is_streamed()) {
      experts.CarveSlots(slots, arena);
      region("expert slots");
      experts.CarveTables(config, slots, arena);
      region("expert cache");
    }
    weights.Carve(config, arena);
    region("weight views");
    state.CarveKv(config, options, arena);
    region("KV cache");
    state.CarveConv(config, arena);
    state.CarveSaved(arena);
    const uint32_t drafted = DraftTokens(options, shape);
    state.CarveDrafted(drafted, arena);
    region("convolution state");
    // Tokenizer and sampler run while nothing is computed: they share the memory of the activations.
    const uint64_t begin = arena.used();
    workspace.Carve(config, options.prefill_chunk, options.context_length, arena);
    text_scratch_bytes = Max(arena.used() - begin,
                             Max(ChatScratchBytes(options.max_word_bytes), Sampler::ScratchBytes(config.vocab_size)));
    arena.Rewind(begin);
    text_scratch = arena.Carve<std::byte>(text_scratch_bytes);
    region("activations and text");
    const uint64_t rows = Max(options.logits_rows, drafted + 1);
    logits = arena.Carve<float>(rows * config.vocab_size);
    hidden = arena.Carve<float>(rows * config.hidden_size);
    region("logits");
    tokens = arena.Carve<int32_t>(options.context_length);
    if (drafted > 0) history.Carve(arena);
    region("token history");
  }
};

// Fills in regions and total_bytes for plan->slots. Not inlined, because the SessionMemory that it counts with needs
// stack.
LFM2_NOINLINE constexpr void CarvePlan(const ModelConfig& config, const SessionOptions& normalized,
                                       const StreamShape& shape, Plan* plan) {
  Arena arena = Arena::Counting();
  SessionMemory memory;
  plan->count = 0;
  if (shape.is_streamed()) {
    arena.Carve<std::byte>(shape.front_bytes);
    plan->front_bytes = shape.front_bytes;
    plan->regions[plan->count++] = {"image, front part", shape.front_bytes};
  }
  memory.Carve(config, normalized, shape, plan->slots, arena, plan);
}

// MakePlan for options that are already normalized.
constexpr Plan MakeNormalizedPlan(const ModelConfig& config, const SessionOptions& normalized,
                                  const StreamShape& shape) {
  Plan plan;
  uint64_t budget = LeastSlotBytes(config, shape);
  plan.slots = MakeSlotPlan(config, shape, budget);
  CarvePlan(config, normalized, shape, &plan);
  plan.least_bytes = plan.total_bytes;
  if (!shape.is_streamed()) return plan;
  if (normalized.arena_bytes == 0) {
    budget = Max(budget, DefaultSlotBytes(config, shape));
  } else {
    // Slots also need entries in tables. A plan with tables for all experts gives a lower bound of the bytes left for
    // them.
    plan.slots = MakeSlotPlan(config, shape, UINT64_MAX);
    CarvePlan(config, normalized, shape, &plan);
    const uint64_t fixed = plan.total_bytes - plan.slots.bytes;
    budget = Max(budget, normalized.arena_bytes - Min(normalized.arena_bytes, fixed));
  }
  plan.slots = MakeSlotPlan(config, shape, budget);
  CarvePlan(config, normalized, shape, &plan);
  return plan;
}

// The regions and the total size of the arena that Session::Open needs, including the front part of the image where
// that is read. config has passed CheckConfig, as that of an open image has. shape: StreamShapeOf(image); omit it for
// addressable images. Options that Session::Open refuses have a plan too, exact in 64 bits. Where options.arena_bytes
// is too small, the plan is the smallest one, of least_bytes.
constexpr Plan MakePlan(const ModelConfig& config, const SessionOptions& options,
                        const StreamShape& shape = StreamShape()) {
  return MakeNormalizedPlan(config, Normalized(config, options), shape);
}

// Why ArenaBytes is not a constant: a compiler names one of these functions, which are not constexpr. Each returns 0.
inline size_t ArenaBytesConfigIsInvalid() { return 0; }
inline size_t ArenaBytesOptionsAreInvalid() { return 0; }
inline size_t ArenaBytesDoNotFitThisMachine() { return 0; }

// The arena size of a session on an addressable image, in bytes:
//
//   alignas(lfm2::kAlignment) static std::byte arena[lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, options)];
//
// Does not compile as a constant for a config that no image can have, options that Session::Open would refuse, or more
// bytes than this machine can address. At run time it returns 0 for these.
constexpr size_t ArenaBytes(const ModelConfig& config, const SessionOptions& options) {
  if (!CheckConfig(config).ok()) return ArenaBytesConfigIsInvalid();
  if (!CheckOptions(config, options).ok()) return ArenaBytesOptionsAreInvalid();
  const uint64_t bytes = MakePlan(config, options).total_bytes;
  return bytes > SIZE_MAX ? ArenaBytesDoNotFitThisMachine() : static_cast<size_t>(bytes);
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_PLAN_H_
