// How much memory a session takes, region by region, before anything runs.
#ifndef LFM2_RUNTIME_PLAN_H_
#define LFM2_RUNTIME_PLAN_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/format/model_config.h"
#include "lfm2/layers/workspace.h"
#include "lfm2/model/options.h"
#include "lfm2/model/state.h"
#include "lfm2/model/weights.h"
#include "lfm2/text/chat_encoder.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

struct PlanRegion {
  const char* name = "";
  uint64_t bytes = 0;
};

struct Plan {
  static constexpr uint32_t kMaxRegions = 8;
  PlanRegion regions[kMaxRegions];
  uint32_t count = 0;
  uint64_t total_bytes = 0;
};

// Everything that a session carves from its arena. The one function Carve is the plan, too: over a counting arena.
struct SessionMemory {
  Weights weights;
  State state;
  Workspace workspace;
  float* logits = nullptr;    // [logits_rows, vocab_size]
  int32_t* tokens = nullptr;  // [context_length] ids of all positions so far
  std::byte* text_scratch = nullptr;
  uint64_t text_scratch_bytes = 0;

  // options: normalized. Adds each region to *plan unless that is null.
  constexpr void Carve(const ModelConfig& config, const SessionOptions& options, Arena& arena, Plan* plan) {
    uint64_t before = arena.used();
    const auto region = [&](const char* name) {
      if (plan == nullptr) return;
      plan->regions[plan->count++] = {name, arena.used() - before};
      before = arena.used();
      plan->total_bytes = before;
    };
    weights.Carve(config, arena);
    region("weight views");
    state.CarveKv(config, options, arena);
    region("KV cache");
    state.CarveConv(config, arena);
    region("convolution state");
    workspace.Carve(config, options.prefill_chunk, arena);
    region("activations");
    logits = arena.Carve<float>(uint64_t{options.logits_rows} * config.vocab_size);
    region("logits");
    tokens = arena.Carve<int32_t>(options.context_length);
    region("token history");
    // The tokenizer and the sampler never run at the same time.
    text_scratch_bytes = Max(ChatScratchBytes(options.max_word_bytes), Sampler::ScratchBytes(config.vocab_size));
    text_scratch = arena.Carve<std::byte>(text_scratch_bytes);
    region("tokenizer and sampler");
  }
};

// The regions and the total of the arena that Session::Open needs. config has passed CheckConfig (an opened image's
// has). Constexpr: firmware sizes its static arena with it.
constexpr Plan MakePlan(const ModelConfig& config, const SessionOptions& options) {
  Plan plan;
  Arena arena = Arena::Counting();
  SessionMemory memory;
  memory.Carve(config, Normalized(config, options), arena, &plan);
  return plan;
}

// alignas(lfm2::kAlignment) static std::byte arena[lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, options)];
constexpr size_t ArenaBytes(const ModelConfig& config, const SessionOptions& options) {
  return static_cast<size_t>(MakePlan(config, options).total_bytes);
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_PLAN_H_
