// Experts that are read while a layer computes those in memory.
#ifndef LFM2_LAYERS_STREAMED_EXPERTS_H_
#define LFM2_LAYERS_STREAMED_EXPERTS_H_

#include "lfm2/base/status.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/feed_forward.h"
#include "lfm2/layers/products.h"
#include "lfm2/layers/router.h"
#include "lfm2/model/expert_cache.h"
#include "lfm2/model/weights.h"
#include "lfm2/storage/read_all.h"

namespace lfm2 {

// Chooses the experts of one token, preferring those in memory as far as the session's options request that. Returns
// how many of experts_per_token remain.
inline uint32_t ChooseFromCache(const LayerContext& ctx, const float* bias, uint32_t moe_layer) {
  const Workspace::Experts& moe = ctx.workspace.moe;
  const ExpertCache& cache = *ctx.expert_cache;
  const auto is_resident = [&](uint32_t e) { return cache.CountsAsResident(moe_layer, e); };
  const float bonus = cache.options().prefer_resident;
  const bool finite = ChooseExperts(
      ctx.config, moe.scores, bias, [&](uint32_t e) { return bonus > 0.0f && is_resident(e) ? bonus : 0.0f; },
      moe.chosen, moe.weights);
  if (!finite) SpoilWeights(ctx, 0);
  const float least = cache.options().drop_below;
  if (!(least > 0.0f)) return ctx.config.experts_per_token;
  return DropExperts(ctx.config.experts_per_token, least, is_resident, moe.chosen, moe.weights);
}

// Guesses the next layer's experts: those it would choose if this layer's feed forward and the next operator changed
// nothing. Three of four guesses are right. Uses moe.out, moe.scores and the panel of `normed`, which are free between
// routing and products.
inline uint32_t GuessExperts(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& next,
                             uint16_t* guesses) {
  const Workspace& ws = ctx.workspace;
  const uint32_t hidden = ctx.config.hidden_size;
  float weights[kMaxExpertsPerToken];
  kernels.RmsNorm(ws.x, next.ffn_norm, hidden, ctx.config.norm_eps, ws.moe.out);
  const Product router[] = {{&next.router, ws.moe.scores}};
  MultiplyAll(kernels, ctx.executor, router, PackInput(kernels, ctx, ws.moe.out, hidden, ws.panel));
  ChooseExperts(ctx.config, ws.moe.scores, next.expert_bias, guesses, weights);
  return ctx.config.experts_per_token;
}

// Computes one chunk's experts as they become available in the cache. In decode, the device then continues with guesses
// instead of waiting for the next layer's router.
inline Status ComputeStreamed(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                              const LayerWeights& next, const ExpertUse& use) {
  ExpertCache& cache = *ctx.expert_cache;
  LFM2_RETURN_IF_ERROR(cache.Begin(use));
  if (ctx.tokens == 1 && cache.reads_ahead(use.moe_layer)) {
    uint16_t guesses[kMaxExpertsPerToken];
    const uint32_t count = GuessExperts(kernels, ctx, next, guesses);
    LFM2_RETURN_IF_ERROR(cache.ReadAhead(guesses, count));
  }
  ExpertBatch batch;
  LFM2_RETURN_IF_ERROR(cache.Next(&batch));
  while (batch.count > 0) {
    ComputeExperts(kernels, ctx, weights, batch);
    LFM2_RETURN_IF_ERROR(cache.Next(&batch));
  }
  return Status();
}

// Empties the cache for a session on the image. Errors: kTimeout if reads of an earlier session, from a call that timed
// out, have still not completed; until then the drive may write to their memory.
inline Status BindExperts(ExpertCache& cache, const Image& image, const StreamShape& shape, const SlotPlan& slots,
                          const SessionOptions& options) {
  LFM2_RETURN_IF_ERROR(CollectAll(*image.storage().queue()));
  cache.Bind(image, shape, slots, options);
  return Status();
}

inline void KeepReadingExperts(ExpertCache& cache) { cache.KeepReading(); }

inline constexpr StreamedExperts kStreamedExperts = {&BindExperts, &KeepReadingExperts, &ChooseFromCache,
                                                     &ComputeStreamed};

}  // namespace lfm2

#endif  // LFM2_LAYERS_STREAMED_EXPERTS_H_
