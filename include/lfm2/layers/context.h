// What every layer is handed: the model's shape, where to compute, and which tokens.
#ifndef LFM2_LAYERS_CONTEXT_H_
#define LFM2_LAYERS_CONTEXT_H_

#include "lfm2/base/config.h"
#include "lfm2/base/executor.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/panel.h"
#include "lfm2/layers/observer.h"
#include "lfm2/layers/workspace.h"

namespace lfm2 {

// One chunk on its way through the layers.
struct LayerContext {
  const ModelConfig& config;
  const Workspace& workspace;
  const Executor* executor;
  const Observer* observer;
  uint32_t position;  // of the chunk's first token
  uint32_t tokens;    // in the chunk
};

// The same product of several matrices with one input, as one piece of work: gate and up, or q, k and v.
struct Product {
  const Matrix* w;
  float* out;  // [tokens, w->rows]
};

// Packs x[tokens, cols] for quantised weights and describes it as a product's input. panel: PanelBytes(tokens, cols).
template <class Kernels>
MatMulInput PackInput(const LayerContext& ctx, const float* x, uint32_t cols, uint8_t* panel) {
  MatMulInput in;
  in.x = x;
  in.stride = cols;
  in.tokens = ctx.tokens;
  in.panel = panel;
  const Tiling tiling(ctx.tokens, Kernels::kMaxTile);
  ParallelRanges(ctx.executor, tiling.tiles(),
                 [&](uint32_t begin, uint32_t end) { Kernels::PackPanel(in, cols, begin, end, panel); });
  return in;
}

// out[t, rows] = w[rows, cols] . in[t, cols] for every product.
template <class Kernels, size_t N>
void MultiplyAll(const Executor* executor, const Product (&products)[N], const MatMulInput& in) {
  uint32_t blocks = 0;
  for (const Product& p : products) blocks += p.w->row_blocks();
  ParallelRanges(executor, blocks, [&](uint32_t begin, uint32_t end) {
    uint32_t first = 0;
    for (const Product& p : products) {
      const uint32_t count = p.w->row_blocks();
      const uint32_t from = Max(begin, first), to = Min(end, first + count);
      if (from < to) Kernels::MatMul(*p.w, in, from - first, to - first, p.out, p.w->rows);
      first += count;
    }
  });
}

// x[tokens, hidden_size] += delta[tokens, hidden_size].
template <class Kernels>
void AddDelta(const LayerContext& ctx) {
  const Workspace& ws = ctx.workspace;
  Kernels::AddScaled(ws.x, ws.delta, 1.0f, ctx.tokens * ctx.config.hidden_size);
}

// normed[t, :] = RMSNorm(x[t, :]) * weight[:].
template <class Kernels>
void NormalizeAll(const LayerContext& ctx, const float* weight) {
  const uint32_t hidden = ctx.config.hidden_size;
  for (uint32_t t = 0; t < ctx.tokens; ++t) {
    const size_t at = size_t{t} * hidden;
    Kernels::RmsNorm(ctx.workspace.x + at, weight, hidden, ctx.config.norm_eps, ctx.workspace.normed + at);
  }
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_CONTEXT_H_
