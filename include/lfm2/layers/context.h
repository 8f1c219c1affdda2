// What every layer is handed: the model's shape, where to compute, and which tokens.
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

// What layers and sessions do where experts are read. As a table that an image carries, so that programs which never
// open an image of that kind have none of it: layers/streamed_experts.h says what each does.
struct StreamedExperts {
  Status (*bind)(ExpertCache& cache, const Image& image, const StreamShape& shape, const SlotPlan& slots,
                 const SessionOptions& options);
  void (*keep_reading)(ExpertCache& cache);
  uint32_t (*choose)(const LayerContext& ctx, const float* bias, uint32_t moe_layer);
  Status (*compute)(const KernelTable& kernels, const LayerContext& ctx, const LayerWeights& weights,
                    const LayerWeights& next, const ExpertUse& use);
};

// One chunk on its way through the layers.
struct LayerContext {
  const ModelConfig& config;
  const Workspace& workspace;
  const Executor* executor;
  const Observer* observer;
  const StreamedExperts* streamed;  // null: every expert is addressable
  ExpertCache* expert_cache;        // where experts are read
  uint32_t position;                // of the chunk's first token
  uint32_t tokens;                  // in the chunk
  uint32_t drafted = 0;             // of them, the last ones: guesses, which the state must not take for granted
};

// The same product of several matrices with one input, as one piece of work: gate and up, or q, k and v.
struct Product {
  const Matrix* w;
  float* out;  // [tokens, w->rows]
};

}  // namespace lfm2

#endif  // LFM2_LAYERS_CONTEXT_H_
