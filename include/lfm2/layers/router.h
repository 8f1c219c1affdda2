// Which experts a token goes to, and the chunk's assignments in expert order.
#ifndef LFM2_LAYERS_ROUTER_H_
#define LFM2_LAYERS_ROUTER_H_

#include <cmath>

#include "lfm2/base/numeric.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/context.h"

namespace lfm2 {

// logits[experts] become s = sigmoid(logits). chosen[experts_per_token]: the largest s + bias, best first, ties to the
// lower number. weights: the s (without bias) of the chosen / (their sum + 1e-6) * routed_scaling_factor. bonus(e) is
// added to the scores that experts are chosen by. Returns whether every logit and bias is finite; if not, the chosen
// experts are valid and distinct, but arbitrary.
template <class Bonus>
bool ChooseExperts(const ModelConfig& config, float* logits, const float* bias, const Bonus& bonus, uint16_t* chosen,
                   float* weights) {
  bool finite = true;
  for (uint32_t e = 0; e < config.experts; ++e) {
    // Before the sigmoid, which maps infinities to finite numbers.
    finite = finite && IsFinite(logits[e] + bias[e]);
    logits[e] = 1.0f / (1.0f + std::exp(-logits[e]));
  }
  float sum = 0.0f;
  for (uint32_t r = 0; r < config.experts_per_token; ++r) {
    uint32_t best = config.experts;
    float best_score = 0.0f;
    for (uint32_t e = 0; e < config.experts; ++e) {
      bool taken = false;
      for (uint32_t i = 0; i < r; ++i) taken = taken || chosen[i] == e;
      if (taken) continue;
      const float score = logits[e] + bias[e] + bonus(e);
      if (best != config.experts && !(score > best_score)) continue;
      best = e;
      best_score = score;
    }
    chosen[r] = static_cast<uint16_t>(best);
    weights[r] = logits[best];
    sum += logits[best];
  }
  for (uint32_t r = 0; r < config.experts_per_token; ++r) {
    weights[r] = weights[r] / (sum + 1e-6f) * config.routed_scaling_factor;
  }
  return finite;
}

inline bool ChooseExperts(const ModelConfig& config, float* logits, const float* bias, uint16_t* chosen,
                          float* weights) {
  return ChooseExperts(
      config, logits, bias, [](uint32_t) { return 0.0f; }, chosen, weights);
}

// Removes those of one token's chosen[count] that are not in memory and whose share of the weights is below `least`,
// but never the first; the other weights are scaled to the same sum. The remaining experts come first, in order; after
// them the first one is repeated with a weight of 0. Returns how many remain.
template <class IsResident>
uint32_t DropExperts(uint32_t count, float least, const IsResident& is_resident, uint16_t* chosen, float* weights) {
  float sum = 0.0f, kept_sum = 0.0f;
  for (uint32_t r = 0; r < count; ++r) sum += weights[r];
  uint32_t kept = 0;
  for (uint32_t r = 0; r < count; ++r) {
    if (r > 0 && weights[r] < least * sum && !is_resident(chosen[r])) continue;
    kept_sum += weights[r];
    chosen[kept] = chosen[r];
    weights[kept++] = weights[r];
  }
  for (uint32_t r = 0; r < kept; ++r) weights[r] *= kept_sum > 0.0f ? sum / kept_sum : 1.0f;
  for (uint32_t r = kept; r < count; ++r) {
    chosen[r] = chosen[0];
    weights[r] = 0.0f;
  }
  return kept;
}

// Sorts the assignments moe.chosen[tokens, experts_per_token] by expert, tokens in order within one: fills offset,
// token, slot and active. Returns the number of active experts.
inline uint32_t GroupByExpert(const LayerContext& ctx) {
  const Workspace::Experts& moe = ctx.workspace.moe;
  const uint32_t experts = ctx.config.experts;
  const uint32_t assignments = ctx.tokens * ctx.config.experts_per_token;
  for (uint32_t e = 0; e <= experts; ++e) moe.offset[e] = 0;
  for (uint32_t a = 0; a < assignments; ++a) ++moe.offset[moe.chosen[a] + 1u];
  uint32_t active = 0;
  for (uint32_t e = 0; e < experts; ++e) {
    if (moe.offset[e + 1] > 0) moe.active[active++] = static_cast<uint16_t>(e);
    moe.offset[e + 1] += moe.offset[e];
  }
  // offset[e] advances through e's places. Afterwards it is where e + 1 begins, so all offsets move back by one expert.
  for (uint32_t a = 0; a < assignments; ++a) {
    const uint32_t at = moe.offset[moe.chosen[a]]++;
    moe.token[at] = a / ctx.config.experts_per_token;
    moe.slot[a] = at;
  }
  for (uint32_t e = experts; e > 0; --e) moe.offset[e] = moe.offset[e - 1];
  moe.offset[0] = 0;
  return active;
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_ROUTER_H_
