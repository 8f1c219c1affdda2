// Rotary position embedding: the angles of each position.
#ifndef LFM2_LAYERS_ROPE_TABLE_H_
#define LFM2_LAYERS_ROPE_TABLE_H_

#include <cmath>

#include "lfm2/format/model_config.h"
#include "lfm2/kernels/kernel_table.h"

namespace lfm2 {

// frequency[head_dim / 2] = theta^(-2 i / head_dim).
inline void FillRopeFrequency(const ModelConfig& config, float* frequency) {
  for (uint32_t i = 0; i < config.head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    frequency[i] = 1.0f / std::pow(config.rope_theta, exponent);
  }
}

// cos_sin[head_dim]: cosines, then sines, of position * frequency[head_dim / 2].
inline void FillRope(const float* frequency, uint32_t head_dim, uint32_t position, float* cos_sin) {
  const uint32_t half = head_dim / 2;
  for (uint32_t i = 0; i < half; ++i) {
    const float angle = static_cast<float>(position) * frequency[i];
    cos_sin[i] = std::cos(angle);
    cos_sin[half + i] = std::sin(angle);
  }
}

}  // namespace lfm2

#endif  // LFM2_LAYERS_ROPE_TABLE_H_
