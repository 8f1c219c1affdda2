// A window into a running model, for comparing it with another implementation and for recording what it does.
#ifndef LFM2_LAYERS_OBSERVER_H_
#define LFM2_LAYERS_OBSERVER_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// Both functions may be null. They are called between products, on the thread that called the session. The pointers are
// valid during the call only.
struct Observer {
  void* context = nullptr;  // passed to both
  // Called before each layer, and after the last one with layer == config.layers: the residual stream x[tokens,
  // hidden_size] of positions position .. position + tokens - 1.
  void (*hidden)(void* context, uint32_t layer, uint32_t position, uint32_t tokens, const float* x) = nullptr;
  // In each MoE layer, for each position: the experts_per_token chosen experts, best first, and their weights.
  void (*routing)(void* context, uint32_t layer, uint32_t position, const uint16_t* experts,
                  const float* weights) = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_LAYERS_OBSERVER_H_
