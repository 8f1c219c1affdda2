// Grouped-query attention: delta = out_proj(attention(rope(norm(q)), rope(norm(k)), v)).
#ifndef LFM2_LAYERS_ATTENTION_OPERATOR_H_
#define LFM2_LAYERS_ATTENTION_OPERATOR_H_

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/products.h"
#include "lfm2/model/weights.h"

namespace lfm2 {

// Reads workspace.normed, writes workspace.delta. Keys and values of the chunk go into the cache first, so that each
// token then sees all up to itself.
inline void AttentionOperator(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                              const KvCache& kv) {
  const Workspace& ws = ctx.workspace;
  const ModelConfig& config = ctx.config;
  const uint32_t head_dim = config.head_dim, group = config.heads / config.kv_heads;
  const Product qkv[] = {
      {&weights.attn_q, ws.attention.q}, {&weights.attn_k, ws.attention.k}, {&weights.attn_v, ws.attention.v}};
  MultiplyAll(kernels, ctx.executor, qkv, PackInput(kernels, ctx, ws.normed, config.hidden_size, ws.panel));
  const auto prepare = [&](float* head, const float* norm, uint32_t t) {
    kernels.RmsNorm(head, norm, head_dim, config.norm_eps, head);
    kernels.Rope(head, head_dim, ws.rope + size_t{t} * head_dim);
  };
  // Tasks are (kv head, token): keys and values of one head stay in cache while the tokens go by.
  const auto each_head = [&](auto&& f) {
    ParallelRanges(ctx.executor, ctx.tokens * config.kv_heads, [&](uint32_t begin, uint32_t end) {
      for (uint32_t i = begin; i < end; ++i) f(i % ctx.tokens, i / ctx.tokens);
    });
  };
  each_head([&](uint32_t t, uint32_t h) {
    float* key = ws.attention.k + size_t{t} * config.kv_size() + h * head_dim;
    const float* value = ws.attention.v + size_t{t} * config.kv_size() + h * head_dim;
    prepare(key, weights.attn_k_norm, t);
    kernels.StoreKv(kv, h, ctx.position + t, key, value);
  });
  each_head([&](uint32_t t, uint32_t h) {
    const size_t at = size_t{t} * config.q_size() + size_t{h} * group * head_dim;
    for (uint32_t g = 0; g < group; ++g) prepare(ws.attention.q + at + g * head_dim, weights.attn_q_norm, t);
    kernels.Attend(ws.attention.q + at, group, ctx.position + t, kv, h, ws.attention.out + at);
  });
  const Product out_proj[] = {{&weights.attn_out, ws.delta}};
  MultiplyAll(kernels, ctx.executor, out_proj,
              PackInput(kernels, ctx, ws.attention.out, config.q_size(), ws.attention.panel));
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_ATTENTION_OPERATOR_H_
