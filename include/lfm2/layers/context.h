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

// One chunk on its way through the layers.
struct LayerContext {
  const ModelConfig& config;
  const Workspace& workspace;
  const Executor* executor;
  const Observer* observer;
  ExpertCache* expert_cache;  // null: every expert is addressable
  uint32_t position;          // of the chunk's first token
  uint32_t tokens;            // in the chunk
};

// The same product of several matrices with one input, as one piece of work: gate and up, or q, k and v.
struct Product {
  const Matrix* w;
  float* out;  // [tokens, w->rows]
};

}  // namespace lfm2

#endif  // LFM2_LAYERS_CONTEXT_H_
