// Grouped-query attention: delta = out_proj(attention(rope(norm(q)), rope(norm(k)), v)).
#ifndef LFM2_LAYERS_ATTENTION_OPERATOR_H_
#define LFM2_LAYERS_ATTENTION_OPERATOR_H_

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/products.h"
#include "lfm2/model/weights.h"

namespace lfm2 {

// Calls f(t, h) for every token and kv head: in this order keys and values of one head stay in cache for all tokens.
template <class F>
void ForHeads(const LayerContext& ctx, F&& f) {
  ParallelRanges(ctx.executor, ctx.tokens * ctx.config.kv_heads, [&](uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; ++i) f(i % ctx.tokens, i / ctx.tokens);
  });
}

// The workspace of the queries of one token that share one kv head.
struct HeadGroup {
  const float* q;      // [queries, head_dim]
  float* out;          // the same
  AttentionSum* sums;  // [queries]
  uint32_t queries;
};

// Computes `out` for every token and kv head; queries are prepared, and keys and values are in the cache. Parts of the
// context are computed one after another or, where there is room for the results of all, as separate tasks, so that few
// tokens can use more threads than there are kv heads. Parts are joined in the same order either way, with
// bit-identical results.
inline void AttendAll(const KernelTable& kernels, const LayerContext& ctx, const KvCache& kv) {
  const Workspace::Attention& ws = ctx.workspace.attention;
  const ModelConfig& config = ctx.config;
  const uint32_t head_dim = config.head_dim, queries = config.heads / config.kv_heads, tokens = ctx.tokens;
  const uint32_t parts = AttentionParts(ctx.position + tokens);
  const auto group = [&](uint32_t t, uint32_t h) -> HeadGroup {
    const size_t at = size_t{t} * config.q_size() + size_t{h} * queries * head_dim;
    return {ws.q + at, ws.out + at, ws.sums + size_t{t} * config.heads + h * queries, queries};
  };
  // Row `row` of the parts.
  const auto part_group = [&](uint32_t row, uint32_t h, const float* q) -> HeadGroup {
    return {q, ws.part + size_t{row} * config.q_size() + size_t{h} * queries * head_dim,
            ws.part_sums + size_t{row} * config.heads + h * queries, queries};
  };
  const auto attend = [&](const HeadGroup& g, uint32_t t, uint32_t h, uint32_t part) {
    const uint32_t begin = part * kAttentionPart, end = Min(ctx.position + t + 1, begin + kAttentionPart);
    kernels.AttendPart(g.q, queries, begin, end, kv, h, g.out, g.sums);
  };
  const auto join = [&](const HeadGroup& from, const HeadGroup& to) {
    kernels.JoinPart(from.out, from.sums, queries, head_dim, to.out, to.sums);
  };
  const auto parts_of = [&](uint32_t t) { return AttentionParts(ctx.position + t + 1); };
  const bool is_split = parts > 1 && uint64_t{tokens} * (parts - 1) <= ws.part_rows;
  if (is_split) {
    ParallelRanges(ctx.executor, config.kv_heads * parts * tokens, [&](uint32_t begin, uint32_t end) {
      for (uint32_t i = begin; i < end; ++i) {
        const uint32_t t = i % tokens, part = i / tokens % parts, h = i / tokens / parts;
        if (part >= parts_of(t)) continue;
        const HeadGroup whole = group(t, h);
        attend(part == 0 ? whole : part_group(t * (parts - 1) + part - 1, h, whole.q), t, h, part);
      }
    });
  }
  ForHeads(ctx, [&](uint32_t t, uint32_t h) {
    const HeadGroup whole = group(t, h);
    if (!is_split) attend(whole, t, h, 0);
    for (uint32_t part = 1; part < parts_of(t); ++part) {
      const HeadGroup next = part_group(is_split ? t * (parts - 1) + part - 1 : t, h, whole.q);
      if (!is_split) attend(next, t, h, part);
      join(next, whole);
    }
    kernels.EndAttention(whole.sums, queries, head_dim, whole.out);
  });
}

// Reads workspace.normed, writes workspace.delta. Keys and values of the chunk are stored in the cache first, so that
// each token attends to all tokens up to itself.
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
  ForHeads(ctx, [&](uint32_t t, uint32_t h) {
    float* key = ws.attention.k + size_t{t} * config.kv_size() + h * head_dim;
    const float* value = ws.attention.v + size_t{t} * config.kv_size() + h * head_dim;
    prepare(key, weights.attn_k_norm, t);
    kernels.StoreKv(kv, h, ctx.position + t, key, value);
    float* const query = ws.attention.q + size_t{t} * config.q_size() + size_t{h} * group * head_dim;
    for (uint32_t g = 0; g < group; ++g) prepare(query + g * head_dim, weights.attn_q_norm, t);
  });
  AttendAll(kernels, ctx, kv);
  const Product out_proj[] = {{&weights.attn_out, ws.delta}};
  MultiplyAll(kernels, ctx.executor, out_proj,
              PackInput(kernels, ctx, ws.attention.out, config.q_size(), ws.attention.panel));
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_ATTENTION_OPERATOR_H_
