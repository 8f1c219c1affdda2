// The activations of one chunk of tokens. Buffers that are never in use at the same time share memory.
#ifndef LFM2_LAYERS_WORKSPACE_H_
#define LFM2_LAYERS_WORKSPACE_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/kernels/panel.h"

namespace lfm2 {

// N below is the prefill chunk, A = N * experts_per_token the assignments of tokens to experts in it.
struct Workspace {
  float* x = nullptr;        // [N, hidden_size] residual stream
  float* normed = nullptr;   // [N, hidden_size] input of the operator or feed forward
  float* delta = nullptr;    // [N, hidden_size] its output, before it is added to x
  uint8_t* panel = nullptr;  // of `normed`
  float* rope = nullptr;     // [N, head_dim]: cosines and sines of each position
  // [N] mean square of x when it was last normalised; not finite where x is not.
  float* mean_square = nullptr;

  struct Conv {
    float* bcx = nullptr;      // [N, 3 * hidden_size]
    float* out = nullptr;      // [N, hidden_size]
    uint8_t* panel = nullptr;  // of `out`
  } conv;
  struct Attention {
    float* q = nullptr;            // [N, heads * head_dim]
    float* k = nullptr;            // [N, kv_heads * head_dim]
    float* v = nullptr;            // [N, kv_heads * head_dim]
    float* out = nullptr;          // [N, heads * head_dim]
    uint8_t* panel = nullptr;      // of `out`
    AttentionSum* sums = nullptr;  // [N, heads]
    // Results of parts that are not joined yet, where the context has several (kAttentionPart).
    float* part = nullptr;              // [part_rows, heads * head_dim]
    AttentionSum* part_sums = nullptr;  // [part_rows, heads]
    uint32_t part_rows = 0;             // at least N, and at least the parts of the context
  } attention;
  struct FeedForward {
    float* act = nullptr;      // [N, dense_ff_size]
    uint8_t* panel = nullptr;  // of `act`
  } ffn;
  struct Experts {
    float* scores = nullptr;         // [N, experts] router logits, then sigmoid of them
    uint16_t* chosen = nullptr;      // [N, experts_per_token] best first
    float* weights = nullptr;        // [N, experts_per_token]
    uint32_t* slot = nullptr;        // [N, experts_per_token] position of the assignment in expert order
    uint32_t* token = nullptr;       // [A] token of each assignment, in expert order
    uint32_t* offset = nullptr;      // [experts + 1] first assignment of each expert
    uint16_t* active = nullptr;      // [experts] those with an assignment
    uint16_t* batch = nullptr;       // [experts] indices in `active` of those that are computed together
    const uint8_t** data = nullptr;  // [experts] their records
    uint8_t* panel = nullptr;        // of the gathered inputs, expert by expert
    float* act = nullptr;            // [A, expert_ff_size]
    uint8_t* act_panel = nullptr;    // of `act`, expert by expert
    float* out = nullptr;            // [A, hidden_size]
  } moe;

  constexpr void Carve(const ModelConfig& config, uint32_t chunk, uint32_t context_length, Arena& arena) {
    const uint64_t n = chunk, hidden = config.hidden_size;
    x = arena.Carve<float>(n * hidden);
    normed = arena.Carve<float>(n * hidden);
    delta = arena.Carve<float>(n * hidden);
    panel = arena.Carve<uint8_t>(PanelBytes(n, hidden));
    rope = arena.Carve<float>(n * config.head_dim);
    mean_square = arena.Carve<float>(n);
    const uint64_t begin = arena.used();
    uint64_t end = begin;
    const auto next_part = [&] {
      end = Max(end, arena.used());
      arena.Rewind(begin);
    };
    conv.bcx = arena.Carve<float>(n * 3 * hidden);
    conv.out = arena.Carve<float>(n * hidden);
    conv.panel = arena.Carve<uint8_t>(PanelBytes(n, hidden));
    next_part();
    attention.q = arena.Carve<float>(n * config.q_size());
    attention.k = arena.Carve<float>(n * config.kv_size());
    attention.v = arena.Carve<float>(n * config.kv_size());
    attention.out = arena.Carve<float>(n * config.q_size());
    attention.panel = arena.Carve<uint8_t>(PanelBytes(n, config.q_size()));
    attention.sums = arena.Carve<AttentionSum>(n * config.heads);
    const uint32_t parts = AttentionParts(context_length);
    attention.part_rows = parts > 1 ? Max(chunk, parts) : 0;
    attention.part = arena.Carve<float>(uint64_t{attention.part_rows} * config.q_size());
    attention.part_sums = arena.Carve<AttentionSum>(uint64_t{attention.part_rows} * config.heads);
    next_part();
    ffn.act = arena.Carve<float>(n * config.dense_ff_size);
    ffn.panel = arena.Carve<uint8_t>(PanelBytes(n, config.dense_ff_size));
    next_part();
    const uint64_t assignments = n * config.experts_per_token;
    moe.scores = arena.Carve<float>(n * config.experts);
    moe.chosen = arena.Carve<uint16_t>(assignments);
    moe.weights = arena.Carve<float>(assignments);
    moe.slot = arena.Carve<uint32_t>(assignments);
    moe.token = arena.Carve<uint32_t>(assignments);
    moe.offset = arena.Carve<uint32_t>(uint64_t{config.experts} + 1);
    moe.active = arena.Carve<uint16_t>(config.experts);
    moe.batch = arena.Carve<uint16_t>(config.experts);
    moe.data = arena.Carve<const uint8_t*>(config.experts);
    moe.panel = arena.Carve<uint8_t>(PanelBytes(assignments, hidden));
    moe.act = arena.Carve<float>(assignments * config.expert_ff_size);
    moe.act_panel = arena.Carve<uint8_t>(PanelBytes(assignments, config.expert_ff_size));
    moe.out = arena.Carve<float>(assignments * hidden);
    next_part();
    arena.Carve<std::byte>(end - begin);
  }
};

}  // namespace lfm2

#endif  // LFM2_LAYERS_WORKSPACE_H_
