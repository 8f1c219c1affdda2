// The gated short convolution operator of LFM2: delta = out_proj(C * conv(B * x)), (B, C, x) = in_proj(normed).
#ifndef LFM2_LAYERS_SHORT_CONV_H_
#define LFM2_LAYERS_SHORT_CONV_H_

#include <cstring>

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/products.h"
#include "lfm2/model/options.h"
#include "lfm2/model/weights.h"

namespace lfm2 {

// The convolution of channels begin .. end - 1. The chunk's last ctx.drafted tokens do not change `state`; the state
// after each of them is stored at drafted, drafted + drafted_stride and so on.
inline void ConvolveChannels(const KernelTable& kernels, const LayerContext& ctx, const float* kernel, uint32_t begin,
                             uint32_t end, float* state, float* drafted, size_t drafted_stride) {
  const uint32_t hidden = ctx.config.hidden_size, taps = ctx.config.conv_kernel;
  const auto convolve = [&](uint32_t first, uint32_t count, float* to) {
    kernels.ShortConv(ctx.workspace.conv.bcx + size_t{first} * 3 * hidden, count, hidden, begin, end, kernel, taps, to,
                      ctx.workspace.conv.out + size_t{first} * hidden);
  };
  const uint32_t known = ctx.tokens - ctx.drafted;
  convolve(0, known, state);
  if (!kHasDrafts) return;
  for (uint32_t t = known; t < ctx.tokens; ++t, state = drafted, drafted += drafted_stride) {
    for (uint32_t k = 0; k + 1 < taps; ++k) {
      const size_t at = size_t{k} * hidden + begin;
      std::memcpy(drafted + at, state + at, (end - begin) * sizeof(float));
    }
    convolve(t, 1, drafted);
  }
}

// Reads workspace.normed, writes workspace.delta. state[conv_kernel - 1, hidden_size] advances by the chunk's tokens
// except the drafted ones, see ConvolveChannels.
inline void ShortConvOperator(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                              float* state, float* drafted, size_t drafted_stride) {
  const Workspace& ws = ctx.workspace;
  const uint32_t hidden = ctx.config.hidden_size;
  const Product in_proj[] = {{&weights.conv_in, ws.conv.bcx}};
  MultiplyAll(kernels, ctx.executor, in_proj, PackInput(kernels, ctx, ws.normed, hidden, ws.panel));
  ParallelRanges(ctx.executor, hidden / kGroupColumns, [&](uint32_t begin, uint32_t end) {
    ConvolveChannels(kernels, ctx, weights.conv_kernel, begin * kGroupColumns, end * kGroupColumns, state, drafted,
                     drafted_stride);
  });
  const Product out_proj[] = {{&weights.conv_out, ws.delta}};
  MultiplyAll(kernels, ctx.executor, out_proj, PackInput(kernels, ctx, ws.conv.out, hidden, ws.conv.panel));
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_SHORT_CONV_H_
