// SwiGLU feed forward, dense and as a mixture of experts: delta = down(silu(gate(normed)) * up(normed)).
#ifndef LFM2_LAYERS_FEED_FORWARD_H_
#define LFM2_LAYERS_FEED_FORWARD_H_

#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/products.h"
#include "lfm2/layers/router.h"
#include "lfm2/model/expert_cache.h"
#include "lfm2/model/weights.h"

namespace lfm2 {

// Reads workspace.normed, writes workspace.delta.
inline void DenseFeedForward(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights) {
  const Workspace& ws = ctx.workspace;
  const uint32_t ff_size = ctx.config.dense_ff_size;
  const MatMulInput in = PackInput(kernels, ctx, ws.normed, ctx.config.hidden_size, ws.panel);
  ParallelRanges(ctx.executor, weights.ffn_gate.row_blocks(), [&](uint32_t begin, uint32_t end) {
    kernels.MatMulSwiGlu(weights.ffn_gate, weights.ffn_up, in, begin, end, ws.ffn.act, ff_size);
  });
  const Product down[] = {{&weights.ffn_down, ws.delta}};
  MultiplyAll(kernels, ctx.executor, down, PackInput(kernels, ctx, ws.ffn.act, ff_size, ws.ffn.panel));
}

// The assignments of active expert i as the input of a product over rows of `cols` values.
inline MatMulInput ExpertInput(const LayerContext& ctx, uint32_t i, const float* x, uint32_t cols,
                               const uint8_t* panel) {
  const Workspace::Experts& moe = ctx.workspace.moe;
  const uint32_t expert = moe.active[i], first = moe.offset[expert];
  return PackedInput(moe.offset[expert + 1] - first, x, cols, panel + static_cast<size_t>(PanelBytes(first, cols)));
}

// Calls f(i, begin, end) for ranges of the row blocks of each expert of the batch, as tasks of one call of the
// executor.
template <class F>
void ForExpertBlocks(const LayerContext& ctx, const ExpertBatch& batch, uint32_t blocks, F&& f) {
  ParallelRanges(ctx.executor, batch.count * blocks, [&](uint32_t begin, uint32_t end) {
    while (begin < end) {
      const uint32_t i = begin / blocks, first = begin % blocks;
      const uint32_t count = Min(end - begin, blocks - first);
      f(batch.index[i], first, first + count);
      begin += count;
    }
  });
}

// moe.out[assignments, hidden] of the batch's experts, from workspace.normed.
inline void ComputeExperts(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                           const ExpertBatch& batch) {
  const Workspace& ws = ctx.workspace;
  const Workspace::Experts& moe = ws.moe;
  const uint32_t hidden = ctx.config.hidden_size, ff_size = ctx.config.expert_ff_size;
  const auto gathered = [&](uint32_t i) {
    MatMulInput in = ExpertInput(ctx, i, ws.normed, hidden, moe.panel);
    in.rows = moe.token + moe.offset[moe.active[i]];
    return in;
  };
  const auto activated = [&](uint32_t i) {
    const size_t first = moe.offset[moe.active[i]];
    return ExpertInput(ctx, i, moe.act + first * ff_size, ff_size, moe.act_panel);
  };
  const auto pack = [&](const MatMulInput& in, uint32_t cols) {
    const Tiling tiling(in.tokens, kernels.max_tile());
    kernels.PackPanel(in, cols, 0, tiling.tiles(), const_cast<uint8_t*>(in.panel));
  };
  ParallelFor(ctx.executor, batch.count, [&](uint32_t n) { pack(gathered(batch.index[n]), hidden); });
  ForExpertBlocks(ctx, batch, weights.expert_gate.matrix.row_blocks(), [&](uint32_t i, uint32_t begin, uint32_t end) {
    float* out = moe.act + size_t{moe.offset[moe.active[i]]} * ff_size;
    kernels.MatMulSwiGlu(weights.expert_gate.In(batch.data[i]), weights.expert_up.In(batch.data[i]), gathered(i), begin,
                         end, out, ff_size);
  });
  KeepReading(ctx);
  ParallelFor(ctx.executor, batch.count, [&](uint32_t n) { pack(activated(batch.index[n]), ff_size); });
  ForExpertBlocks(ctx, batch, weights.expert_down.matrix.row_blocks(), [&](uint32_t i, uint32_t begin, uint32_t end) {
    float* out = moe.out + size_t{moe.offset[moe.active[i]]} * hidden;
    kernels.MatMul(weights.expert_down.In(batch.data[i]), activated(i), begin, end, out, hidden);
  });
}

// If the router's output is not finite, neither is the token's, which the session detects.
inline void SpoilWeights(const LayerContext& ctx, uint32_t t) {
  ctx.workspace.moe.weights[size_t{t} * ctx.config.experts_per_token] = BitCast<float>(0x7fc00000u);
}

// Reads workspace.normed, writes workspace.delta. Each expert is computed once per chunk, with all its tokens; when
// experts are streamed, those in memory are computed while the others are read. Outputs are added up per token, best
// expert first, so that the order of the sum depends on nothing else. layers[config.layers]. Errors: ExpertCache's.
inline Status MoeFeedForward(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights* layers,
                             const Image& image, uint32_t layer) {
  const LayerWeights& weights = layers[layer];
  const Workspace& ws = ctx.workspace;
  const Workspace::Experts& moe = ws.moe;
  const ModelConfig& config = ctx.config;
  const uint32_t hidden = config.hidden_size, per_token = config.experts_per_token;
  const uint32_t moe_layer = layer - config.dense_layers;

  const Product router[] = {{&weights.router, moe.scores}};
  MultiplyAll(kernels, ctx.executor, router, PackInput(kernels, ctx, ws.normed, hidden, ws.panel));
  uint32_t kept = per_token;
  if (ctx.streamed != nullptr && ctx.tokens == 1) {
    kept = ctx.streamed->choose(ctx, weights.expert_bias, moe_layer);
  } else {
    ForTokens(ctx, [&](uint32_t t) {
      const bool finite = ChooseExperts(config, moe.scores + size_t{t} * config.experts, weights.expert_bias,
                                        moe.chosen + size_t{t} * per_token, moe.weights + size_t{t} * per_token);
      if (!finite) SpoilWeights(ctx, t);
    });
  }
  if (ctx.observer != nullptr && ctx.observer->routing != nullptr) {
    for (uint32_t t = 0; t < ctx.tokens - ctx.drafted; ++t) {
      ctx.observer->routing(ctx.observer->context, layer, ctx.position + t, moe.chosen + size_t{t} * per_token,
                            moe.weights + size_t{t} * per_token);
    }
  }
  const uint32_t active = GroupByExpert(ctx);
  if (ctx.streamed == nullptr) {
    for (uint32_t i = 0; i < active; ++i) {
      moe.batch[i] = static_cast<uint16_t>(i);
      moe.data[i] = image.Record(moe_layer, moe.active[i]);
    }
    ComputeExperts(kernels, ctx, weights, {active, moe.batch, moe.data});
  } else {
    const ExpertUse use{moe_layer, ctx.tokens, kept, moe.chosen, moe.active, active};
    const LayerWeights& next = layers[Min(layer + 1, config.layers - 1)];
    LFM2_RETURN_IF_ERROR(ctx.streamed->compute(kernels, ctx, weights, next, use));
  }
  ForTokens(ctx, [&](uint32_t t) {
    float* to = ws.delta + size_t{t} * hidden;
    std::memset(to, 0, hidden * sizeof(float));
    for (uint32_t r = 0; r < per_token; ++r) {
      const size_t a = size_t{t} * per_token + r;
      kernels.AddScaled(to, moe.out + size_t{moe.slot[a]} * hidden, moe.weights[a], hidden);
    }
  });
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_FEED_FORWARD_H_
