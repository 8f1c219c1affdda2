// The gated short convolution operator of LFM2: delta = out_proj(C * conv(B * x)), (B, C, x) = in_proj(normed).
#ifndef LFM2_LAYERS_SHORT_CONV_H_
#define LFM2_LAYERS_SHORT_CONV_H_

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/products.h"
#include "lfm2/model/weights.h"

namespace lfm2 {

// Reads workspace.normed, writes workspace.delta. state[conv_kernel - 1, hidden_size] moves on by the chunk's tokens.
inline void ShortConvOperator(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                              float* state) {
  const Workspace& ws = ctx.workspace;
  const uint32_t hidden = ctx.config.hidden_size;
  const Product in_proj[] = {{&weights.conv_in, ws.conv.bcx}};
  MultiplyAll(kernels, ctx.executor, in_proj, PackInput(kernels, ctx, ws.normed, hidden, ws.panel));
  ParallelRanges(ctx.executor, hidden / kGroupColumns, [&](uint32_t begin, uint32_t end) {
    kernels.ShortConv(ws.conv.bcx, ctx.tokens, hidden, begin * kGroupColumns, end * kGroupColumns, weights.conv_kernel,
                      ctx.config.conv_kernel, state, ws.conv.out);
  });
  const Product out_proj[] = {{&weights.conv_out, ws.delta}};
  MultiplyAll(kernels, ctx.executor, out_proj, PackInput(kernels, ctx, ws.conv.out, hidden, ws.conv.panel));
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_SHORT_CONV_H_
