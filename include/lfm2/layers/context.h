// What is passed to every layer: the model's shape, where to compute, and which tokens.
#ifndef LFM2_LAYERS_CONTEXT_H_
#define LFM2_LAYERS_CONTEXT_H_

#include "lfm2/base/config.h"
#include "lfm2/base/executor.h"
#include "lfm2/format/model_config.h"
#include "lfm2/kernels/panel.h"
#include "lfm2/layers/observer.h"
#include "lfm2/layers/workspace.h"
#include "lfm2/model/expert_cache.h"

namespace lfm2 {

struct KernelTable;
struct LayerContext;
struct LayerWeights;

// What layers and sessions do when experts are streamed. A table that belongs to the image, so that programs that never
// open a streamed image do not link this code; the functions are documented in layers/streamed_experts.h.
struct StreamedExperts {
  Status (*bind)(ExpertCache& cache, const Image& image, const StreamShape& shape, const SlotPlan& slots,
                 const SessionOptions& options);
  void (*keep_reading)(ExpertCache& cache);
  uint32_t (*choose)(const LayerContext& ctx, const float* bias, uint32_t moe_layer);
  Status (*compute)(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                    const LayerWeights& next, const ExpertUse& use);
};

// One chunk of tokens as it passes through the layers.
struct LayerContext {
  const ModelConfig& config;
  const Workspace& workspace;
  const Executor* executor;
  const Observer* observer;
  const StreamedExperts* streamed;  // null: every expert is addressable
  ExpertCache* expert_cache;        // for streamed experts
  uint32_t position;                // of the chunk's first token
  uint32_t tokens;                  // in the chunk
  uint32_t drafted = 0;             // of them, the last ones: guesses, which must not change the state
};

// One of several matrices that are multiplied with the same input together: gate and up, or q, k and v.
struct Product {
  const Matrix* w;
  float* out;  // [tokens, w->rows]
};

}  // namespace lfm2

#endif  // LFM2_LAYERS_CONTEXT_H_
