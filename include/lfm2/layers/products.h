// What all layers do with a chunk: normalise, quantise, multiply, add. Split into tasks for the executor.
#ifndef LFM2_LAYERS_PRODUCTS_H_
#define LFM2_LAYERS_PRODUCTS_H_

#include "lfm2/base/executor.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/kernels/panel.h"
#include "lfm2/layers/context.h"

namespace lfm2 {

// x[tokens, cols] as a product's input. panel: of x.
inline MatMulInput PackedInput(uint32_t tokens, const float* x, uint32_t cols, const uint8_t* panel) {
  MatMulInput in;
  in.x = x;
  in.stride = cols;
  in.tokens = tokens;
  in.panel = panel;
  return in;
}

// Lets the expert cache submit its next reads, when experts are streamed.
inline void KeepReading(const LayerContext& ctx) {
  if (ctx.streamed != nullptr) ctx.streamed->keep_reading(*ctx.expert_cache);
}

// The same, packed for quantised weights first. panel: PanelBytes(tokens, cols). Called before every large product, and
// therefore where reads are submitted.
inline MatMulInput PackInput(const KernelTable& kernels, const LayerContext& ctx, const float* x, uint32_t cols,
                             uint8_t* panel) {
  const MatMulInput in = PackedInput(ctx.tokens, x, cols, panel);
  KeepReading(ctx);
  const Tiling tiling(ctx.tokens, kernels.max_tile());
  ParallelRanges(ctx.executor, tiling.tiles(),
                 [&](uint32_t begin, uint32_t end) { kernels.PackPanel(in, cols, begin, end, panel); });
  return in;
}

// out[t, rows] = w[rows, cols] . in[t, cols] for every product.
template <size_t N>
void MultiplyAll(const KernelTable& kernels, const Executor* executor, const Product (&products)[N],
                 const MatMulInput& in) {
  uint32_t blocks = 0;
  for (const Product& p : products) blocks += p.w->row_blocks();
  ParallelRanges(executor, blocks, [&](uint32_t begin, uint32_t end) {
    uint32_t first = 0;
    for (const Product& p : products) {
      const uint32_t count = p.w->row_blocks();
      const uint32_t from = Max(begin, first), to = Min(end, first + count);
      if (from < to) kernels.MatMul(*p.w, in, from - first, to - first, p.out, p.w->rows);
      first += count;
    }
  });
}

// x[t, :] += delta[t, :].
inline void AddDelta(const KernelTable& kernels, const LayerContext& ctx, uint32_t t) {
  const uint32_t hidden = ctx.config.hidden_size;
  kernels.AddScaled(ctx.workspace.x + size_t{t} * hidden, ctx.workspace.delta + size_t{t} * hidden, 1.0f, hidden);
}

// normed[t, :] = RMSNorm(x[t, :]) * weight[:], and mean_square[t].
inline void Normalize(const KernelTable& kernels, const LayerContext& ctx, uint32_t t, const float* weight) {
  const uint32_t hidden = ctx.config.hidden_size;
  ctx.workspace.mean_square[t] = kernels.RmsNorm(ctx.workspace.x + size_t{t} * hidden, weight, hidden,
                                                 ctx.config.norm_eps, ctx.workspace.normed + size_t{t} * hidden);
}

// Shows the observer the residual stream before layer `layer`.
inline void Observe(const LayerContext& ctx, uint32_t layer) {
  if (ctx.observer == nullptr || ctx.observer->hidden == nullptr) return;
  ctx.observer->hidden(ctx.observer->context, layer, ctx.position, ctx.tokens - ctx.drafted, ctx.workspace.x);
}

// Calls f(t) for every token of the chunk.
template <class F>
void ForTokens(const LayerContext& ctx, F&& f) {
  ParallelRanges(ctx.executor, ctx.tokens, [&](uint32_t begin, uint32_t end) {
    for (uint32_t t = begin; t < end; ++t) f(t);
  });
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_PRODUCTS_H_
